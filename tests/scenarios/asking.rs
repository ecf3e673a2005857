//! Who asks EC2 for the servers of the cluster, and when: no more than is needed, and always when it is.

use crate::doctor::ask::{BROKEN, expect};
use crate::lab::Lab;
use crate::lab::description::{Machine, clients, servers};
use crate::lab::node::Node;
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::{throughout, until};
use crate::lab::whole::{list, text};
use cos_agent::simulate::NodeKind;
use std::time::{Duration, Instant};

/// Many times what a node without a leader waits before it asks.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_client_that_has_a_leader_asks_ec2_nothing_while_a_server_is_away() {
    let mut transcript = Transcript::begin("a client asks nothing while a server is away");
    let kinds = [servers("consul-server", 3), servers("nomad-server", 1), clients(&["backoffice"])];
    let lab = Lab::new(kinds.concat());
    lab.up();
    until("one Consul cluster", SOON, || lab.is_one_consul());
    let (client, away) = (lab.node("backoffice"), lab.consul_leader().unwrap());
    until_auto_join_has_ended(&lab, &client);
    away.power_cut();
    until("the others have a leader", SOON, || {
        led_by(&client, |leader| *leader != away.address.to_string())
    });
    // An election that takes very long is a time without a leader.
    let before = asked(&lab, &client);
    throughout("the client asks EC2 nothing", LONG, || match asked(&lab, &client) {
        calls if calls == before => Ok(()),
        calls => Err(format!("{} calls", calls - before)),
    });
    transcript.proved("the leader has lost power for 60 s, and a client has asked EC2 nothing");
    away.boot();
    away.until_ready();
    transcript.proved(&until("one Consul cluster", SOON, || lab.is_one_consul()));
}

/// Waits until the auto-join of a node's daemons has ended: each tries again 15 s after a try that failed, even if
/// somebody else has made it join meanwhile.
fn until_auto_join_has_ended(lab: &Lab, node: &Node<'_>) {
    let mut calls = (asked(lab, node), Instant::now());
    until("the daemons' own auto-join has ended", 3 * LONG, || {
        let now = asked(lab, node);
        if now != calls.0 {
            calls = (now, Instant::now());
        }
        let quiet = calls.1.elapsed();
        if quiet > Duration::from_secs(20) { Ok(()) } else { Err(format!("{now} calls")) }
    });
}

#[test]
fn a_client_that_missed_the_replacement_of_all_servers_finds_the_new_ones() {
    let mut transcript = Transcript::begin("a client that missed the replacement of all servers");
    // It is the only client: nobody of those whom it knew is left, so gossip alone brings nobody back.
    let lab = Lab::new([servers("consul-server", 3), servers("nomad-server", 1)].concat());
    lab.up();
    until("one Consul cluster", SOON, || lab.is_one_consul());
    let client = lab.node("nomad-1");
    let before = client.main_pid("consul.service");
    lab.partition(&[&client]);
    for old in lab.role("consul-server") {
        let number = 3 + old.address.octets()[2];
        let kind = NodeKind::of("consul-server", None);
        let zone = old.address.octets()[2];
        let new = lab.add(Machine::new(&format!("consul-{number}"), &kind, 3, zone, 40));
        new.boot();
        new.until_ready();
        lab.terminate(&old);
        until("the old server is no peer any more", SOON, || {
            let peers = new.consul("/v1/status/peers")?;
            let is_there =
                list(&peers).any(|peer| text(peer).starts_with(&format!("{}:", old.address)));
            if is_there { Err(peers.to_string()) } else { Ok(()) }
        });
    }
    transcript.proved("all Consul servers were replaced, one by one, while a client was cut off");
    expect(&client, "net-consul-servers", BROKEN, "8301");
    lab.heal_partition();
    let new = lab.role("consul-server");
    transcript.proved(&until("the client has a leader among the new servers", 3 * SOON, || {
        led_by(&client, |leader| new.iter().any(|node| node.address.to_string() == *leader))
    }));
    assert_eq!(client.main_pid("consul.service"), before, "Consul was restarted");
    let joined = text(&client.status()["record"]["watch"]["last_join"]);
    assert!(joined.contains("Consul: "), "{joined}");
    transcript.proved(&format!("its watch says: {joined}"));
}

#[test]
fn a_node_whose_consul_may_not_ask_ec2_is_a_member_by_the_watch() {
    let mut transcript = Transcript::begin("a node whose Consul may not ask EC2");
    let lab = Lab::new([servers("consul-server", 3), servers("nomad-server", 1)].concat());
    let helpless = lab.node("nomad-1");
    // EC2 knows no such key, and the SDK in Consul asks for no other where the environment has one.
    let nobody = "[Service]\nEnvironment=AWS_ACCESS_KEY_ID=nobody AWS_SECRET_ACCESS_KEY=nobody\n";
    helpless.write("/etc/systemd/system/consul.service.d/nobody.conf", nobody);
    for server in lab.role("consul-server") {
        server.boot();
    }
    for server in lab.role("consul-server") {
        server.until_ready();
    }
    helpless.boot();
    until("its Consul answers", SOON, || helpless.consul("/v1/agent/self"));
    let answered = Instant::now();
    let words = until("it knows a leader", SOON, || led_by(&helpless, |_| true));
    let after = answered.elapsed().as_secs_f64();
    let journal = helpless.journal("consul.service");
    assert!(
        journal.contains("Cannot discover address")
            || journal.contains("discovering join addresses"),
        "{journal}"
    );
    let by_watch = helpless.status()["record"]["watch_joins"].clone();
    transcript.proved(&format!(
        "{words} {after:.1} s after its Consul answered; `watch_joins` is {by_watch}"
    ));
    let joined = text(&helpless.status()["record"]["watch"]["last_join"]);
    assert!(joined.contains("Consul: joined 10.20."), "{joined}");
    helpless.until_ready();
    transcript.proved(&format!("Consul was refused by EC2 all the time; the watch says: {joined}"));
}

/// How often a node has asked EC2.
fn asked(lab: &Lab, node: &Node<'_>) -> usize {
    let calls = lab.aws.calls().into_iter();
    calls.filter(|call| call.service == "ec2" && call.caller == node.address).count()
}

/// Whether a node knows such a leader of Consul.
fn led_by(node: &Node<'_>, is_wanted: impl Fn(&String) -> bool) -> Result<String, String> {
    let said = text(&node.consul("/v1/status/leader")?);
    let address = said.strip_suffix(":8300").unwrap_or_default().to_owned();
    if !address.is_empty() && is_wanted(&address) {
        Ok(format!("{} knows the leader {address}", node.name))
    } else {
        Err(format!("{} knows {said:?}", node.name))
    }
}
