//! A whole cluster with nothing faked but AWS: every node in namespaces of its own, the agent's own `apply` on `/`,
//! and real Consul and Nomad agents, run as the units say that `apply` wrote.
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
    pub(crate) mod net;
    pub(crate) mod node;
    pub(crate) mod run;
    pub(crate) mod space;
    pub(crate) mod transcript;
    pub(crate) mod unit;
    pub(crate) mod wait;
}

use cos_agent::simulate::Kind;
use cos_agent::simulate::instance::Instance;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::aws::{Aws, Wanted};
use support::net::Net;
use support::node::{Node, add_address, agent_binary, serve_metadata, start_metadata};
use support::run::Run;
use support::space::{Space, log, ok, tail};
use support::transcript::Transcript;
use support::wait::until;

const CLUSTER: [(&str, &str, Option<&str>, u8, &str); 6] = [
    ("consul-1", "consul-server", None, 3, "10.20.1.11"),
    ("consul-2", "consul-server", None, 3, "10.20.2.11"),
    ("consul-3", "consul-server", None, 3, "10.20.3.11"),
    ("nomad-1", "nomad-server", None, 1, "10.20.1.21"),
    ("client-1", "nomad-client", Some("backoffice"), 0, "10.20.2.31"),
    ("client-2", "nomad-client", Some("private-services"), 0, "10.20.3.31"),
];
const PROGRAMS: [&str; 6] =
    ["consul", "curl", "moto_server", "python3", "useradd", "update-ca-certificates"];
const SOON: Duration = Duration::from_secs(60);

#[test]
fn six_instances_become_a_cluster_that_runs_a_job() {
    let mut transcript = Transcript::begin("six instances become a cluster that runs a job");
    let run = Arc::new(Run::new(&PROGRAMS));
    let net = Net::new(&run);
    let aws = Aws::start(&net);
    let wanted = CLUSTER.map(|(_, role, datacenter, servers, address)| Wanted {
        kind: Kind::of(role, datacenter),
        servers,
        address,
    });
    let instances = aws.run_instances(&net, &wanted);
    transcript.proved(
        "EC2, IAM and STS answer under their own names, and check signatures and permissions",
    );
    let nodes: Vec<Node> = CLUSTER
        .iter()
        .zip(instances)
        .map(|((name, ..), instance)| Node::boot(&net, &aws, name, instance))
        .collect();
    transcript.proved("six instances run, each with its metadata at 169.254.169.254");

    std::thread::scope(|scope| {
        for node in &nodes {
            scope.spawn(move || becomes_its_node(node));
        }
    });
    transcript.proved("`apply --no-start` made each its node on `/`; a second one wrote nothing");

    for node in &nodes {
        node.start("consul");
    }
    let members = until("all members are alive in one Consul cluster", SOON, || one_consul(&nodes));
    transcript.proved(&format!("Consul joined by tag: {members}"));
    others_are_printed(&nodes);
    transcript.proved("`peers consul-server` prints the other two servers on each server");

    for node in nodes.iter().filter(|node| role(node) != "consul-server") {
        node.start("nomad");
    }
    let clients = until("Nomad has a leader and two clients", SOON, || one_nomad(&nodes));
    transcript.proved(&format!(
        "Nomad joined by `exec=/usr/bin/cos-agent peers nomad-server`: {clients}"
    ));

    let words = runs_a_job(&nodes[3], &nodes[5]);
    transcript.proved(&format!("a raw_exec job for private-services ran there: {words:?}"));
    drop(nodes);
}

/// Applies twice: the first run makes the node, the second one finds nothing to do and touches nothing.
fn becomes_its_node(node: &Node) {
    node.apply();
    node.update_trust_store();
    let disk = node.disk();
    let said = node.apply();
    assert_eq!(node.disk(), disk, "a second apply changed the disk of {}", node.space.name);
    assert!(said.contains(": nothing to do"), "a second apply says {said:?}");
}

fn role(node: &Node) -> &str {
    &node.instance.tags["cos:role"]
}

fn ids(nodes: &[Node]) -> BTreeSet<&str> {
    nodes.iter().map(|node| node.instance.id.as_str()).collect()
}

/// Whether every node sees the same leader, the three servers as voters, and everybody alive.
fn one_consul(nodes: &[Node]) -> Result<String, String> {
    let mut leaders = BTreeSet::new();
    for node in nodes {
        leaders.insert(node.ask("consul", "/v1/status/leader")?.to_string());
        let members = node.ask("consul", "/v1/agent/members")?;
        let members = members.as_array().ok_or("no list of members")?;
        // 1 is alive (hashicorp/serf, MemberStatus).
        let alive: BTreeSet<&str> = members
            .iter()
            .filter(|member| member["Status"] == 1)
            .filter_map(|member| member["Name"].as_str())
            .collect();
        if alive != ids(nodes) || members.len() != nodes.len() {
            return Err(format!("{} sees alive {alive:?}", node.space.name));
        }
    }
    let raft = nodes[0].ask("consul", "/v1/operator/raft/configuration")?;
    let servers = raft["Servers"].as_array().ok_or("no Raft configuration")?;
    let voters = servers.iter().filter(|server| server["Voter"] == true).count();
    match leaders.iter().next().map(|leader| leader.trim_matches('"')) {
        Some(leader) if leaders.len() == 1 && !leader.is_empty() && voters == 3 => {
            Ok(format!("leader {leader}, {voters} voters, {} members alive", nodes.len()))
        }
        _ => Err(format!("leaders {leaders:?}, {voters} voters")),
    }
}

/// On each Consul server, `peers` prints the other two, and nothing else.
fn others_are_printed(nodes: &[Node]) {
    let servers = || nodes.iter().filter(|node| role(node) == "consul-server");
    for node in servers() {
        let others: String = servers()
            .map(|other| &other.instance.private_ip)
            .filter(|address| **address != node.instance.private_ip)
            .map(|address| format!("{address}\n"))
            .collect();
        assert_eq!(ok(node.space.command("cos-agent").args(["peers", "consul-server"])), others);
    }
}

/// Whether Nomad has its leader, and both clients are ready, each in its datacenter.
fn one_nomad(nodes: &[Node]) -> Result<String, String> {
    let server = &nodes[3];
    let leader = server.ask("nomad", "/v1/status/leader")?;
    if leader != json!(format!("{}:4647", server.instance.private_ip)) {
        return Err(format!("the leader is {leader}"));
    }
    let clients = server.ask("nomad", "/v1/nodes")?;
    let clients = clients.as_array().ok_or("no list of nodes")?;
    nodes[3..].iter().try_for_each(joined_by_peers)?;
    let found: BTreeSet<String> = clients.iter().map(|client| summary(client)).collect();
    let wanted: BTreeSet<String> = nodes[4..]
        .iter()
        .map(|node| {
            summary(&json!({
                "Name": node.instance.id,
                "Datacenter": node.instance.tags["cos:datacenter"],
                "Status": "ready",
            }))
        })
        .collect();
    if found != wanted {
        return Err(format!("{found:?}\n{}", tail("client-1", "nomad")));
    }
    Ok(wanted.into_iter().collect::<Vec<_>>().join(", "))
}

fn summary(client: &Value) -> String {
    let text = |key: &str| client[key].as_str().unwrap_or_default();
    format!("{} {} in {}", text("Name"), text("Status"), text("Datacenter"))
}

/// Runs a batch job in the datacenter of a client; what the task wrote on that client.
fn runs_a_job(server: &Node, client: &Node) -> String {
    let datacenter = &client.instance.tags["cos:datacenter"];
    let script = "echo \"$NOMAD_JOB_NAME ran in $NOMAD_DC on ${node.unique.name}\" > /run/proof";
    let job = json!({ "Job": {
        "ID": "proof", "Type": "batch", "Datacenters": [datacenter],
        "TaskGroups": [{ "Name": "proof", "Tasks": [{
            "Name": "proof", "Driver": "raw_exec",
            "Config": { "command": "/bin/sh", "args": ["-c", script] },
        }] }],
    } });
    server.space.write("/run/proof.json", &job.to_string());
    ok(server.space.command("curl").args([
        "-sSf",
        "-X",
        "PUT",
        "-d",
        "@/run/proof.json",
        "http://127.0.0.1:4646/v1/jobs",
    ]));
    until("the job is complete", SOON, || {
        let allocations = server.ask("nomad", "/v1/job/proof/allocations")?;
        match &allocations[0] {
            done if done["ClientStatus"] == "complete" => Ok(()),
            other => {
                let evaluations = server.ask("nomad", "/v1/job/proof/evaluations")?;
                Err(format!("{other}\n{evaluations}"))
            }
        }
    });
    let words = client.space.read("/run/proof").trim().to_owned();
    assert_eq!(words, format!("proof ran in {datacenter} on {}", client.instance.id));
    words
}

/// Whether Nomad's own joiner asked the agent for the servers, and joined.
fn joined_by_peers(node: &Node) -> Result<(), String> {
    let log = log(&node.space.name, "nomad");
    let asked = log.contains("\"servers\":\"exec=/usr/bin/cos-agent peers nomad-server\"");
    let joined = log.contains("\"@message\":\"retry join completed\"");
    if asked && joined { Ok(()) } else { Err(tail(&node.space.name, "nomad")) }
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
