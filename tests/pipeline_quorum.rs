//! A server restarts only while the others can do without it; what was put off happens later.
#![allow(clippy::disallowed_methods, reason = "tests touch the machine")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests end like tests")]

#[path = "support/node.rs"]
mod node;

use cos_agent::apply::ApplyError;
use cos_agent::error::Error;
use cos_agent::exit::ExitCode;
use cos_agent::simulate::Kind;
use cos_agent::simulate::instance::Instance;
use cos_agent::state::{Action, Daemon};
use cos_agent::system::consul::{Consul, Turn};
use node::{PATIENCE, TestNode, actions};
use std::time::Duration;

const OWN: &str = "i-0123456789abcdef0";

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
        assert_eq!(node.quorum.asked_of(daemon(role)), 1, "{role}");
        assert_eq!(node.quorum.asked(), 1, "{role}: the other daemon has nothing to say");
    }
}

#[tokio::test]
#[should_panic(expected = "nomad.service would not expect: PUT /v1/session/create")]
async fn a_request_that_goes_to_the_wrong_daemon_fails_the_test() {
    let node = TestNode::new("nomad-server").await;
    let nomad = Consul::new(&node.environment.nomad_api, PATIENCE).unwrap();
    assert!(matches!(nomad.take_turn("nomad.service").await, Turn::Unknown(_)));
}

#[tokio::test]
async fn a_server_that_the_quorum_needs_is_left_alone_and_restarts_later() {
    for role in ["consul-server", "nomad-server"] {
        for (status, servers) in [
            (None, vec![(OWN, true), ("i-0b", true), ("i-0c", false)]),
            (None, vec![(OWN, true), ("i-0b", true)]),
            (None, vec![(OWN, true)]),
            (Some((200, "not json")), vec![]),
            (Some((403, "Permission denied")), vec![]),
            (Some((500, "something else")), vec![]),
        ] {
            let node = server_that_must_restart(role).await;
            match status {
                Some((status, body)) => node.quorum.answers(status, body),
                None => node.quorum.says(&servers),
            }
            let case = format!("{role} {status:?} {servers:?}");
            let action = Action::Restart(daemon(role));
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
            assert!(actions(&outcome).contains(&action.words()), "{case}");
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
    let alone = Kind::of("consul-server", None).tags("demo", "1");
    let client = Kind::of("nomad-client", None).tags("demo", "3");
    for tags in [alone, client] {
        let node = TestNode::with(Instance { tags, ..Instance::default() }, &[]).await;
        node.converge().await;
        node.set("consul", "datacenter", "emea");
        node.quorum.says(&[]);
        node.units.take_jobs();
        node.converge().await;
        assert_eq!(node.units.take_jobs(), ["Restart consul.service"]);
        assert_eq!(node.quorum.asked(), 0);
    }
}

#[tokio::test]
async fn a_reload_needs_no_leave() {
    let node = TestNode::new("consul-server").await;
    node.converge().await;
    node.set("consul", "log_level", "debug");
    node.quorum.says(&[]);
    assert_eq!(actions(&node.converge().await), ["consul.service reloads"]);
    assert_eq!(node.quorum.asked(), 0);
}

#[tokio::test]
async fn servers_that_see_each_other_healthy_restart_one_after_the_other() {
    for role in ["consul-server", "nomad-server"] {
        let node = server_that_must_restart(role).await;
        node.quorum.turn_is_taken(true);
        let error = node.refused(PATIENCE).await;
        assert_eq!(error.exit_code(), ExitCode::NotYet, "{}", error.report());
        assert!(
            error.report().contains("another server restarts at this moment"),
            "{}",
            error.report()
        );
        let restart = format!("Restart {}", daemon(role).unit());
        assert!(!node.units.take_jobs().contains(&restart), "{role}");
        node.quorum.turn_is_taken(false);
        node.converge().await;
        assert!(node.units.take_jobs().contains(&restart), "{role}");
    }
}
