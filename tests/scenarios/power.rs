//! Power cuts of those that lead.

use crate::lab::Lab;
use crate::lab::description::servers;
use crate::lab::node::Node;
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;

#[test]
fn leaders_that_lose_power_are_replaced_and_vote_again_when_they_are_back() {
    let mut transcript = Transcript::begin("leaders that lose power come back and vote");
    let lab = Lab::new([servers("consul-server", 3), servers("nomad-server", 3)].concat());
    lab.up();
    until("one Consul cluster", SOON, || lab.is_one_consul());
    until("one Nomad cluster", SOON, || lab.is_one_nomad());
    transcript.proved("three servers of each kind are one cluster");

    let dead = [lab.consul_leader().unwrap(), lab.nomad_leader().unwrap()];
    let before = dead.each_ref().map(Node::identity);
    dead[0].power_cut();
    let leads =
        until("the others have a leader of Consul", SOON, || heir(&dead[0], lab.consul_leader()));
    transcript.proved(&format!("{} led Consul and lost power; {leads} leads", dead[0].name));
    // Nomad goes on while a server of Consul is away, and loses its own leader only now.
    dead[1].power_cut();
    let leads =
        until("the others have a leader of Nomad", SOON, || heir(&dead[1], lab.nomad_leader()));
    transcript.proved(&format!("{} led Nomad and lost power; {leads} leads", dead[1].name));

    for node in &dead {
        node.boot();
    }
    for node in &dead {
        let after = node.until_ready();
        transcript.proved(&format!("{} is ready {after:.1} s after its power is back", node.name));
    }
    // Every server votes, and everybody is alive under the one name that it had.
    transcript.proved(&until("one Consul cluster", SOON, || lab.is_one_consul()));
    transcript.proved(&until("one Nomad cluster", SOON, || lab.is_one_nomad()));
    assert_eq!(dead.each_ref().map(Node::identity), before);
    transcript.proved("both are who they were");
}

/// Who leads in place of the dead one.
fn heir(dead: &Node<'_>, leader: Option<Node<'_>>) -> Result<String, String> {
    match leader {
        Some(leader) if leader.name != dead.name => Ok(leader.name.clone()),
        leader => Err(format!("{:?} leads", leader.map(|leader| leader.name.clone()))),
    }
}
