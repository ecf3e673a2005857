//! Whose turn it is to restart, asked of a real Consul: one node at a time, and a turn that nobody gives back ends.
#![allow(clippy::disallowed_methods, reason = "tests touch the machine")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests end like tests")]

#[path = "support/programs.rs"]
mod programs;
#[path = "support/consul.rs"]
mod support;

use cos_agent::system::api::{Api, Quorum};
use cos_agent::system::consul;
use cos_agent::system::turn::{Held, Turn};
use serde_json::json;
use std::time::{Duration, Instant};
use support::Consul;

async fn take_turn(api: &str, name: &str) -> Turn {
    consul::Consul::new(api, Duration::from_secs(10)).unwrap().take_turn(name).await
}

/// Asks until the turn is ours.
async fn until_ours(consul: &Consul, name: &str, limit: Duration) -> Held {
    let started = Instant::now();
    loop {
        match take_turn(&consul.api, name).await {
            Turn::Ours(held) => return held,
            turn => {
                assert!(started.elapsed() < limit, "after {limit:?} the turn of {name} is {turn:?}")
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn one_node_at_a_time_and_the_next_when_the_turn_has_ended() {
    let consul = Consul::start(1);
    assert!(matches!(take_turn("http://127.0.0.1:1", "nobody").await, Turn::Unknown(_)));
    until_ours(&consul, "consul.service", Duration::from_secs(60)).await;
    for _ in 0..3 {
        assert_eq!(take_turn(&consul.api, "consul.service").await, Turn::Taken);
    }
    let held = match take_turn(&consul.api, "nomad.service").await {
        Turn::Ours(held) => held,
        turn => panic!("each daemon has turns of its own: {turn:?}"),
    };
    assert_eq!(take_turn(&consul.api, "nomad.service").await, Turn::Taken);
    let client = consul::Consul::new(&consul.api, Duration::from_secs(10)).unwrap();
    client.give_back(&held).await.unwrap();
    assert!(
        matches!(take_turn(&consul.api, "nomad.service").await, Turn::Ours(_)),
        "what is given back is the next one's at once"
    );
    // Consul ends a session after its time, and at the latest after twice as long.
    until_ours(&consul, "consul.service", Duration::from_secs(60)).await;
}

#[tokio::test]
async fn a_consul_that_waits_for_its_servers_gives_no_turns_and_says_why() {
    let consul = Consul::start(3);
    let started = Instant::now();
    loop {
        match take_turn(&consul.api, "nomad.service").await {
            Turn::Leaderless => return,
            // Nobody listens yet.
            Turn::Unknown(_) if started.elapsed() < Duration::from_secs(60) => {}
            turn => panic!("after {:?}: {turn:?}", started.elapsed()),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The rules that the agent names where one of these is denied, all of them.
const RULES: &str = r#"
operator = "read"
session_prefix "" { policy = "write" }
key_prefix "cos-agent/restart/" { policy = "write" }
"#;

/// Without a token, as the agent asks.
#[tokio::test]
async fn acls_deny_a_turn_until_the_anonymous_token_has_the_rules() {
    let acl = json!({ "acl": { "enabled": true, "default_policy": "deny" } });
    let consul = Consul::start_with(1, acl);
    let secret = consul.bootstrap().await;
    let health =
        || async { Api::new(&consul.api, Duration::from_secs(10)).unwrap().quorum().await };
    assert!(matches!(take_turn(&consul.api, "nomad.service").await, Turn::Denied(_)));
    assert!(matches!(health().await, Quorum::Denied(_)));
    consul.allow(&secret, "cos-agent", RULES).await;
    until_ours(&consul, "nomad.service", Duration::from_secs(60)).await;
    assert!(matches!(health().await, Quorum::Servers(_)), "{:?}", health().await);
}
