//! Networks that lose packets, that split, and that lead to nobody: nodes join all the same, and nothing is restarted.

use crate::doctor::ask::{BROKEN, expect, until_healthy};
use crate::lab::Lab;
use crate::lab::description::{clients, servers};
use crate::lab::inside::CONSUL;
use crate::lab::node::Node;
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::{throughout, until};
use crate::lab::whole::leaderless;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long the network is split.
const SPLIT: Duration = Duration::from_secs(60);
/// One election on a busy machine.
const ELECTION: Duration = Duration::from_secs(15);
/// Consul gives an address that does not answer 10 s, and then tries the next ones.
const DEAD_END: Duration = Duration::from_secs(60);

#[test]
fn a_node_joins_over_a_link_that_loses_a_fifth_of_its_packets() {
    let mut transcript = Transcript::begin("a link that loses packets");
    let kinds = [servers("consul-server", 1), servers("nomad-server", 1), clients(&["backoffice"])];
    let lab = Lab::new(kinds.concat());
    let client = lab.node("backoffice");
    lab.net.lossy(client.address, 20);
    lab.boot_all();
    for server in ["consul-1", "nomad-1"] {
        lab.node(server).until_ready();
    }
    let after = client.until_ready();
    transcript.proved(&format!(
        "a client that loses every fifth packet of each direction is ready {after:.1} s after power"
    ));
    let before = processes(&lab);
    lab.net.heal_all();
    until("one Consul cluster", SOON, || lab.is_one_consul());
    until("one Nomad cluster", SOON, || lab.is_one_nomad());
    assert_eq!(processes(&lab), before, "something was restarted");
    assert_eq!(restarts(&lab), 0);
    transcript.proved("the link heals: one cluster, and no daemon was ever restarted");
}

#[test]
fn a_server_that_is_cut_off_comes_back_without_a_restart() {
    let mut transcript = Transcript::begin("a server that is cut off");
    let lab = Lab::new(servers("consul-server", 3));
    lab.up();
    until("one Consul cluster", SOON, || lab.is_one_consul());
    let before = processes(&lab);
    let alone = lab.consul_leader().unwrap();
    let others: Vec<_> = lab.nodes().into_iter().filter(|node| node.name != alone.name).collect();

    let gap = leaderless(&others, || {
        lab.partition(&[&alone]);
        let started = Instant::now();
        until("the one that is cut off leads no more", SOON, || {
            match alone.consul("/v1/status/leader")? {
                leader if leader == "" => Ok(()),
                leader => Err(format!("{}: {leader}", alone.name)),
            }
        });
        until("the others can write", SOON, || put(&others[0], "from the majority"));
        let left = SPLIT.saturating_sub(started.elapsed());
        throughout("who is cut off writes nothing", left, || {
            match put(&alone, "from the minority") {
                Ok(()) => Err("it wrote".to_owned()),
                Err(_) => Ok(()),
            }
        });
        expect(&alone, "net-consul-servers", BROKEN, "8301");
        until_healthy(&others[0]);
    });
    assert!(gap < ELECTION, "the majority knew no leader for {gap:?}");
    transcript.proved(&format!(
        "the leader is cut off for {} s: the others had none for {:.1} s, and it leads nobody",
        SPLIT.as_secs(),
        gap.as_secs_f64()
    ));
    lab.heal_partition();
    transcript.proved(&until("one Consul cluster", SOON, || lab.is_one_consul()));
    let found =
        until("it has what was written", SOON, || alone.ask(CONSUL, "GET /v1/kv/proof?raw", ""));
    assert_eq!(found, (200, "from the majority".to_owned()));
    assert_eq!((processes(&lab), restarts(&lab)), (before, 0), "something was restarted");
    transcript.proved(
        "the network heals: it follows, with what the others wrote, and nothing was restarted",
    );
}

#[test]
fn a_server_that_is_gone_and_still_listed_holds_nobody_up() {
    let mut transcript = Transcript::begin("a server that is gone and still listed");
    let kinds = [servers("consul-server", 3), servers("nomad-server", 1), clients(&["backoffice"])];
    let lab = Lab::new(kinds.concat());
    let (client, nomad) = (lab.node("backoffice"), lab.node("nomad-1"));
    lab.everywhere(|node| {
        if node.name != client.name {
            node.boot();
        }
    });
    for node in lab.role("consul-server") {
        node.until_ready();
    }
    nomad.until_ready();
    // The first that EC2 lists is the first that a join tries.
    let listed = nomad.ok(&["cos-agent", "peers", "consul-server"]);
    let is_first = |node: &Node<'_>| listed.starts_with(&format!("{}\n", node.address));
    let gone = lab.role("consul-server").into_iter().find(is_first).unwrap();
    gone.power_cut();
    lab.net.silent(gone.address);
    until("the others have a leader", SOON, || match nomad.consul("/v1/status/leader")? {
        leader if leader == format!("{}:8300", gone.address) || leader == "" => {
            Err("none yet".to_owned())
        }
        _ => Ok(()),
    });
    assert_eq!(nomad.ok(&["cos-agent", "peers", "consul-server"]), listed);
    transcript.proved("a server has no power, EC2 lists it as running, packets to it vanish");

    client.boot();
    let after = client.until_ready();
    assert!(after < DEAD_END.as_secs_f64(), "{after}");
    assert_eq!(client.unit("consul.service")["NRestarts"], "0");
    transcript.proved(&format!("a client that boots is ready {after:.1} s after power"));

    until_healthy(&nomad);
    transcript.proved("the doctor finds nothing wrong with a node that has a leader");
    let before = daemons(&client, "MainPID");
    lab.net.silent_no_more(gone.address);
    gone.boot();
    gone.until_ready();
    transcript.proved(&until("one Consul cluster", SOON, || lab.is_one_consul()));
    assert_eq!(daemons(&client, "MainPID"), before, "something was restarted");
    transcript.proved("it comes back: one cluster, and nothing on the client was restarted");
}

/// The daemons of all nodes.
fn processes(lab: &Lab) -> BTreeMap<String, String> {
    let of = |node: &Node<'_>| (node.name.clone(), daemons(node, "MainPID").join(" "));
    lab.nodes().iter().map(of).collect()
}

/// How often systemd has started a daemon anew, on all nodes.
fn restarts(lab: &Lab) -> usize {
    let of = |node: &Node<'_>| {
        daemons(node, "NRestarts").iter().map(|n| n.parse::<usize>().unwrap()).sum::<usize>()
    };
    lab.nodes().iter().map(of).sum()
}

/// A property of the daemons of a node.
fn daemons(node: &Node<'_>, property: &str) -> Vec<String> {
    let units = ["consul.service", "nomad.service"];
    units.map(|unit| node.unit(unit)[property].clone()).to_vec()
}

/// Writes into Consul's store.
fn put(node: &Node<'_>, value: &str) -> Result<(), String> {
    let answer = node.ask(CONSUL, "PUT /v1/kv/proof", value)?;
    if answer == (200, "true".to_owned()) { Ok(()) } else { Err(format!("{answer:?}")) }
}
