//! All nodes at a glance.

use super::Lab;
use super::cgroup;
use super::node::Node;
use std::collections::BTreeMap;
use std::fmt::Write;

/// A line for each node; `after` are the seconds from power on to ready, where they are known.
pub(crate) fn table(lab: &Lab, after: &BTreeMap<String, f64>) -> String {
    let mut text = format!(
        "{:<18} {:<14} {:<18} {:<11} {:<20} {:>5}  {:<8} {:>8} {:>7}\n",
        "node", "role", "datacenter", "address", "instance", "zone", "state", "ready", "memory"
    );
    for node in lab.nodes() {
        let (state, words) = state(&node);
        let after = after.get(&node.name).map_or(String::new(), |after| format!("{after:.1} s"));
        let memory = cgroup::memory(&node.group())
            .map_or(String::new(), |bytes| format!("{} MB", bytes / 1_000_000));
        let _ = writeln!(
            text,
            "{:<18} {:<14} {:<18} {:<11} {:<20} {:>5}  {state:<8} {after:>8} {memory:>7}  {words}",
            node.name,
            node.role(),
            node.datacenter(),
            node.address,
            node.id,
            node.zone().chars().next_back().unwrap_or_default(),
        );
    }
    text
}

/// Off, cut, waiting or ready; and what is waited for.
fn state(node: &Node<'_>) -> (&'static str, String) {
    if !node.is_on() {
        return ("off", String::new());
    }
    match node.ready() {
        _ if node.folder().join("cut").exists() => ("cut", String::new()),
        Ok(()) => ("ready", String::new()),
        Err(words) => ("waiting", words.chars().take(80).collect()),
    }
}

/// The members of Consul by their state, as a node that can be asked sees them, and the leaders.
pub(crate) fn cluster(lab: &Lab) -> String {
    let asked = lab.nodes().into_iter().filter(Node::is_on).find_map(|node| {
        let members = node.consul("/v1/agent/members").ok()?;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for member in members.as_array()? {
            // hashicorp/serf, MemberStatus.
            let state = match member["Status"].as_u64() {
                Some(1) => "alive",
                Some(2) => "leaving",
                Some(3) => "left",
                _ => "failed",
            };
            *counts.entry(state).or_default() += 1;
        }
        Some(format!(
            "Consul as {} sees it: {counts:?}, leader {}",
            node.name,
            node.consul("/v1/status/leader").ok()?
        ))
    });
    let nomad = lab.role("nomad-server").into_iter().find_map(|node| {
        Some(format!(
            "Nomad as {} sees it: leader {}",
            node.name,
            node.nomad("/v1/status/leader").ok()?
        ))
    });
    let words =
        [asked, nomad].map(|words| words.unwrap_or_else(|| "nobody can be asked".to_owned()));
    words.join("\n") + "\n"
}
