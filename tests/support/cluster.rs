//! The cluster as a whole: what has to be true of it, asked of the real agents.

use super::machine::Node;
use super::space::{log, ok, tail};
use super::wait::until;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// Several times what any step takes on a busy machine with two cores.
pub(crate) const SOON: Duration = Duration::from_secs(90);

/// The nodes.
pub(crate) struct Cluster(pub(crate) Vec<Node>);

impl Cluster {
    /// The node of this name.
    pub(crate) fn node(&self, name: &str) -> &Node {
        self.0.iter().find(|node| node.space.name == name).unwrap()
    }

    /// The nodes of a role.
    pub(crate) fn role(&self, role: &str) -> Vec<&Node> {
        self.0.iter().filter(|node| node.instance.tags["cos:role"] == role).collect()
    }

    /// The nodes that run Nomad.
    pub(crate) fn nomads(&self) -> Vec<&Node> {
        [self.role("nomad-server"), self.role("nomad-client")].concat()
    }

    /// Does something on all nodes at once.
    pub(crate) fn everywhere(&self, work: fn(&Node)) {
        std::thread::scope(|scope| {
            for node in &self.0 {
                scope.spawn(move || work(node));
            }
        });
    }

    /// Waits until every node sees the same Consul leader and all nodes alive; says what is seen.
    pub(crate) fn until_consul_is_one(&self) -> String {
        until("all members are alive in one Consul cluster", SOON, || self.consul_is_one())
    }

    fn consul_is_one(&self) -> Result<String, String> {
        let everybody: BTreeSet<&str> =
            self.0.iter().map(|node| node.instance.id.as_str()).collect();
        let mut leaders = BTreeSet::new();
        for node in &self.0 {
            leaders.insert(node.ask("consul", "/v1/status/leader")?.to_string());
            let members = node.ask("consul", "/v1/agent/members")?;
            let members = list(&members)?;
            // 1 is alive (hashicorp/serf, MemberStatus).
            let alive: BTreeSet<&str> = members
                .iter()
                .filter(|member| member["Status"] == 1)
                .filter_map(|member| member["Name"].as_str())
                .collect();
            if alive != everybody || members.len() != everybody.len() {
                return Err(format!("{} sees alive {alive:?}", node.space.name));
            }
        }
        let raft = self.0[0].ask("consul", "/v1/operator/raft/configuration")?;
        let voters = list(&raft["Servers"])?.iter().filter(|server| server["Voter"] == true);
        let (voters, servers) = (voters.count(), self.role("consul-server").len());
        match leaders.iter().next().map(|leader| leader.trim_matches('"')) {
            Some(leader) if leaders.len() == 1 && !leader.is_empty() && voters == servers => {
                Ok(format!("leader {leader}, {voters} voters, {} members alive", everybody.len()))
            }
            _ => Err(format!("leaders {leaders:?}, {voters} voters")),
        }
    }

    /// Waits until Nomad has its leader and all clients are ready, each in its datacenter; says what is seen.
    pub(crate) fn until_nomad_is_one(&self) -> String {
        until("Nomad has its leader and its clients", SOON, || self.nomad_is_one())
    }

    fn nomad_is_one(&self) -> Result<String, String> {
        let server = self.role("nomad-server")[0];
        let leader = server.ask("nomad", "/v1/status/leader")?;
        if leader != json!(format!("{}:4647", server.instance.private_ip)) {
            return Err(format!("the leader is {leader}"));
        }
        self.nomads().into_iter().try_for_each(joined_by_peers)?;
        let clients = server.ask("nomad", "/v1/nodes")?;
        let found: BTreeSet<String> = list(&clients)?
            .iter()
            .map(|client| {
                let text = |key: &str| client[key].as_str().unwrap_or_default();
                format!("{} is {} in {}", text("Name"), text("Status"), text("Datacenter"))
            })
            .collect();
        let expected = self.role("nomad-client").into_iter().map(|node| {
            format!("{} is ready in {}", node.instance.id, node.instance.tags["cos:datacenter"])
        });
        if found == expected.collect() {
            Ok(found.into_iter().collect::<Vec<_>>().join(", "))
        } else {
            Err(format!("the clients are {found:?}"))
        }
    }

    /// Runs a batch job in the datacenter of a client; what its task wrote there.
    pub(crate) fn run_job_beside(&self, client: &Node) -> String {
        let server = self.role("nomad-server")[0];
        let datacenter = &client.instance.tags["cos:datacenter"];
        let script =
            "echo \"$NOMAD_JOB_NAME ran in $NOMAD_DC on ${node.unique.name}\" > /run/proof";
        let job = json!({ "Job": {
            "ID": "proof", "Type": "batch", "Datacenters": [datacenter],
            "TaskGroups": [{ "Name": "proof", "Tasks": [{
                "Name": "proof", "Driver": "raw_exec",
                "Config": { "command": "/bin/sh", "args": ["-c", script] },
            }] }],
        } });
        server.space.write("/run/proof.json", &job.to_string());
        let jobs = "http://127.0.0.1:4646/v1/jobs";
        let mut curl = server.space.command("curl");
        ok(curl.args(["-sSf", "-X", "PUT", "-d", "@/run/proof.json", jobs]));
        until("the job is complete", SOON, || {
            let allocations = server.ask("nomad", "/v1/job/proof/allocations")?;
            if allocations[0]["ClientStatus"] == "complete" {
                return Ok(());
            }
            Err(format!("{allocations} {}", server.ask("nomad", "/v1/job/proof/evaluations")?))
        });
        client.space.read("/run/proof").trim().to_owned()
    }
}

fn list(value: &Value) -> Result<&Vec<Value>, String> {
    value.as_array().ok_or_else(|| format!("{value} is no list"))
}

/// Whether Nomad's own joiner asked the agent for the servers, and joined.
fn joined_by_peers(node: &Node) -> Result<(), String> {
    let log = log(&node.space.name, "nomad");
    let asked = log.contains("\"servers\":\"exec=/usr/bin/cos-agent peers nomad-server\"");
    let joined = log.contains("\"@message\":\"retry join completed\"");
    if asked && joined { Ok(()) } else { Err(tail(&node.space.name, "nomad")) }
}
