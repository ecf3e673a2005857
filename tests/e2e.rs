//! A whole cluster with nothing faked but AWS: every node in namespaces of its own, the agent's own `apply` on `/`,
//! and real Consul and Nomad agents, run as the units say that `apply` wrote. The test stands in for systemd: it takes
//! user, group, environment and command from those units; their sandboxing and restarts are not shown here.
//!
//! It needs root, Consul, Nomad and moto; what is missing is named and fails the test. Logs are in `target/e2e-logs`.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test drives the machine, and ends where something is not as it should be"
)]

mod support {
    pub(crate) mod aws;
    pub(crate) mod cluster;
    pub(crate) mod machine;
    pub(crate) mod net;
    pub(crate) mod run;
    pub(crate) mod space;
    pub(crate) mod transcript;
    pub(crate) mod unit;
    pub(crate) mod wait;
}

use cos_agent::simulate::Kind;
use cos_agent::simulate::instance::Instance;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::aws::{Aws, Wanted};
use support::cluster::{Cluster, SOON};
use support::machine::{
    Node, add_address, agent_binary, nomad_binary, serve_metadata, start_metadata,
};
use support::net::Net;
use support::run::Run;
use support::space::{Space, ok};
use support::transcript::Transcript;
use support::wait::until;

#[rustfmt::skip]
const INSTANCES: [Wanted; 6] = [
    Wanted { name: "consul-1", role: "consul-server", datacenter: None, servers: 3, address: "10.20.1.11" },
    Wanted { name: "consul-2", role: "consul-server", datacenter: None, servers: 3, address: "10.20.2.11" },
    Wanted { name: "consul-3", role: "consul-server", datacenter: None, servers: 3, address: "10.20.3.11" },
    Wanted { name: "nomad-1", role: "nomad-server", datacenter: None, servers: 1, address: "10.20.1.21" },
    Wanted { name: "client-1", role: "nomad-client", datacenter: Some("backoffice"), servers: 0, address: "10.20.2.31" },
    Wanted { name: "client-2", role: "nomad-client", datacenter: Some("private-services"), servers: 0, address: "10.20.3.31" },
];
const PROGRAMS: [&str; 6] =
    ["consul", "curl", "moto_server", "python3", "useradd", "update-ca-certificates"];

#[test]
fn six_instances_become_a_cluster_that_runs_a_job() {
    let mut transcript = Transcript::begin("six instances become a cluster that runs a job");
    let run = Arc::new(Run::new(&PROGRAMS));
    transcript.proved(&format!("the agent is {}, Nomad {}", agent_binary(), nomad_binary()));
    let net = Net::new(&run);
    let aws = Aws::start(&net);
    let instances = aws.run_instances(&INSTANCES);
    transcript
        .proved("AWS answers under its own names; it refuses wrong signatures and other actions");
    let nodes = INSTANCES.iter().zip(instances);
    let cluster =
        Cluster(nodes.map(|(wanted, instance)| Node::boot(&aws, wanted.name, instance)).collect());
    transcript.proved("six instances run, each with its metadata at 169.254.169.254");

    cluster.everywhere(becomes_its_node);
    transcript.proved("`apply --no-start` made each its node on `/`; the last one wrote nothing");

    cluster.everywhere(|node| node.start("consul"));
    let members = cluster.until_consul_is_one();
    transcript.proved(&format!("Consul joined by tag: {members}"));

    cluster.role("consul-server").into_iter().for_each(|node| finds_the_others(&cluster, node));
    transcript.proved("`peers consul-server` prints the two others on each of the three");

    cluster.nomads().into_iter().for_each(|node| node.start("nomad"));
    let clients = cluster.until_nomad_is_one();
    transcript.proved(&format!("Nomad joined by `cos-agent peers`: {clients}"));

    let client = cluster.node("client-2");
    let words = cluster.run_job_beside(client);
    assert_eq!(words, format!("proof ran in private-services on {}", client.instance.id));
    transcript.proved(&format!("raw_exec is on by `nomad.extra`, and a job's task says: {words}"));
}

/// Applies until nothing is to be done: the first run makes the node, the last one touches nothing.
fn becomes_its_node(node: &Node) {
    node.apply();
    node.update_trust_store();
    // Now AWS is trusted, and a server learns that its cluster has not formed yet.
    let said = node.apply();
    assert!(said.contains(": nothing to do"), "a second apply says {said:?}");
    let status = node.space.read("/run/cos-agent/status.json");
    assert!(status.contains("\"notes\": []"), "{status}");
    let disk = node.disk();
    let said = node.apply();
    assert_eq!(node.disk(), disk, "a third apply changed the disk of {}", node.space.name);
    assert!(said.contains(": nothing to do"), "a third apply says {said:?}");
}

/// On a Consul server `peers` prints the other servers, and nothing else.
fn finds_the_others(cluster: &Cluster, node: &Node) {
    let servers = cluster.role("consul-server");
    let others = servers.iter().filter(|other| other.instance.id != node.instance.id);
    let addresses: String =
        others.map(|other| format!("{}\n", other.instance.private_ip)).collect();
    assert_eq!(ok(node.space.command("cos-agent").args(["peers", "consul-server"])), addresses);
}

#[test]
fn the_first_address_wakes_a_waiting_agent() {
    let mut transcript = Transcript::begin("the first address wakes a waiting agent");
    let run = Arc::new(Run::new(&[]));
    let space = Space::new(&run, "late");
    start_metadata(&space, "0.0.0.0", &consul_server());
    let root = furnished(&space);
    let words = run.folder.join("words");
    let mut apply = space.beside();
    apply.arg(agent_binary()).args(["apply", "--root"]).arg(&root);
    let mut apply =
        apply.stdout(Stdio::null()).stderr(File::create(&words).unwrap()).spawn().unwrap();
    until("the agent waits for the network", SOON, || {
        let said = fs::read_to_string(&words).unwrap();
        if said.contains("no route yet") { Ok(()) } else { Err(said) }
    });
    // The longer it waits, the longer the pauses in which only the address can wake it.
    std::thread::sleep(Duration::from_secs(2));
    let added = Instant::now();
    add_address(&space, "169.254.169.254");
    let status = apply.wait().unwrap();
    let waited = added.elapsed().as_millis();
    assert!(status.success(), "{}", fs::read_to_string(&words).unwrap());
    transcript.proved(&format!("`apply` was done {waited} ms after the address came"));
}

#[test]
fn metadata_is_found_by_ipv6_where_ipv4_has_no_route() {
    let mut transcript = Transcript::begin("metadata is found by IPv6 where IPv4 has no route");
    let run = Arc::new(Run::new(&[]));
    let space = Space::new(&run, "ipv6");
    serve_metadata(&space, "fd00:ec2::254", &consul_server());
    let root = furnished(&space);
    let said = ok(space.beside().arg(agent_binary()).args(["apply", "--root"]).arg(&root));
    assert!(said.contains("is a consul-server of e2e"), "{said}");
    transcript.proved("`apply` read [fd00:ec2::254]");
}

fn consul_server() -> Instance {
    Instance { tags: Kind::of("consul-server", None).tags("e2e", "3"), ..Instance::default() }
}

/// A folder in place of `/`, with what the agent looks for.
fn furnished(space: &Space) -> PathBuf {
    let root = space.folder().join("root");
    fs::create_dir(&root).unwrap();
    cos_agent::simulate::furnish(&root, "1.8.7", "1.10.5").unwrap();
    root
}
