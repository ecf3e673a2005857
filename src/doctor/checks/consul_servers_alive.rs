//! Enough Consul servers are alive to elect a leader.

use super::{node_unknown, servers};
use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::gates::advice::{self, silent};
use crate::gates::{About, Finding, Group, Impact, Page};
use crate::role::Role;
use crate::state::Daemon;
use std::time::Duration;

/// The check. Servers that this node never saw are the finding of `consul-joined` and `consul-leader`.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "consul-servers-alive",
        title: "a majority of the Consul servers is alive",
        group: Group::Consul,
        roles: Role::ALL,
        needs: &["consul-agent-api"],
        explains: &[
            "consul-leader",
            "consul-catalog",
            "dns-consul",
            "nomad-consul-link",
            "nomad-leader",
            "nomad-node-ready",
            "consul-joined",
        ],
        impact: Impact::Down,
        timeout: Duration::from_millis(8800),
        page: Page {
            means: "More than half of the Consul servers that form the cluster are alive in the gossip pool. One server of three \
                    that restarts is no finding. Where a leader exists, the majority is there.",
            matters: "Fewer servers cannot elect a leader: the catalog cannot change, and no node can join.",
            look: &["consul members", "consul operator raft list-peers -stale"],
            fixes: &[servers::TOPICS, advice::TOPICS],
            source: "https://developer.hashicorp.com/consul/docs/concept/consensus",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let Some((context, daemons)) = machine.agents() else { return node_unknown() };
    let members = daemons.consul_members.get().await;
    match members.as_ref() {
        Ok(members) => {
            let (seen, own) = (servers::of_consul(members), context.node.consul_servers());
            servers::finding(Daemon::Consul, &seen, own, context.consul.leader()).await
        }
        Err(error) => silent(Daemon::Consul, error),
    }
}
