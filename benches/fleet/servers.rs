//! Real Consul servers, each at an address of its own in the network of the benchmark.

use crate::ec2::{Caller, Ec2};
use crate::http;
use crate::programs;
use cos_agent::system::daemon::consul::Consul;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The cluster.
pub(crate) const CLUSTER: &str = "bench";
/// How many servers form it.
pub(crate) const SERVERS: u8 = 3;
/// Where each finds its EC2.
const EC2_PORT: u16 = 8400;
/// Longest time for an election, or a join.
const SOON: Duration = Duration::from_secs(60);

/// A server.
pub(crate) struct Server {
    /// Its instance id.
    pub(crate) id: String,
    /// Its address.
    pub(crate) address: Ipv4Addr,
    process: Child,
    folder: tempfile::TempDir,
}

impl Server {
    /// Where the server of this number is.
    pub(crate) fn address_of(number: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 20, 1, 10 + number)
    }

    /// Launches an instance and starts its Consul, configured as `apply` does; one that replaces another only joins.
    pub(crate) fn launch(ec2: &Ec2, number: u8, founds: bool) -> Self {
        let (id, address) = (format!("i-{number:017x}"), Self::address_of(number));
        let tags = [
            ("cos:cluster", CLUSTER.to_owned()),
            ("cos:role", "consul-server".to_owned()),
            ("cos:servers", SERVERS.to_string()),
            ("cos:consul-server", CLUSTER.to_owned()),
        ];
        let tags: BTreeMap<String, String> =
            tags.map(|(key, value)| (key.to_owned(), value)).into();
        ec2.run(&id, address, tags);
        let listener =
            TcpListener::bind((address, EC2_PORT)).expect("an address of `tests/bench fleet`");
        let asked = ec2.clone();
        http::serve(listener, move |request| asked.answer(Caller::Consul(address), request));

        let folder = tempfile::tempdir().expect("a folder");
        let mut config = json!({
            "client_addr": address,
            "advertise_addr": address,
            "autopilot": { "cleanup_dead_servers": true, "server_stabilization_time": "10s" },
            "bind_addr": address,
            "data_dir": folder.path().join("data"),
            "datacenter": "eu-central-1",
            "disable_update_check": true,
            "limits": { "http_max_conns_per_client": 500 },
            "node_name": id,
            "performance": { "raft_multiplier": 1 },
            "ports": { "dns": -1, "grpc": -1, "serf_wan": -1 },
            "retry_interval": "15s",
            "retry_join": [format!(
                "provider=aws region=eu-central-1 tag_key=cos:consul-server tag_value={CLUSTER} addr_type=private_v4 \
                 endpoint=http://{address}:{EC2_PORT} access_key_id=AKIABENCH secret_access_key=none"
            )],
            "server": true,
        });
        if founds {
            config["bootstrap_expect"] = SERVERS.into();
        }
        fs::write(folder.path().join("consul.json"), config.to_string()).expect("a file");
        let log = fs::File::create(folder.path().join("log")).expect("a file");
        let process = Command::new(programs::consul().path)
            .args(["agent", "-config-dir"])
            .arg(folder.path())
            .env_clear()
            .stdout(log)
            .stderr(Stdio::null())
            .spawn()
            .expect("Consul starts");
        Self { id, address, process, folder }
    }

    /// Its API.
    pub(crate) fn api(&self) -> Consul {
        Consul::new(&format!("http://{}:8500", self.address), Duration::from_secs(2))
            .expect("a client")
    }

    /// The instance is terminated, without a word to the others.
    pub(crate) fn terminate(mut self, ec2: &Ec2) {
        ec2.terminate(&self.id);
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Waits until it has a leader and sees all servers alive.
    pub(crate) async fn until_whole(&self) {
        let started = Instant::now();
        loop {
            let api = self.api();
            let leader = api.leader().await;
            let members = api.members().await.unwrap_or_default();
            let alive = members.iter().filter(|member| member.is_alive()).count();
            if matches!(&leader, Ok(Some(_))) && alive == usize::from(SERVERS) {
                return;
            }
            assert!(
                started.elapsed() < SOON,
                "{}\n{}: leader {leader:?}, {alive} alive",
                fs::read_to_string(self.folder.path().join("log")).unwrap_or_default(),
                self.id
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The server that leads.
pub(crate) async fn leader(servers: &[Server]) -> usize {
    let leader = servers[0].api().leader().await.expect("it answers").expect("it has a leader");
    let is_it = |server: &Server| leader == format!("{}:8300", server.address);
    servers.iter().position(is_it).expect("one of them leads")
}
