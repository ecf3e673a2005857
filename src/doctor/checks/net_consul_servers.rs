//! This node reaches the Consul servers by TCP.

use crate::doctor::Check;
use crate::doctor::connectivity::{self, LOOK, Port, Server};
use crate::doctor::machine::Machine;
use crate::gates::{About, Group, Impact, Page};
use crate::role::Role;
use crate::state::Daemon;
use crate::store::status::Identity;
use crate::system::aws::ec2::Peer;
use crate::system::daemon::consul::{self, Member};
use std::time::Duration;

/// Longest time for the list of members, which the agent answers from memory.
const MEMBERS: Duration = Duration::from_secs(2);
const PORTS: [Port; 2] = [
    Port { number: consul::RPC, rule: "TCP 8300 from this node to the Consul servers" },
    Port {
        number: consul::SERF,
        rule: "TCP and UDP 8301 in both directions between this node and the Consul servers",
    },
];

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "net-consul-servers",
        title: "the ports of the Consul servers answer",
        group: Group::Network,
        roles: Role::ALL,
        needs: &[],
        explains: &[
            "consul-joined",
            "consul-leader",
            "consul-servers-alive",
            "consul-catalog",
            "nomad-joined",
            "nomad-node-ready",
            "nomad-consul-link",
        ],
        impact: Impact::Down,
        timeout: Duration::from_secs(8),
        page: Page {
            means: "A TCP connection to ports 8300 and 8301 of every live Consul server opens. A port that times out is dropped \
                    on the way; one that is refused has no listener. Nothing is sent.",
            matters: "Agents join by TCP 8301 and send every request to TCP 8300 of the servers. A node that reaches only one of \
                      the two looks alive and does not work.",
            look: &["consul members", "nc -vz -w 2 SERVER 8300", "nc -vz -w 2 SERVER 8301"],
            fixes: &[connectivity::TOPICS],
            source: "https://developer.hashicorp.com/consul/docs/install/ports",
        },
    },
    probe: |machine| {
        Box::pin(async {
            let servers = servers(machine).await;
            let seen = tokio::time::timeout(LOOK, connectivity::look(servers, &PORTS)).await;
            connectivity::judge(&seen.unwrap_or_default(), &PORTS, "Consul")
        })
    },
    changed: None,
};

/// The other Consul servers: those that the agent knows; if it knows none, those that EC2 lists.
async fn servers(machine: &Machine) -> Vec<Server> {
    let Some(context) = &machine.context else { return Vec::new() };
    let asked = tokio::time::timeout(MEMBERS, context.consul.members()).await;
    let known = others(&asked.ok().and_then(Result::ok).unwrap_or_default(), &context.node);
    if !known.is_empty() {
        return known;
    }
    let listed = machine.aws.servers.get().await;
    let peers =
        listed.as_ref().as_ref().ok().and_then(|servers| servers.found.get(&Daemon::Consul));
    let is_other = |peer: &&Peer| peer.instance != context.node.instance;
    let server = |peer: &Peer| Server {
        name: peer.instance.clone(),
        address: peer.address,
        is_alive: false,
    };
    peers.into_iter().flat_map(|found| &found.peers).filter(is_other).map(server).collect()
}

fn others(members: &[Member], node: &Identity) -> Vec<Server> {
    let is_other = |member: &&Member| {
        member.is_server()
            && !member.has_left()
            && member.name != node.instance
            && member.addr != node.address
    };
    let server = |member: &Member| Server {
        name: member.name.clone(),
        address: member.addr,
        is_alive: member.is_alive(),
    };
    members.iter().filter(is_other).map(server).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::checks::tests_support::{identity, server};

    #[test]
    fn the_other_servers_are_those_that_have_not_left() {
        let node = identity(Role::ConsulServer, Some(3));
        let at = |name: &str, status, last: u8| Member {
            addr: [10, 0, 0, last].into(),
            ..server(name, status)
        };
        let client =
            Member { tags: [("role".to_owned(), "node".to_owned())].into(), ..at("i-9", 1, 9) };
        let members =
            [server(&node.instance, 1), at("i-2", 1, 2), at("i-3", 4, 3), at("i-4", 3, 4), client];
        let found: Vec<(String, bool)> = others(&members, &node)
            .into_iter()
            .map(|server| (server.name, server.is_alive))
            .collect();
        assert_eq!(found, [("i-2".to_owned(), true), ("i-3".to_owned(), false)]);
    }
}
