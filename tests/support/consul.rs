//! A real Consul server of its own, on loopback alone.

use super::address::own_address;
use super::programs;
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

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

impl Drop for Consul {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Consul {
    /// A server that waits for so many to form a cluster.
    pub(crate) fn start(expect: u8) -> Self {
        Self::start_with(expect, serde_json::json!({}))
    }

    /// A client that knows no server.
    pub(crate) fn client() -> Self {
        Self::start_with(0, serde_json::json!({ "server": false }))
    }

    /// Such a server with these keys of its configuration besides.
    pub(crate) fn start_with(expect: u8, further: serde_json::Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = own_address();
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

    /// Waits for a leader, and returns the token that may do everything; with ACLs alone.
    pub(crate) async fn bootstrap(&self) -> String {
        let url = format!("{}/v1/acl/bootstrap", self.api);
        let started = Instant::now();
        loop {
            let answer = reqwest::Client::new().put(&url).send().await;
            if let Ok(answer) = answer
                && answer.status() == 200
            {
                let token: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
                return token["SecretID"].as_str().unwrap().to_owned();
            }
            assert!(started.elapsed() < Duration::from_secs(60), "no leader");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Gives these rules, under a new name, to whoever brings no token.
    pub(crate) async fn allow(&self, secret: &str, name: &str, rules: &str) {
        self.put(secret, "policy", &json!({ "Name": name, "Rules": rules })).await;
        let anonymous = "token/00000000-0000-0000-0000-000000000002";
        self.put(secret, anonymous, &json!({ "Policies": [{ "Name": name }] })).await;
    }

    async fn put(&self, secret: &str, what: &str, body: &Value) {
        let request = reqwest::Client::new().put(format!("{}/v1/acl/{what}", self.api));
        let answer = request.header("x-consul-token", secret).body(body.to_string()).send().await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 200, "{what}: {}", answer.text().await.unwrap());
    }
}
