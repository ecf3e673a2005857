//! This node reaches the Nomad servers by TCP.

use crate::doctor::Check;
use crate::doctor::connectivity::{self, LOOK, Port, Server};
use crate::doctor::machine::Machine;
use crate::gates::{About, Context, Finding, Group, Impact, Page};
use crate::role::Role;
use crate::store::status::Identity;
use crate::system::daemon::nomad::{self, Member};
use serde::Deserialize;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Longest time for each list of servers.
const LIST: Duration = Duration::from_secs(1);
/// The servers as Consul knows them. With `stale`, a Consul without a leader answers too.
const IN_CONSUL: &str = "/v1/health/service/nomad?tag=rpc&stale";
const PORTS: [Port; 2] = [
    Port { number: nomad::RPC, rule: "TCP 4647 from this node to the Nomad servers" },
    Port {
        number: nomad::SERF,
        rule: "TCP and UDP 4648 in both directions between the Nomad servers",
    },
];

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "net-nomad-servers",
        title: "the ports of the Nomad servers answer",
        group: Group::Network,
        roles: Role::WITH_NOMAD,
        needs: &[],
        explains: &["nomad-servers-alive", "nomad-joined", "nomad-leader", "nomad-node-ready"],
        impact: Impact::Down,
        timeout: Duration::from_secs(9),
        page: Page {
            means: "A TCP connection to port 4647 of every live Nomad server opens, on servers also to port 4648. The servers are \
                    those that Nomad knows, and those that Consul lists under `nomad` with the tag `rpc`. Nothing is sent.",
            matters: "A client registers and sends its heartbeats by TCP 4647. Without them the servers replace its tasks.",
            look: &[
                "nomad server members",
                "nc -vz -w 2 SERVER 4647",
                "dig +short nomad.service.consul",
            ],
            fixes: &[connectivity::TOPICS],
            source: "https://developer.hashicorp.com/nomad/docs/deploy/production/requirements",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let Some(context) = &machine.context else {
        return Finding::Pass("no known server to ask".to_owned());
    };
    let is_server = context.node.nomad_servers().is_some();
    let ports = if is_server { &PORTS[..] } else { &PORTS[..1] };
    let servers = servers(context).await;
    let seen = tokio::time::timeout(LOOK, connectivity::look(servers, ports)).await;
    connectivity::judge(&seen.unwrap_or_default(), ports, "Nomad")
}

/// A server in the answer of Consul (<https://developer.hashicorp.com/consul/api-docs/health#list-service-instances-for-service>).
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    node: EntryNode,
    service: EntryService,
    #[serde(default)]
    checks: Vec<EntryCheck>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EntryNode {
    node: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EntryService {
    address: Ipv4Addr,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EntryCheck {
    status: String,
}

/// The other Nomad servers, as far as anything on this node knows them: a server from its gossip, a client from Consul.
async fn servers(context: &Context) -> Vec<Server> {
    let node = &context.node;
    if node.nomad_servers().is_some() {
        let asked = tokio::time::timeout(LIST, context.nomad.members()).await;
        let found = others(&asked.ok().and_then(Result::ok).unwrap_or_default(), node);
        if !found.is_empty() {
            return found;
        }
    }
    let asked = tokio::time::timeout(LIST, context.consul.api.get(IN_CONSUL)).await;
    let entries =
        asked.ok().and_then(Result::ok).and_then(|answer| answer.json::<Vec<Entry>>().ok());
    let found = listed(entries.unwrap_or_default(), node);
    if !found.is_empty() {
        return found;
    }
    let asked = tokio::time::timeout(LIST, context.nomad.servers()).await;
    known(&asked.ok().and_then(Result::ok).unwrap_or_default(), node)
}

/// The servers of this region that a server gossips with. Servers of other regions may be out of reach.
fn others(members: &[Member], node: &Identity) -> Vec<Server> {
    let is_here = |member: &Member| match (member.tags.get("region"), &node.nomad_region) {
        (Some(theirs), Some(ours)) => theirs == ours,
        _ => true,
    };
    let is_other = |member: &&Member| {
        member.addr != node.address && member.status != "left" && is_here(member)
    };
    let server = |member: &Member| Server {
        name: member.name.clone(),
        address: member.addr,
        is_alive: member.is_alive(),
    };
    members.iter().filter(is_other).map(server).collect()
}

fn listed(entries: Vec<Entry>, node: &Identity) -> Vec<Server> {
    let others = entries.into_iter().filter(|entry| entry.service.address != node.address);
    others
        .map(|entry| Server {
            name: entry.node.node,
            address: entry.service.address,
            is_alive: entry.checks.iter().all(|check| check.status != "critical"),
        })
        .collect()
}

/// The list of a client, which may hold servers that are gone.
fn known(list: &[String], node: &Identity) -> Vec<Server> {
    let addresses = list.iter().filter_map(|server| server.rsplit_once(':')?.0.parse().ok());
    addresses
        .filter(|address: &Ipv4Addr| *address != node.address)
        .map(|address| Server { name: "server".to_owned(), address, is_alive: false })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::checks::tests_support::identity;

    #[test]
    fn servers_come_from_gossip_from_consul_or_from_the_client() {
        let node = identity(Role::NomadServer, Some(3));
        let member = |last: u8, status: &str, region: &str| Member {
            name: format!("i-{last}.{region}"),
            addr: [10, 0, 0, last].into(),
            status: status.to_owned(),
            tags: [("region".to_owned(), region.to_owned())].into(),
        };
        let here = "eu-central-1";
        let members = [
            member(1, "alive", here),
            member(2, "alive", here),
            member(3, "failed", here),
            member(4, "left", here),
            member(5, "alive", "us-east-1"),
        ];
        let alive = |servers: Vec<Server>| {
            servers
                .iter()
                .map(|server| (server.address.octets()[3], server.is_alive))
                .collect::<Vec<_>>()
        };
        assert_eq!(alive(others(&members, &node)), [(2, true), (3, false)]);
        let entries = r#"[
            {"Node": {"Node": "i-2"}, "Service": {"Address": "10.0.0.2", "Port": 4647}, "Checks": [{"Status": "passing"}]},
            {"Node": {"Node": "i-3"}, "Service": {"Address": "10.0.0.3"}, "Checks": [{"Status": "passing"}, {"Status": "critical"}]},
            {"Node": {"Node": "i-1"}, "Service": {"Address": "10.0.0.1"}}]"#;
        assert_eq!(
            alive(listed(serde_json::from_str(entries).unwrap(), &node)),
            [(2, true), (3, false)]
        );
        let list = ["10.0.0.2:4647", "10.0.0.1:4647", "x"].map(str::to_owned);
        assert_eq!(alive(known(&list, &node)), [(2, false)]);
    }
}
