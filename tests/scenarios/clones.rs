//! Images that were made of a machine that had been a node.

use crate::lab::Lab;
use crate::lab::description::{Machine, clients, servers};
use crate::lab::node::Node;
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use crate::lab::whole::{passing, service_job};
use std::collections::BTreeSet;

#[test]
fn instances_of_an_image_of_a_running_node_are_nodes_of_their_own() {
    let mut transcript = Transcript::begin("instances of an image of a running node are their own");
    let kinds = [servers("consul-server", 1), servers("nomad-server", 1), clients(&["backoffice"])];
    let lab = Lab::new(kinds.concat());
    lab.up();
    let (server, original) = (lab.node("nomad-1"), lab.node("backoffice"));
    server.put_nomad("/v1/jobs", &service_job("work", "backoffice")).unwrap();
    let runs_there = || {
        let found = passing(&server, "work")?;
        if found == [original.id.as_str()] { Ok(()) } else { Err(format!("on {found:?}")) }
    };
    until("the node works", SOON, runs_there);
    let before = original.identity();

    let clones = [41, 42].map(|number| {
        let machine = Machine::client(&format!("clone-{number}"), "backoffice", 2, number);
        lab.add(machine)
    });
    for clone in &clones {
        clone.take_disk_of(&original);
        let facts = clone.read("/var/lib/cos-agent/facts.json");
        assert!(facts.contains(&original.id), "{facts}");
        assert_eq!(clone.read("/opt/consul/data/node-id"), before.0);
        assert_eq!(clone.read("/opt/nomad/data/client/client-id"), before.1);
    }
    transcript.proved("two instances have a disk with the ids and the state of a node that runs");
    for clone in &clones {
        clone.boot();
    }
    for clone in &clones {
        let after = clone.until_ready();
        let aside = format!("/opt/consul/data.of-{}/node-id", original.id);
        assert_eq!(clone.read(&aside), before.0, "what was another's is kept");
        transcript.proved(&format!("{} is ready after {after:.1} s", clone.name));
    }
    // Everybody is alive, and every client is ready, each under its own name.
    transcript.proved(&until("one Consul cluster", SOON, || lab.is_one_consul()));
    transcript.proved(&until("one Nomad cluster", SOON, || lab.is_one_nomad()));
    assert_eq!(original.identity(), before);
    let all = [&original, &clones[0], &clones[1]].map(Node::identity);
    let (consul, nomad): (BTreeSet<_>, BTreeSet<_>) = all.into_iter().unzip();
    assert_eq!((consul.len(), nomad.len()), (3, 3), "{consul:?} {nomad:?}");
    transcript.proved("all three have ids of their own, and the original those that it had");
    until("the work is where it was", SOON, runs_there);
    original.until_ready();
    transcript.proved("the work of the original goes on there, and nowhere else");
    becomes_an_image_again(&clones[0]);
    transcript.proved(
        "`clean` refuses a node, and with --force it makes an image of one that has stopped",
    );
}

/// `clean` protects a node, also one whose daemons an operator has stopped.
fn becomes_an_image_again(node: &Node<'_>) {
    let id = || node.read("/opt/consul/data/node-id");
    let before = id();
    let refused = |reason: &str, words: &[&str]| {
        let output = node.run(&[&["cos-agent", "clean"], words].concat());
        assert_eq!(output.code, Some(78), "{output:?}");
        assert!(output.stderr.contains(reason), "{output:?}");
        assert_eq!(id(), before);
    };
    refused("is a node: it runs consul.service, nomad.service, cos-agent-watch.service", &[]);
    refused("is a node: ", &["--force"]);
    node.ok(&["touch", "/etc/cos-agent/disabled"]);
    let units = [
        "cos-agent-watch",
        "cos-agent-ready",
        "nomad",
        "consul",
        "docker.socket",
        "docker",
        "containerd",
    ];
    node.ok(&[&["systemctl", "stop"], &units[..]].concat());
    refused("has been a node", &[]);
    node.ok(&["cos-agent", "clean", "--force"]);
    node.ok(&["logger", "a line that journald would put on the disk"]);
    let doctor = node.run(&["cos-agent", "doctor", "--image"]);
    assert!(doctor.is_ok(), "{doctor:?}");
}
