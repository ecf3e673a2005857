//! Every Nomad server with a vote exists.

use super::{node_unknown, raft};
use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::gates::{About, Finding, Group, Impact, Page, advice, servers};
use crate::role::Role;
use crate::state::Daemon;
use std::time::Duration;

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "nomad-raft",
        title: "every Nomad server with a vote is a known server",
        group: Group::Nomad,
        roles: &[Role::NomadServer],
        needs: &["nomad-leader"],
        explains: &[],
        impact: Impact::Risk,
        timeout: Duration::from_millis(8800),
        page: Page {
            means: "The address of every voter in the Raft configuration is that of a server in the gossip pool. A server that \
                    has failed stays in the pool for days, so a voter outside it is one that does not come back.",
            matters: "A voter that does not exist counts towards the majority, so the cluster bears the loss of fewer servers.",
            look: &["nomad operator raft list-peers", "nomad server members"],
            fixes: &[raft::TOPICS, servers::TOPICS, advice::TOPICS],
            source: "https://developer.hashicorp.com/nomad/commands/operator/raft",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let Some((context, _)) = machine.agents() else { return node_unknown() };
    let agent = &context.nomad;
    raft::finding(Daemon::Nomad, async || {
        let peers = agent.api.peers().await?;
        let members = agent.members().await?;
        Ok((peers, members.iter().map(|member| member.addr).collect()))
    })
    .await
}
