//! A change for a whole fleet at once: servers take turns.

use crate::lab::Lab;
use crate::lab::description::servers;
use crate::lab::inside::{CONSUL, NOMAD};
use crate::lab::node::Node;
use crate::lab::shell::{Output, SOON};
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use crate::lab::whole::two_leaderless;
use serde_json::Value;
use std::time::Duration;

/// What is changed: a key that neither Consul nor Nomad takes without a restart.
const SETTINGS: &str = "[consul.extra.limits]
http_max_conns_per_client = 700
[nomad.extra.limits]
http_max_conns_per_client = 700
";
/// The code of who has to wait for its turn.
const NOT_YET: Option<i32> = Some(75);
/// One election on a busy machine, and the start of a daemon.
const ELECTION: Duration = Duration::from_secs(20);
/// Three servers, one after the other: a turn takes 10 to 20 s, and a unit that was refused tries again after 10 s.
const ALL_TURNS: Duration = Duration::from_secs(240);

#[test]
fn a_change_on_all_servers_at_once_restarts_one_after_the_other() {
    let mut transcript = Transcript::begin("a change on all servers at once");
    let lab = Lab::new([servers("consul-server", 3), servers("nomad-server", 3)].concat());
    lab.up();
    until("one Consul cluster", SOON, || lab.is_one_consul());
    until("one Nomad cluster", SOON, || lab.is_one_nomad());
    // A cluster that has just formed calls nobody healthy yet, and then nobody may restart.
    for (name, api) in [("consul-1", CONSUL), ("nomad-1", NOMAD)] {
        until(&format!("all are healthy to {name}"), SOON, || {
            lab.node(name).get(api, "/v1/operator/autopilot/health")
        });
    }
    for node in lab.nodes() {
        node.write("/etc/cos-agent/config.d/limits.toml", SETTINGS);
    }
    let (consul, nomad) = (lab.role("consul-server"), lab.role("nomad-server"));
    let words = std::thread::scope(|scope| {
        let both =
            [scope.spawn(|| change(&consul, "consul")), scope.spawn(|| change(&nomad, "nomad"))];
        both.map(|one| one.join().unwrap())
    });
    for words in words {
        transcript.proved(&words);
    }
    transcript.proved(&until("one Consul cluster", SOON, || lab.is_one_consul()));
    transcript.proved(&until("one Nomad cluster", SOON, || lab.is_one_nomad()));
    for node in lab.nodes() {
        until(&format!("the unit of {} has done its work", node.name), SOON, || {
            let state = node.unit("cos-agent.service")["ActiveState"].clone();
            if state == "active" { Ok(()) } else { Err(state) }
        });
        assert_eq!(node.run(&["cos-agent", "plan", "--detailed-exitcode"]).code, Some(0));
    }
    transcript.proved("nothing is left to do");
}

/// Applies the change on all servers of a daemon at the same moment, and waits until all run with it; what was proved.
fn change(nodes: &[Node<'_>], daemon: &str) -> String {
    let before = started(nodes, daemon);
    let mut refused = 0;
    let gap = two_leaderless(nodes, || {
        let outputs = at_once(nodes, |node| node.run(&["cos-agent", "apply", "--no-wait"]));
        refused = outputs.iter().filter(|output| output.code == NOT_YET).count();
        let went = outputs.iter().filter(|output| output.is_ok()).count();
        // None of them goes where Consul's own servers are in an election for the whole of the time that a turn is
        // asked for; two never do.
        assert!(refused > 0 && went + refused == nodes.len(), "{outputs:#?}");
        // What is left is the business of the unit, as at a boot.
        at_once(nodes, |node| {
            node.run(&["systemctl", "restart", "--no-block", "cos-agent.service"])
        });
        until("all run with the new key", ALL_TURNS, || nodes.iter().try_for_each(is_new));
    });
    assert!(gap < ELECTION, "two servers of {daemon} knew no leader for {gap:?}");
    let mut times = started(nodes, daemon);
    assert!(times.iter().zip(&before).all(|(after, before)| after > before));
    times.sort_by(f64::total_cmp);
    let apart: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(apart.iter().all(|seconds| *seconds > 5.0), "{daemon}: started {apart:?} s apart");
    format!(
        "{daemon}: {refused} of {} were told to wait; all run with the new key, started {apart:.1?} s apart, without a \
         leader for {:.1} s",
        nodes.len(),
        gap.as_secs_f64()
    )
}

/// Does something on all nodes at the same moment.
fn at_once(nodes: &[Node<'_>], work: impl Fn(&Node<'_>) -> Output + Sync) -> Vec<Output> {
    std::thread::scope(|scope| {
        let all: Vec<_> = nodes.iter().map(|node| scope.spawn(|| work(node))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

/// When a daemon was started, on each node: seconds since the boot of the host.
fn started(nodes: &[Node<'_>], daemon: &str) -> Vec<f64> {
    let of = |node: &Node<'_>| {
        let unit = node.unit(&format!("{daemon}.service"));
        unit["ExecMainStartTimestampMonotonic"].parse::<f64>().unwrap() / 1e6
    };
    nodes.iter().map(of).collect()
}

/// Whether the server of a node runs with the new key, as it says itself.
fn is_new(node: &Node<'_>) -> Result<(), String> {
    let limit = |found: &Value| match found.as_u64() {
        Some(700) => Ok(()),
        _ => Err(format!("{}: {found}", node.name)),
    };
    match node.role() {
        "consul-server" => {
            limit(&node.consul("/v1/agent/self")?["DebugConfig"]["HTTPMaxConnsPerClient"])
        }
        _ => limit(&node.nomad("/v1/agent/self")?["config"]["Limits"]["HTTPMaxConnsPerClient"]),
    }
}
