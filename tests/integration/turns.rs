//! Whose turn it is to restart, asked of a real Consul: one node at a time, and a turn that nobody gives back ends.

use crate::support::consul::Consul;
use cos_agent::state::Daemon;
use cos_agent::system::daemon::api::Api;
use cos_agent::system::daemon::consul;
use cos_agent::system::daemon::quorum::Quorum;
use cos_agent::system::daemon::turn::{Held, Request, Turn};
use cos_agent::system::environment::Environment;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn client(api: &str) -> consul::Consul {
    consul::Consul::local(&environment(api), Duration::from_secs(10)).unwrap()
}

fn environment(api: &str) -> Environment {
    Environment { consul_api: api.to_owned(), ..Environment::default() }
}

async fn take_turn(api: &str, name: &str) -> Turn {
    Request::of(name).take(&client(api)).await
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
    client(&consul.api).give_back(&held).await.unwrap();
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

/// What stands before an agent and loses its answers to locks, so many as are left: Consul has given them.
async fn losing_locks(api: &str, left: usize) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let agent = api.strip_prefix("http://").unwrap().to_owned();
    tokio::spawn(async move {
        let mut left = left;
        while let Ok((mut asking, _)) = listener.accept().await {
            let mut question = Vec::new();
            while !is_whole(&question) {
                assert_ne!(asking.read_buf(&mut question).await.unwrap(), 0, "half a question");
            }
            let mut there = tokio::net::TcpStream::connect(&agent).await.unwrap();
            let question = String::from_utf8(question).unwrap();
            let alone = question.replacen("\r\n", "\r\nConnection: close\r\n", 1);
            there.write_all(alone.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            there.read_to_end(&mut answer).await.unwrap();
            if question.contains("acquire=") && left > 0 {
                left -= 1;
                assert!(
                    answer.ends_with(b"true\n") || answer.ends_with(b"true"),
                    "no lock to lose"
                );
                continue;
            }
            asking.write_all(&answer).await.unwrap();
        }
    });
    format!("http://{address}")
}

/// Whether a request has its headers and as much body as they say.
fn is_whole(question: &[u8]) -> bool {
    let text = String::from_utf8_lossy(question);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

#[tokio::test]
async fn a_turn_whose_answer_got_lost_is_found_again() {
    let consul = Consul::start(1);
    let held = until_ours(&consul, "nomad.service", Duration::from_secs(60)).await;
    client(&consul.api).give_back(&held).await.unwrap();
    let lossy = client(&losing_locks(&consul.api, 2).await);
    let mut request = Request::of("nomad.service");
    for _ in 0..2 {
        let turn = request.take(&lossy).await;
        assert!(matches!(turn, Turn::Unknown(_)), "{turn:?}");
    }
    let turn = request.take(&lossy).await;
    assert!(matches!(turn, Turn::Ours(_)), "this node waits for itself: {turn:?}");
    assert_eq!(take_turn(&consul.api, "nomad.service").await, Turn::Taken);
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
    let local = environment(&consul.api);
    let agent = Api::local(Daemon::Consul, &local, Duration::from_secs(10)).unwrap();
    let health = || agent.quorum();
    assert!(matches!(take_turn(&consul.api, "nomad.service").await, Turn::Denied(_)));
    assert!(matches!(health().await, Quorum::Denied(_)));
    consul.allow(&secret, "cos-agent", RULES).await;
    until_ours(&consul, "nomad.service", Duration::from_secs(60)).await;
    assert!(matches!(health().await, Quorum::Servers(_)), "{:?}", health().await);
}
