//! Nomad has a leader, and this server is one of its voters.

use super::{ANSWER, Gate};
use crate::gates::advice::{self, silent};
use crate::gates::servers::{self, Servers, hidden_vote, no_vote};
use crate::gates::{About, Check, Context, Finding, Group, Impact, Page};
use crate::role::Role;
use crate::state::Daemon;
use crate::store::status::Identity;
use crate::system::daemon::api::ApiError;
use crate::system::daemon::nomad;
use crate::text::count;

/// The check. Being a voter is part of it: a server without a vote has not joined.
pub static CHECK: Gate = Check {
    about: About {
        id: "nomad-leader",
        title: "Nomad has a leader, and this server is one of its voters",
        group: Group::Nomad,
        roles: &[Role::NomadServer],
        needs: &["nomad-agent-api"],
        explains: &["nomad-consul-link"],
        impact: Impact::Down,
        timeout: ANSWER,
        page: Page {
            means: "The Nomad servers have elected a leader, and the leader has made this server a voter.",
            matters: "Without a leader no job is scheduled. A server without a vote does not count towards the \
                   majority.",
            look: &["nomad server members", "nomad operator raft list-peers -stale"],
            fixes: &[advice::TOPICS, servers::TOPICS],
            source: "https://developer.hashicorp.com/nomad/api-docs/status",
        },
    },
    probe: |context| Box::pin(probe(context)),
    changed: None,
};

async fn probe(context: &Context) -> Finding {
    match ask(context).await {
        Ok((leader, voters, servers)) => judge(leader.as_deref(), &voters, &servers, &context.node),
        Err(ApiError::Status { status: 403, path, .. }) if path.contains("raft") => {
            Finding::Waiting(hidden_vote(Daemon::Nomad))
        }
        Err(error) => silent(Daemon::Nomad, &error),
    }
}

async fn ask(context: &Context) -> Result<(Option<String>, Vec<String>, Servers), ApiError> {
    let nomad = &context.nomad;
    let servers = servers::of_nomad(&nomad.members().await?, context.node.nomad_servers());
    let leader = nomad.leader().await?;
    let voters = if leader.is_some() { nomad.api.voters().await? } else { Vec::new() };
    Ok((leader, voters, servers))
}

fn judge(leader: Option<&str>, voters: &[String], servers: &Servers, node: &Identity) -> Finding {
    let Some(leader) = leader else { return Finding::Waiting(servers.leaderless(Daemon::Nomad)) };
    let own = format!("{}:{}", node.address, nomad::RPC);
    if voters.contains(&own) {
        Finding::Pass(format!("{leader} leads {}", count(servers.alive, "server")))
    } else {
        Finding::Waiting(no_vote(Daemon::Nomad, leader, &own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::checks::tests_support::identity;

    #[test]
    fn a_server_is_a_voter_of_a_leader() {
        let node = identity(Role::NomadServer, Some(3));
        let servers = Servers { alive: 3, expected: 3, differing: None };
        let own = [format!("{}:4647", node.address)];
        assert!(matches!(judge(Some("a:4647"), &own, &servers, &node), Finding::Pass(_)));
        assert!(matches!(judge(Some("a:4647"), &[], &servers, &node), Finding::Waiting(_)));
        assert!(matches!(judge(None, &own, &servers, &node), Finding::Waiting(_)));
    }
}
