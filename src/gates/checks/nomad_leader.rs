//! Nomad has a leader, and this server is one of its voters.

use crate::gates::servers::{self, Servers};
use crate::gates::{Check, Context, Finding, Problem, hidden_vote, silent};
use crate::role::Role;
use crate::store::status::Identity;
use crate::system::daemon::api::ApiError;
use crate::system::daemon::nomad;
use crate::text::count;

/// The check. Being a voter is part of it: a server without a vote has not joined.
pub(super) static CHECK: Check = Check {
    id: "nomad-leader",
    title: "Nomad has a leader, and this server is one of its voters",
    roles: &[Role::NomadServer],
    needs: &["nomad-agent-api"],
    gate: true,
    probe: |context| Box::pin(probe(context)),
    changed: None,
};

async fn probe(context: &Context) -> Finding {
    match ask(context).await {
        Ok((leader, voters, servers)) => judge(leader.as_deref(), &voters, &servers, &context.node),
        Err(ApiError::Status { status: 403, path, .. }) if path.contains("raft") => {
            Finding::Waiting(hidden_vote("nomad"))
        }
        Err(error) => Finding::Fail(silent("nomad.service", &error)),
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
    let Some(leader) = leader else { return Finding::Waiting(servers.leaderless("nomad")) };
    let own = format!("{}:{}", node.address, nomad::RPC);
    if voters.contains(&own) {
        Finding::Pass(format!("{leader} leads {}", count(servers.alive, "server")))
    } else {
        Finding::Waiting(Problem::new(
            format!("the leader {leader} has not made this server a voter yet"),
            format!("{own} is one of the voters"),
            "autopilot adds it after 10 stable seconds; if this lasts, look at `nomad operator raft list-peers`",
        ))
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
