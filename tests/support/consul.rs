//! A real Consul server of its own, on loopback alone.
#![allow(dead_code, reason = "each test file uses its own part")]

use crate::programs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

/// What it is called.
pub(crate) const NAME: &str = "i-0123456789abcdef0";

/// The process, which ends with this value.
pub(crate) struct Consul {
    process: Child,
    /// The base of its API.
    pub(crate) api: String,
    /// Its address: one of loopback that no other test has, so that its ports are the usual ones.
    pub(crate) address: Ipv4Addr,
    _folder: tempfile::TempDir,
}

static NUMBER: AtomicU8 = AtomicU8::new(0);

impl Drop for Consul {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that nobody listened on a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Consul {
    /// A server that waits for so many to form a cluster.
    pub(crate) fn start(expect: u8) -> Self {
        Self::start_with(expect, serde_json::json!({}))
    }

    /// Such a server with these keys of its configuration besides.
    pub(crate) fn start_with(expect: u8, further: serde_json::Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [_, high, low, last] = std::process::id().to_be_bytes();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let address = Ipv4Addr::new(127, 1 + high % 250, low, last ^ number.reverse_bits());
        let config = serde_json::json!({
            "bind_addr": address,
            "client_addr": address,
            "bootstrap_expect": expect,
            "data_dir": folder.path().join("data"),
            "disable_update_check": true,
            "node_name": NAME,
            "ports": { "dns": -1, "grpc": -1, "serf_wan": -1 },
            "server": true,
        });
        std::fs::write(folder.path().join("consul.json"), config.to_string()).unwrap();
        std::fs::write(folder.path().join("further.json"), further.to_string()).unwrap();
        let process = Command::new(programs::consul().path)
            .args(["agent", "-config-dir"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { process, api: format!("http://{address}:8500"), address, _folder: folder }
    }
}
