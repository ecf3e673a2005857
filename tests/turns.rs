//! Whose turn it is to restart, asked of a real Consul: one node at a time, and a turn that nobody gives back ends.
#![allow(clippy::disallowed_methods, reason = "tests touch the machine")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests end like tests")]

#[path = "support/programs.rs"]
mod programs;
#[path = "support/consul.rs"]
mod support;

use cos_agent::system::consul::{self, Turn};
use std::time::{Duration, Instant};
use support::Consul;

async fn take_turn(api: &str, name: &str) -> Turn {
    consul::Consul::new(api, Duration::from_secs(10)).unwrap().take_turn(name).await
}

/// Asks until the answer is this one.
async fn until(consul: &Consul, name: &str, wanted: &Turn, limit: Duration) {
    let started = Instant::now();
    loop {
        let turn = take_turn(&consul.api, name).await;
        if turn == *wanted {
            return;
        }
        assert!(started.elapsed() < limit, "after {limit:?} the turn of {name} is {turn:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn one_node_at_a_time_and_the_next_when_the_turn_has_ended() {
    let consul = Consul::start(1);
    assert!(matches!(take_turn("http://127.0.0.1:1", "nobody").await, Turn::Unknown(_)));
    until(&consul, "consul.service", &Turn::Ours, Duration::from_secs(60)).await;
    for _ in 0..3 {
        assert_eq!(take_turn(&consul.api, "consul.service").await, Turn::Taken);
    }
    assert_eq!(
        take_turn(&consul.api, "nomad.service").await,
        Turn::Ours,
        "each daemon has turns of its own"
    );
    // Consul ends a session after its time, and at the latest after twice as long.
    until(&consul, "consul.service", &Turn::Ours, Duration::from_secs(60)).await;
}
