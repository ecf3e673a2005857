//! What the doctor says where nothing is wrong: no finding and nothing unknown; while servers elect a leader, that it waits.

use super::ask::{ask, memory};
use crate::lab::Lab;
use crate::lab::inside::{CONSUL, NOMAD};
use crate::lab::node::Node;
use crate::lab::wait::until;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const ROUNDS: usize = 10;
const ROUNDS_UNDER_LOAD: usize = 3;
/// Most memory of a healthy run, in KiB.
const MEMORY: u64 = 15 * 1024;
/// One election. A node that waits for longer is not healthy.
const ELECTION: Duration = Duration::from_secs(20);
/// The nodes that compute all the time while all are asked: one for each core of a small machine, which also has to run
/// AWS and the metadata of all nodes.
const BUSY: [&str; 2] = ["nomad-1", "backoffice"];
/// From the restart of a server until the others count on it again.
const RESTART: Duration = Duration::from_secs(60);
/// Autopilot of the restarted server counts on a server that has been there for so long.
const STABLE: Duration = Duration::from_secs(10);

/// Asks all nodes at once, many times.
pub(super) fn idle(lab: &Lab) -> String {
    let slowest = rounds(lab, ROUNDS);
    let alone = |node: &Node<'_>| (node.name.clone(), ask(node).took.as_secs_f64());
    let alone: BTreeMap<String, f64> = lab.nodes().iter().map(alone).collect();
    format!(
        "{ROUNDS} rounds on ten nodes at once found nothing; the slowest took {slowest:.1} s; alone: {alone:.1?}"
    )
}

/// What a healthy run takes of memory, on a node of each role.
pub(super) fn memory_of_roles(lab: &Lab) -> String {
    let peaks = ["consul-1", "nomad-1", "backoffice"].map(|name| memory(&lab.node(name)));
    assert!(peaks.iter().all(|peak| (1024..=MEMORY).contains(peak)), "{peaks:?} KiB");
    format!("a healthy run takes {peaks:?} KiB on consul-1, nomad-1 and backoffice")
}

/// Asks one node after the other while some of them compute.
pub(super) fn under_load(lab: &Lab) -> String {
    for name in BUSY {
        lab.node(name).ok(&[
            "systemd-run",
            "--unit=load",
            "--property=RuntimeMaxSec=300",
            "sh",
            "-c",
            "while :; do :; done",
        ]);
    }
    let started = Instant::now();
    let nodes = lab.nodes();
    let asked = nodes.iter().cycle().take(nodes.len() * ROUNDS_UNDER_LOAD);
    let number = asked.map(waits).count();
    let took = started.elapsed().as_secs_f64();
    for name in BUSY {
        lab.node(name).ok(&["systemctl", "stop", "load"]);
    }
    format!(
        "{number} reports while {} of the nodes compute found nothing, in {took:.1} s",
        BUSY.len()
    )
}

/// Restarts all servers, one after the other, and asks all nodes meanwhile.
pub(super) fn rolling_restart(lab: &Lab) -> String {
    let started = Instant::now();
    let (asked, has_ended) = (AtomicUsize::new(0), AtomicBool::new(false));
    let watch = |node: &Node<'_>| {
        let mut longest = Duration::ZERO;
        while !has_ended.load(Ordering::Relaxed) {
            longest = longest.max(waits(node));
            asked.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(500));
        }
        longest
    };
    let nodes = lab.nodes();
    let longest = std::thread::scope(|scope| {
        let watchers: Vec<_> = nodes.iter().map(|node| scope.spawn(|| watch(node))).collect();
        // The watchers end however this ends.
        let restarted = std::panic::catch_unwind(AssertUnwindSafe(|| {
            for (role, unit) in [("consul-server", "consul"), ("nomad-server", "nomad")] {
                lab.role(role).iter().for_each(|node| restart(node, unit));
            }
        }));
        has_ended.store(true, Ordering::Relaxed);
        restarted.unwrap_or_else(|panic| resume_unwind(panic));
        let ended = watchers.into_iter().map(std::thread::ScopedJoinHandle::join);
        ended.map(|longest| longest.unwrap_or_else(|panic| resume_unwind(panic))).max()
    });
    format!(
        "six servers restarted one after the other in {:.0} s, and {} reports found nothing; a node waited for {:.1} s at most",
        started.elapsed().as_secs_f64(),
        asked.load(Ordering::Relaxed),
        longest.unwrap_or_default().as_secs_f64()
    )
}

/// Restarts a server, and waits until the others count on it again.
fn restart(node: &Node<'_>, unit: &str) {
    node.ok(&["systemctl", "restart", unit]);
    let api = if unit == "consul" { CONSUL } else { NOMAD };
    let was_away = Instant::now();
    until(&format!("the servers are healthy without {}", node.name), RESTART, || {
        let health = node.get(api, "/v1/operator/autopilot/health")?;
        let is_healthy = health["Healthy"] == true && was_away.elapsed() > STABLE;
        if is_healthy { Ok(()) } else { Err(health.to_string()) }
    });
}

/// Asks all nodes at once, again and again; the seconds of the slowest round.
fn rounds(lab: &Lab, number: usize) -> f64 {
    let mut slowest = Duration::ZERO;
    for _ in 0..number {
        let started = Instant::now();
        lab.everywhere(|node| {
            waits(node);
        });
        slowest = slowest.max(started.elapsed());
    }
    slowest.as_secs_f64()
}

/// Asks until the node waits for nothing, which takes no longer than an election; how long it waited.
fn waits(node: &Node<'_>) -> Duration {
    let started = Instant::now();
    loop {
        let said = ask(node);
        let (waiting, troubles) = (said.with("waiting"), said.troubles());
        let is_healthy = said.code == 0 && troubles.len() == waiting.len();
        assert!(is_healthy, "{}, code {}: {troubles:#?}", node.name, said.code);
        if waiting.is_empty() {
            return started.elapsed().saturating_sub(said.took);
        }
        assert!(started.elapsed() < ELECTION, "{} still waits: {waiting:#?}", node.name);
        std::thread::sleep(Duration::from_millis(300));
    }
}
