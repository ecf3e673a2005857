//! The cluster of the reference system: what its scripts write, its tags and nothing else, the oldest Consul that is supported.

use crate::lab::Lab;
use crate::lab::description::{Machine, REGION};
use crate::lab::node::Node;
use crate::lab::shell::SOON;
use crate::lab::wait::until;
use crate::lab::whole::{list, text};
use crate::programs;
use cos_agent::simulate::NodeKind;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// The tag by which its nodes find their Consul servers.
pub(super) const TAG: (&str, &str) = ("consul-servers", "COS-consul");
/// Where its Consul is.
pub(super) const CONSUL: &str = "/opt/consul/bin/consul";
/// The user data.
const USER_DATA: &str = include_str!("user-data");

/// Its servers of Consul.
pub(super) fn consul_servers() -> Vec<Machine> {
    (1..=3).map(|zone| machine("consul", "consul-server", zone, 51, &[TAG])).collect()
}

/// Its servers of Nomad.
pub(super) fn nomad_servers() -> Vec<Machine> {
    let tags =
        [("nomad-servers", "COS-NMS-leader"), ("datacenter", "leader"), ("node-type", "server")];
    (1..=3).map(|zone| machine("nomad", "nomad-server", zone, 61, &tags)).collect()
}

/// Two of its clients.
pub(super) fn clients() -> Vec<Machine> {
    let tags = [
        ("nomad-servers", "COS-NMC-backoffice"),
        ("datacenter", "backoffice"),
        ("node-type", "client"),
    ];
    (1..=2).map(|zone| machine("client", "nomad-client", zone, 71, &tags)).collect()
}

/// What one is, is in its name alone: no tag of cos-agent is on it.
fn machine(short: &str, role: &str, zone: u8, number: u8, tags: &[(&str, &str)]) -> Machine {
    let datacenter = (role == "nomad-client").then_some("backoffice");
    let kind = NodeKind::of(role, datacenter);
    let mut machine = Machine::new(&format!("old-{short}-{zone}"), &kind, 3, zone, number);
    let named = [("Name", format!("COS-{short}"))];
    let tags = tags.iter().map(|(key, value)| (*key, (*value).to_owned())).chain(named);
    machine.tags = tags.map(|(key, value)| (key.to_owned(), value)).collect::<BTreeMap<_, _>>();
    machine
}

/// Its nodes of a kind: `consul`, `nomad` or `client`.
pub(super) fn nodes<'a>(lab: &'a Lab, short: &str) -> Vec<Node<'a>> {
    let prefix = format!("old-{short}");
    lab.nodes().into_iter().filter(|node| node.name.starts_with(&prefix)).collect()
}

/// Switches a node on, without cos-agent, and does what its user data says.
pub(super) fn boot(node: &Node<'_>) {
    let agent = "/etc/systemd/system/multi-user.target.wants/cos-agent.service";
    node.remove(&[agent]);
    node.write("/root/user-data", USER_DATA);
    let consul = node.path(CONSUL);
    fs::create_dir_all(consul.parent().unwrap()).unwrap();
    fs::copy(programs::oldest_consul().path, &consul).unwrap();
    fs::set_permissions(&consul, fs::Permissions::from_mode(0o755)).unwrap();
    node.boot();
    node.booted();
    let (role, datacenter) = match node.name.as_str() {
        name if name.starts_with("old-consul") => ("consul-server", "-"),
        name if name.starts_with("old-nomad") => ("nomad-server", "leader"),
        _ => ("nomad-client", "backoffice"),
    };
    let address = node.address.to_string();
    node.ok(&["bash", "/root/user-data", role, &node.id, &address, REGION, datacenter]);
}

/// Boots all of them, and waits until they are one cluster.
pub(super) fn up(lab: &Lab) {
    lab.everywhere(boot);
    let count = lab.nodes().len();
    let server = lab.node("old-consul-1");
    until("the old Consul", SOON * 2, || alive(&server, count).and_then(|()| voters(&server, 3)));
    for node in nodes(lab, "nomad") {
        until("the old Nomad", SOON * 2, || nomad_voters(&node, 3));
    }
    let clients = nodes(lab, "client");
    until("the old clients", SOON * 2, || match clients.first() {
        Some(client) => ready(client, clients.len()),
        None => Ok(()),
    });
}

/// Whether this node sees so many members alive, and has a leader.
pub(super) fn alive(node: &Node<'_>, count: usize) -> Result<(), String> {
    let members = node.consul("/v1/agent/members")?;
    let alive = list(&members).filter(|member| member["Status"] == 1).count();
    let leader = node.consul("/v1/status/leader")?;
    let is_whole = alive == count && leader != "";
    if is_whole { Ok(()) } else { Err(format!("{alive} alive, leader {leader}")) }
}

/// Whether Consul's servers are so many, and all vote.
pub(super) fn voters(node: &Node<'_>, count: usize) -> Result<(), String> {
    all_vote(&node.consul("/v1/operator/raft/configuration")?, count)
}

/// The same of Nomad.
pub(super) fn nomad_voters(node: &Node<'_>, count: usize) -> Result<(), String> {
    all_vote(&node.nomad("/v1/operator/raft/configuration")?, count)
}

fn all_vote(raft: &serde_json::Value, count: usize) -> Result<(), String> {
    let votes: Vec<bool> = list(&raft["Servers"]).map(|server| server["Voter"] == true).collect();
    let leads = list(&raft["Servers"]).any(|server| server["Leader"] == true);
    let is_so = leads && votes.len() == count && votes.iter().all(|votes| *votes);
    if is_so { Ok(()) } else { Err(raft.to_string()) }
}

/// Whether so many clients of Nomad are ready.
pub(super) fn ready(node: &Node<'_>, count: usize) -> Result<(), String> {
    let nodes = node.nomad("/v1/nodes")?;
    let ready = list(&nodes).filter(|found| text(&found["Status"]) == "ready").count();
    if ready == count { Ok(()) } else { Err(nodes.to_string()) }
}
