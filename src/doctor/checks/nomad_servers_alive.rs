//! Enough Nomad servers are alive to elect a leader.

use super::{node_unknown, servers};
use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::gates::advice::{self, silent};
use crate::gates::{About, Finding, Group, Impact, Page};
use crate::role::Role;
use crate::state::Daemon;
use std::time::Duration;

/// The check. Servers that this node never saw are the finding of `nomad-joined` and `nomad-leader`.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "nomad-servers-alive",
        title: "a majority of the Nomad servers is alive",
        group: Group::Nomad,
        roles: &[Role::NomadServer],
        needs: &["nomad-agent-api"],
        explains: &["nomad-leader", "nomad-joined"],
        impact: Impact::Down,
        timeout: Duration::from_millis(8800),
        page: Page {
            means: "More than half of the Nomad servers that form the cluster are alive in the gossip pool of this region. One \
                    server of three that restarts is no finding. Where a leader exists, the majority is there.",
            matters: "Fewer servers cannot elect a leader: no job is scheduled, and no client can register.",
            look: &["nomad server members", "nomad operator raft list-peers -stale"],
            fixes: &[servers::TOPICS, advice::TOPICS],
            source: "https://developer.hashicorp.com/nomad/docs/architecture/cluster/consensus",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let Some((context, daemons)) = machine.agents() else { return node_unknown() };
    let members = daemons.nomad_members.get().await;
    match members.as_ref() {
        Ok(members) => {
            let seen = servers::of_nomad(members, context.node.nomad_region.as_deref());
            let own = context.node.nomad_servers();
            servers::finding(Daemon::Nomad, &seen, own, context.nomad.leader()).await
        }
        Err(error) => silent(Daemon::Nomad, error),
    }
}
