//! Consul has a leader, and this server is one of its voters.

use super::{ANSWER, Gate};
use crate::gates::advice::{self, silent};
use crate::gates::servers::{self, Servers, hidden_vote, no_vote};
use crate::gates::{About, Check, Context, Finding, Group, Impact, Page};
use crate::role::Role;
use crate::state::Daemon;
use crate::store::status::Identity;
use crate::system::daemon::api::ApiError;
use crate::text::count;

/// The check. Being a voter is part of it: a server without a vote has not joined.
pub static CHECK: Gate = Check {
    about: About {
        id: "consul-leader",
        title: "Consul has a leader",
        group: Group::Consul,
        roles: Role::ALL,
        needs: &["consul-joined"],
        explains: &[
            "nomad-joined",
            "nomad-consul-link",
            "dns-consul",
            "nomad-leader",
            "nomad-node-ready",
        ],
        impact: Impact::Down,
        timeout: ANSWER,
        page: Page {
            means: "The Consul servers have elected a leader, and on a Consul server the leader has made it a voter.",
            matters: "Without a leader the catalog cannot change, no lock can be taken, and Nomad does not find its \
                   servers.",
            look: &[
                "curl -s http://127.0.0.1:8500/v1/status/leader",
                "consul operator raft list-peers -stale",
            ],
            fixes: &[advice::TOPICS, servers::TOPICS],
            source: "https://developer.hashicorp.com/consul/api-docs/status",
        },
    },
    probe: |context| Box::pin(probe(context)),
    changed: None,
};

async fn probe(context: &Context) -> Finding {
    match ask(context).await {
        Ok((leader, voters, servers)) => {
            judge(leader.as_deref(), voters.as_deref(), &servers, &context.node)
        }
        Err(ApiError::Status { status: 403, path, .. }) if path.contains("raft") => {
            Finding::Waiting(hidden_vote(Daemon::Consul))
        }
        Err(error) => silent(Daemon::Consul, &error),
    }
}

async fn ask(
    context: &Context,
) -> Result<(Option<String>, Option<Vec<String>>, Servers), ApiError> {
    let leader = context.consul.leader().await?;
    let servers =
        servers::of_consul(&context.consul.members().await?, context.node.consul_servers());
    let is_voter = leader.is_some() && context.node.consul_servers().is_some();
    let voters = if is_voter { Some(context.consul.api.voters().await?) } else { None };
    Ok((leader, voters, servers))
}

fn judge(
    leader: Option<&str>,
    voters: Option<&[String]>,
    servers: &Servers,
    node: &Identity,
) -> Finding {
    let Some(leader) = leader else { return Finding::Waiting(servers.leaderless(Daemon::Consul)) };
    let own = format!("{}:8300", node.address);
    if voters.is_some_and(|voters| !voters.contains(&own)) {
        return Finding::Waiting(no_vote(Daemon::Consul, leader, &own));
    }
    Finding::Pass(format!("{leader} leads {}", count(servers.alive, "server")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::checks::tests_support::identity;
    use crate::system::environment::Environment;
    use crate::system::root::Root;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// A path of the API, and the status and the body of its answer.
    type Answer = (&'static str, u16, &'static str);

    const LEADER: Answer = ("/v1/status/leader", 200, "\"10.0.0.2:8300\"");
    const NOBODY: Answer = ("/v1/status/leader", 200, "\"\"");
    const MEMBERS: Answer = ("/v1/agent/members", 200, "[]");
    const DENIED: Answer = ("/v1/agent/members", 403, "Permission denied");

    /// What is found beside a Consul that gives these answers, and 404 at every other path.
    async fn found(node: Identity, answers: &[Answer]) -> Finding {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let consul_api = format!("http://{}", listener.local_addr().unwrap());
        let serve = async {
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let length = connection.read(&mut request).await.unwrap();
                let request = String::from_utf8_lossy(&request[..length]);
                let asked = request.split(' ').nth(1).unwrap_or_default();
                let known = answers.iter().find(|(path, ..)| *path == asked);
                let (_, status, body) = known.copied().unwrap_or((asked, 404, ""));
                let answer = format!(
                    "HTTP/1.1 {status} -\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                connection.write_all(answer.as_bytes()).await.unwrap();
            }
        };
        let environment = Environment { consul_api, ..Environment::default() };
        let root = Root::at("/nonexistent".as_ref());
        let context = Context::new(node, &root, &environment, ANSWER).unwrap();
        tokio::select! { found = probe(&context) => found, () = serve => unreachable!() }
    }

    #[test]
    fn a_server_is_a_voter_of_a_leader() {
        let node = identity(Role::ConsulServer, Some(3));
        let servers = Servers { alive: 3, expected: 3, differing: None };
        let own = [format!("{}:8300", node.address)];
        assert!(matches!(judge(Some("a:8300"), Some(&own), &servers, &node), Finding::Pass(_)));
        assert!(matches!(judge(Some("a:8300"), Some(&[]), &servers, &node), Finding::Waiting(_)));
        assert!(matches!(judge(Some("a:8300"), None, &servers, &node), Finding::Pass(_)));
    }

    #[test]
    fn a_cluster_without_enough_servers_has_words_of_its_own() {
        let node = identity(Role::ConsulServer, Some(3));
        let Finding::Waiting(problem) =
            judge(None, None, &Servers { alive: 1, expected: 3, differing: None }, &node)
        else {
            panic!("not an error of this node")
        };
        assert_eq!(problem.found, "no leader: 1 of 3 servers is alive");
    }

    #[tokio::test]
    async fn only_a_server_whose_cluster_has_a_leader_needs_a_vote() {
        let client = found(identity(Role::NomadClient, None), &[LEADER, MEMBERS]).await;
        assert_eq!(client, Finding::Pass("10.0.0.2:8300 leads 0 servers".to_owned()));
        let leaderless = found(identity(Role::ConsulServer, Some(3)), &[NOBODY, MEMBERS]).await;
        assert!(matches!(leaderless, Finding::Waiting(_)), "{leaderless:?}");
    }

    #[tokio::test]
    async fn acls_that_hide_the_members_hide_no_vote() {
        let denied = found(identity(Role::ConsulServer, Some(3)), &[LEADER, DENIED]).await;
        assert!(matches!(denied, Finding::Unknown(_)), "{denied:?}");
    }
}
