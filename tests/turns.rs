//! Whose turn it is to restart, asked of a real Consul: one node at a time, and a turn that nobody gives back ends.
#![allow(clippy::disallowed_methods, reason = "tests touch the machine")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests end like tests")]

use cos_agent::system::consul::{self, Turn};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A Consul of its own, on loopback alone.
struct Consul {
    process: Child,
    api: String,
    _folder: tempfile::TempDir,
}

impl Drop for Consul {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Consul {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [http, server, serf] = [free_port(), free_port(), free_port()];
        let config = serde_json::json!({
            "bind_addr": "127.0.0.1",
            "bootstrap_expect": 1,
            "data_dir": folder.path().join("data"),
            "disable_update_check": true,
            "ports": { "dns": -1, "grpc": -1, "http": http, "serf_lan": serf, "serf_wan": -1, "server": server },
            "server": true,
        });
        std::fs::write(folder.path().join("consul.json"), config.to_string()).unwrap();
        let process = Command::new("/usr/bin/consul")
            .args(["agent", "-config-dir"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("/usr/bin/consul is missing: tests/tools/install brings it");
        Self { process, api: format!("http://127.0.0.1:{http}"), _folder: folder }
    }
}

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
    let consul = Consul::start();
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
