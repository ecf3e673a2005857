//! An instance refresh of the servers, as Auto Scaling does it: a new server is launched from the template, completes its hook when
//! it votes, and then an old one is terminated.

use super::healthy;
use crate::lab::Lab;
use crate::lab::node::Node;
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use crate::lab::whole::leaderless;
use std::collections::BTreeSet;
use std::time::Duration;

/// From the power of a server to its vote, with the time in which autopilot watches it (10 s), on a busy machine.
const VOTES: Duration = Duration::from_secs(120);
/// The longest time without a leader: an election of Raft, on a busy machine.
const ELECTION: Duration = Duration::from_secs(20);

#[test]
#[ignore = "long: `tests/run --long`"]
fn six_servers_are_replaced_and_nobody_founds_a_second_cluster() {
    let mut transcript = Transcript::begin("six servers are replaced");
    let lab = healthy();
    for (role, daemon) in [("consul-server", "consul"), ("nomad-server", "nomad")] {
        for number in 1..=3 {
            let old = lab.node(&format!("{daemon}-{number}"));
            let mut others = lab.role(role);
            others.retain(|node| node.name != old.name);
            let new = format!("{daemon}-{}", number + 3);
            let gap = leaderless(&others, || replace(&lab, role, &old, &new));
            assert!(gap < ELECTION, "{} s without a leader", gap.as_secs());
            let what = until("one Consul cluster", VOTES, || lab.is_one_consul());
            let nomad = until("one Nomad cluster", VOTES, || lab.is_one_nomad());
            let gap = gap.as_secs_f64();
            transcript.proved(&format!(
                "{new} for {}: {gap:.1} s without a leader; {what}; {nomad}",
                old.name
            ));
        }
    }
    let refused = lab.refused();
    assert!(refused.is_empty(), "{refused:?}");
    let names: BTreeSet<String> = lab.nodes().into_iter().map(|node| node.machine.name).collect();
    assert!(names.contains("consul-6") && names.contains("nomad-6") && names.len() == 10);
}

/// Launches a server, waits until it is in service, and terminates another.
fn replace(lab: &Lab, role: &str, old: &Node<'_>, name: &str) {
    let new = lab.launch(&format!("demo-{role}"), name);
    new.boot();
    until(&format!("{name} is in service"), VOTES, || {
        let found = lab.aws.lifecycle(&new.id);
        if found["state"] == "InService" { Ok(()) } else { Err(found.to_string()) }
    });
    // A cluster that has formed is joined, and not founded: it is rendered without `bootstrap_expect`.
    let file =
        if role == "consul-server" { "/etc/consul.d/cos.json" } else { "/etc/nomad.d/cos.json" };
    let rendered = new.read(file);
    assert!(!rendered.contains("bootstrap_expect"), "{name}: {rendered}");
    lab.terminate(old);
}
