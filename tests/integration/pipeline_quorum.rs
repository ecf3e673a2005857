//! A server restarts only while the others can do without it; what was put off happens later.

use crate::support::{node, quorum};
use cos_agent::apply::ApplyError;
use cos_agent::error::Error;
use cos_agent::exit::ExitCode;
use cos_agent::plan::node::UnrecordedData;
use cos_agent::simulate::NodeKind;
use cos_agent::simulate::instance::Instance;
use cos_agent::state::{Action, Daemon};
use cos_agent::system::daemon::consul::Consul;
use cos_agent::system::daemon::turn::{Request, Turn};
use node::{PATIENCE, TestNode, actions};
use std::time::Duration;

const OWN: &str = "i-0123456789abcdef0";
/// Longer than an election and the longest pause.
const LONG: Duration = Duration::from_secs(60);

/// A server that runs and whose new settings need a restart.
async fn server_that_must_restart(role: &str) -> TestNode {
    let node = TestNode::new(role).await;
    node.converge().await;
    node.set("consul", "datacenter", "emea");
    node.set("nomad", "region", "emea");
    node.units.take_jobs();
    node
}

fn daemon(role: &str) -> Daemon {
    if role == "consul-server" { Daemon::Consul } else { Daemon::Nomad }
}

#[tokio::test]
async fn a_server_restarts_while_the_others_keep_the_quorum() {
    for (role, servers) in [
        ("consul-server", [(OWN, true), ("i-0b", true), ("i-0c", true)]),
        ("consul-server", [(OWN, false), ("i-0b", true), ("i-0c", true)]),
        // Nomad names its servers with the region.
        (
            "nomad-server",
            [("i-0123456789abcdef0.eu-central-1", true), ("i-0b.r", true), ("i-0c.r", true)],
        ),
    ] {
        let node = server_that_must_restart(role).await;
        node.quorum.says(&servers);
        node.converge().await;
        let restart = format!("Restart {}", daemon(role).unit());
        assert!(node.units.take_jobs().contains(&restart), "{role} {servers:?}");
        assert_eq!(
            node.quorum.asked_of(daemon(role)),
            2,
            "{role}: before and after the turn is ours"
        );
        assert_eq!(node.quorum.asked(), 2, "{role}: the other daemon has nothing to say");
        assert_eq!(node.quorum.sessions(), (1, 0), "{role}: the turn lasts beyond the run");
    }
}

#[tokio::test]
#[should_panic(expected = "nomad.service would not expect: PUT /v1/session/create")]
async fn a_request_that_goes_to_the_wrong_daemon_fails_the_test() {
    let node = TestNode::new("nomad-server").await;
    let mut environment = node.environment.clone();
    environment.consul_api.clone_from(&environment.nomad_api);
    let nomad = Consul::local(&environment, PATIENCE).unwrap();
    assert!(matches!(Request::of("nomad.service").take(&nomad).await, Turn::Unknown(_)));
}

#[tokio::test]
async fn a_server_that_the_quorum_needs_is_left_alone_and_restarts_later() {
    for role in ["consul-server", "nomad-server"] {
        for (status, servers) in [
            (None, vec![(OWN, true), ("i-0b", true), ("i-0c", false)]),
            (None, vec![(OWN, true), ("i-0b", true)]),
            (None, vec![(OWN, true)]),
            (Some((200, "not json")), vec![]),
            (Some((500, "something else")), vec![]),
        ] {
            let node = server_that_must_restart(role).await;
            match status {
                Some((status, body)) => node.quorum.answers(status, body),
                None => node.quorum.says(&servers),
            }
            let case = format!("{role} {status:?} {servers:?}");
            let action = Action::restart(daemon(role));
            let restart = format!("Restart {}", daemon(role).unit());
            for _ in 0..2 {
                let error = node.refused(PATIENCE).await;
                assert!(matches!(error, Error::Apply(ApplyError::QuorumAtRisk { .. })), "{case}");
                assert_eq!(error.exit_code(), ExitCode::NotYet, "{case}");
                assert!(!node.units.take_jobs().contains(&restart), "{case}");
                assert!(node.manifest().pending.contains(&action), "{case}");
                assert!(node.read(daemon(role).file()).contains("emea"), "{case}: written");
            }
            node.quorum.says(&[("i-0a", true), ("i-0b", true), ("i-0c", true)]);
            let outcome = node.converge().await;
            assert!(actions(&outcome).contains(&action.to_string()), "{case}");
            assert!(node.units.take_jobs().contains(&restart), "{case}");
            assert!(node.manifest().pending.is_empty(), "{case}");
            assert!(node.converge().await.plan.is_empty(), "{case}");
        }
    }
}

#[tokio::test]
async fn an_agent_that_does_not_answer_puts_the_restart_off() {
    let mut node = server_that_must_restart("consul-server").await;
    node.environment.consul_api = "http://127.0.0.1:1".to_owned();
    let error = node.refused(PATIENCE).await;
    assert!(matches!(error, Error::Apply(ApplyError::QuorumAtRisk { .. })), "{}", error.report());
    assert!(node.units.take_jobs().iter().all(|job| !job.starts_with("Restart")));
}

#[tokio::test]
async fn an_election_is_waited_for() {
    for (status, body) in [
        (500, "No cluster leader"),
        (429, r#"{"Healthy":false,"FailureTolerance":0,"Servers":null}"#),
    ] {
        waits_for_an_election(status, body).await;
    }
}

/// From here on the agent knows of nobody; then a leader is there and has looked at its servers.
async fn waits_for_an_election(status: u16, body: &str) {
    let node = server_that_must_restart("consul-server").await;
    node.quorum.answers(status, body);
    let elected = async {
        tokio::time::timeout(Duration::from_secs(10), async {
            while node.quorum.asked() < 2 {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
        node.quorum.says(&[(OWN, true), ("i-0b", true), ("i-0c", true)]);
    };
    let (_, ()) = tokio::join!(node.converge(), elected);
    assert!(node.units.take_jobs().contains(&"Restart consul.service".to_owned()));
}

#[tokio::test]
async fn nobody_is_asked_where_there_is_no_quorum_to_lose() {
    let alone = NodeKind::of("consul-server", None).tags("demo", "1");
    let client = NodeKind::of("nomad-client", None).tags("demo", "3");
    for tags in [alone, client] {
        let node = TestNode::with(Instance { tags, ..Instance::default() }, &[]).await;
        node.converge().await;
        node.set("consul", "datacenter", "emea");
        node.quorum.says(&[]);
        node.units.take_jobs();
        node.converge().await;
        assert_eq!(node.units.take_jobs(), ["Restart consul.service"]);
        assert!(node.quorum.asked() <= 1, "{}", node.quorum.asked());
    }
}

#[tokio::test]
async fn tags_that_say_one_take_no_vote_from_a_server_that_has_companions() {
    let tags = NodeKind::of("consul-server", None).tags("demo", "3");
    let node = TestNode::with(Instance { tags, ..Instance::default() }, &[]).await;
    node.converge().await;
    node.service.change(|found| drop(found.tags.insert("cos:servers".to_owned(), "1".to_owned())));
    node.quorum.says(&[(OWN, true), ("i-0b", true), ("i-0c", false)]);
    node.units.take_jobs();
    let error = node.refused(PATIENCE).await;
    assert_eq!(error.exit_code(), ExitCode::NotYet, "{}", error.report());
    assert!(!node.units.take_jobs().contains(&"Restart consul.service".to_owned()));
}

#[tokio::test]
async fn a_reload_needs_no_leave() {
    let node = TestNode::new("consul-server").await;
    node.converge().await;
    node.set("consul", "log_level", "debug");
    node.quorum.says(&[]);
    assert_eq!(actions(&node.converge().await), ["reload consul.service"]);
    assert_eq!(node.quorum.asked(), 0);
}

#[tokio::test]
async fn servers_that_see_each_other_healthy_restart_one_after_the_other() {
    for role in ["consul-server", "nomad-server"] {
        let node = server_that_must_restart(role).await;
        node.quorum.turn_is_taken(true);
        let error = node.refused(PATIENCE).await;
        assert_eq!(error.exit_code(), ExitCode::NotYet, "{}", error.report());
        assert!(error.report().contains("another server is restarting"), "{}", error.report());
        let restart = format!("Restart {}", daemon(role).unit());
        assert!(!node.units.take_jobs().contains(&restart), "{role}");
        node.quorum.turn_is_taken(false);
        node.converge().await;
        assert!(node.units.take_jobs().contains(&restart), "{role}");
    }
}

#[tokio::test]
async fn health_from_before_the_turn_does_not_count() {
    for role in ["consul-server", "nomad-server"] {
        let node = server_that_must_restart(role).await;
        node.quorum.says(&[(OWN, true), ("i-0b", true), ("i-0c", true)]);
        node.quorum.then_says(&[(OWN, true), ("i-0b", false), ("i-0c", false)]);
        let error = node.refused(PATIENCE).await;
        assert!(matches!(error, Error::Apply(ApplyError::QuorumAtRisk { .. })), "{role}");
        let restart = format!("Restart {}", daemon(role).unit());
        assert!(!node.units.take_jobs().contains(&restart), "{role}");
        assert_eq!(node.quorum.sessions(), (1, 1), "{role}: the turn is given back");
        assert!(node.manifest().pending.contains(&Action::restart(daemon(role))), "{role}");
        node.quorum.says(&[(OWN, true), ("i-0b", true), ("i-0c", true)]);
        node.converge().await;
        assert!(node.units.take_jobs().contains(&restart), "{role}");
    }
}

#[tokio::test]
async fn a_permission_that_is_missing_leaves_the_restart_due_and_is_named() {
    let denied = (403, "Permission denied");
    for role in ["consul-server", "nomad-server"] {
        for missing in ["health", "session", "key"] {
            let node = TestNode::new(role).await;
            node.converge().await;
            let (table, key) = (daemon(role).name(), ["datacenter", "region"]);
            node.set(table, key[usize::from(table == "nomad")], "emea");
            node.units.take_jobs();
            let policy = match (missing, role) {
                ("health", "consul-server") => {
                    node.quorum.answers(denied.0, denied.1);
                    "`operator = \"read\"`"
                }
                ("health", _) => {
                    node.quorum.answers(denied.0, denied.1);
                    "`operator { policy = \"read\" }`"
                }
                ("session", _) => {
                    node.quorum.refuses_sessions(denied);
                    "`session_prefix \"\" { policy = \"write\" }`"
                }
                _ => {
                    node.quorum.refuses_keys(denied);
                    "`key_prefix \"cos-agent/restart/\" { policy = \"write\" }`"
                }
            };
            let unit = daemon(role).unit();
            let restart = format!("Restart {unit}");
            for _ in 0..2 {
                node.converge().await;
                assert!(!node.units.take_jobs().contains(&restart), "{role} {missing}");
                let pending = node.manifest().pending;
                assert_eq!(pending, [Action::restart(daemon(role))], "{role} {missing}");
                let notes = node.notes();
                let by_hand = format!("`systemctl restart {unit}`");
                assert!(
                    notes.contains(policy) && notes.contains(&by_hand),
                    "{role} {missing}: {notes}"
                );
            }
            let (made, given_back) = node.quorum.sessions();
            assert_eq!(made, given_back, "{role} {missing}: nothing is held");
            node.quorum.says(&[(OWN, true), ("i-0b", true), ("i-0c", true)]);
            node.quorum.refuses_sessions(None);
            node.quorum.refuses_keys(None);
            node.converge().await;
            assert!(node.units.take_jobs().contains(&restart), "{role} {missing}");
            assert_eq!(node.notes(), "", "{role} {missing}");
            assert!(node.converge().await.plan.is_empty(), "{role} {missing}");
        }
    }
}

/// Nomad without a leader takes its turn from Consul.
#[tokio::test(start_paused = true)]
async fn nomad_servers_without_a_leader_restart_one_at_a_time_too() {
    let node = server_that_must_restart("nomad-server").await;
    node.quorum.loses_its_leader();
    node.quorum.turn_is_taken(true);
    let error = node.refused(LONG).await;
    assert!(error.report().contains("another server is restarting"), "{}", error.report());
    node.quorum.turn_is_taken(false);
    node.converge_within(LONG).await;
    assert!(node.units.take_jobs().contains(&"Restart nomad.service".to_owned()));
    assert_eq!(node.quorum.sessions(), (2, 1));
}

/// Where nobody can give a turn, chance keeps them apart.
#[tokio::test(start_paused = true)]
async fn servers_without_a_leader_that_nobody_gives_a_turn_restart_after_a_random_pause() {
    for role in ["consul-server", "nomad-server"] {
        let mut pauses = Vec::new();
        for _ in 0..4 {
            let node = server_that_must_restart(role).await;
            node.quorum.loses_its_leader();
            node.quorum.refuses_sessions((500, quorum::NO_LEADER));
            let started = tokio::time::Instant::now();
            node.converge_within(LONG).await;
            let restart = format!("Restart {}", daemon(role).unit());
            assert!(node.units.take_jobs().contains(&restart), "{role}");
            pauses.push(started.elapsed().as_millis() / 50);
        }
        pauses.sort_unstable();
        pauses.dedup();
        assert!(pauses.len() > 1, "{role}: always the same pause");
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_elected_during_the_pause_puts_the_restart_off() {
    let node = server_that_must_restart("consul-server").await;
    node.quorum.loses_its_leader();
    let elected = async {
        // Once a second for as long as an election may take, and then the pause.
        while node.quorum.asked() < 21 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        node.quorum.knows("10.20.1.12:8300", &[]);
        node.quorum.says(&[(OWN, true), ("i-0b", true), ("i-0c", true)]);
    };
    let (error, ()) = tokio::join!(node.refused(LONG), elected);
    assert!(matches!(error, Error::Apply(ApplyError::QuorumAtRisk { .. })), "{}", error.report());
    assert!(!node.units.take_jobs().contains(&"Restart consul.service".to_owned()));
}

/// A change of tags must not take a server from its quorum.
#[tokio::test]
async fn a_server_that_gets_another_role_stays_one_while_its_quorum_needs_it() {
    for (role, other, job) in [
        ("nomad-server", "consul-server", "Stop nomad.service"),
        ("nomad-server", "nomad-client", "Restart nomad.service"),
        ("consul-server", "nomad-client", "Restart consul.service"),
    ] {
        let node = TestNode::new(role).await;
        node.converge().await;
        node.units.take_jobs();
        node.become_role(other);
        for answer in ["sick", "denied", "silent"] {
            match answer {
                "sick" => node.quorum.says(&[(OWN, true), ("i-0b", true), ("i-0c", false)]),
                "denied" => node.quorum.answers(403, "Permission denied"),
                _ => node.quorum.answers(500, "something else"),
            }
            let before = node.configuration();
            let error = node.refused(PATIENCE).await;
            let case = format!("{role} to {other}, {answer}: {}", error.report());
            assert_eq!(error.exit_code(), ExitCode::NotYet, "{case}");
            assert!(error.report().contains(&format!("becomes a {other}")), "{case}");
            assert!(node.configuration() == before, "{case}: nothing is half done");
            assert!(node.units.take_jobs().is_empty(), "{case}");
        }
        node.quorum.says(&[(OWN, true), ("i-0b", true), ("i-0c", true)]);
        node.quorum.turn_is_taken(true);
        let error = node.refused(PATIENCE).await;
        assert_eq!(error.exit_code(), ExitCode::NotYet, "{}", error.report());
        assert!(!node.units.take_jobs().contains(&job.to_owned()), "{role} to {other}");
        // Its old role is on no tag any more.
        node.quorum.says(&[(OWN, true), ("i-0b", true), ("i-0c", false)]);
        node.quorum.turn_is_taken(false);
        node.refused(PATIENCE).await;
        assert!(!node.units.take_jobs().contains(&job.to_owned()), "{role} to {other}");
        node.quorum.says(&[(OWN, true), ("i-0b", true), ("i-0c", true)]);
        node.converge().await;
        assert!(node.units.take_jobs().contains(&job.to_owned()), "{role} to {other}");
        assert!(node.converge().await.plan.is_empty(), "{role} to {other}");
        assert!(node.manifest().leaving.is_empty(), "{role} to {other}");
    }
}

#[tokio::test]
async fn the_only_server_of_a_cluster_may_get_another_role() {
    let node = TestNode::new("nomad-server").await;
    node.converge().await;
    node.become_role("consul-server");
    node.quorum.says(&[("i-0123456789abcdef0.eu-central-1", true)]);
    node.converge().await;
    assert!(node.units.take_jobs().contains(&"Stop nomad.service".to_owned()));
}

#[tokio::test]
async fn a_client_that_becomes_a_server_asks_no_quorum() {
    for role in ["consul-server", "nomad-server"] {
        let node = TestNode::new("nomad-client").await;
        node.converge().await;
        node.become_role(role);
        // A client that knows no server.
        node.quorum.answers(500, "No known Consul servers");
        node.converge().await;
        assert_eq!(node.quorum.asked(), 0, "{role}");
    }
}

#[tokio::test]
async fn data_that_is_discarded_is_not_taken_from_below_a_server_that_the_quorum_needs() {
    let node = TestNode::new("consul-server").await;
    node.converge().await;
    node.write("/opt/consul/data/raft/raft.db", "nobody's");
    for path in [cos_agent::store::MANIFEST.path, cos_agent::store::FACTS.path] {
        std::fs::remove_file(node.path(path)).unwrap();
    }
    node.units.take_jobs();
    node.quorum.says(&[(OWN, true), ("i-0b", true), ("i-0c", false)]);
    let error = node.try_converge(PATIENCE, UnrecordedData::Discard).await.err().unwrap();
    assert_eq!(error.exit_code(), ExitCode::NotYet, "{}", error.report());
    assert!(node.units.take_jobs().is_empty() && node.has("/opt/consul/data/raft/raft.db"));
    node.quorum.says(&[(OWN, true), ("i-0b", true), ("i-0c", true)]);
    assert!(node.try_converge(PATIENCE, UnrecordedData::Discard).await.is_ok());
    assert_eq!(node.units.take_jobs(), ["Stop consul.service", "Start consul.service"]);
    assert!(node.has("/opt/consul/data.discarded/raft/raft.db"));
}
