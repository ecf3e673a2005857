//! What has to be true of a cluster as a whole, asked of the real agents.

use super::Lab;
use super::inside::{CONSUL, NOMAD};
use super::node::Node;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

impl Lab {
    /// One Consul cluster: every node knows the same leader and everybody alive, and every server votes.
    pub(crate) fn is_one_consul(&self) -> Result<String, String> {
        let everybody: BTreeSet<String> = self.nodes().iter().map(|node| node.id.clone()).collect();
        let mut leaders = BTreeSet::new();
        for node in self.nodes() {
            leaders.insert(node.consul("/v1/status/leader")?.to_string());
            let members = node.consul("/v1/agent/members")?;
            // 1 is alive (hashicorp/serf, MemberStatus).
            let alive = list(&members).filter(|member| member["Status"] == 1);
            let alive: BTreeSet<String> = alive.map(|member| text(&member["Name"])).collect();
            if alive != everybody {
                return Err(format!("{} sees alive {alive:?}", node.name));
            }
        }
        let servers = self.role("consul-server");
        let raft = servers[0].consul("/v1/operator/raft/configuration")?;
        one_leader(&leaders, &raft, servers.len())?;
        let leader = self.consul_leader().map_or("nobody".to_owned(), |node| node.name.clone());
        Ok(format!("Consul: {leader} leads {} voters, {} alive", servers.len(), everybody.len()))
    }

    /// One Nomad cluster: every server knows the same leader and votes, and every client is ready in its datacenter.
    pub(crate) fn is_one_nomad(&self) -> Result<String, String> {
        let servers = self.role("nomad-server");
        let asked = servers.iter().map(|node| node.nomad("/v1/status/leader"));
        let leaders = asked.map(|leader| Ok(leader?.to_string())).collect::<Result<_, String>>()?;
        let raft = servers[0].nomad("/v1/operator/raft/configuration")?;
        one_leader(&leaders, &raft, servers.len())?;
        let found = servers[0].nomad("/v1/nodes")?;
        let shown = list(&found).map(|client| {
            let [name, status, datacenter] =
                ["Name", "Status", "Datacenter"].map(|key| text(&client[key]));
            format!("{name} is {status} in {datacenter}")
        });
        let shown: BTreeSet<String> = shown.collect();
        let clients = self.role("nomad-client");
        let wanted =
            clients.iter().map(|node| format!("{} is ready in {}", node.id, node.datacenter()));
        if shown != wanted.collect() {
            return Err(format!("the clients are {shown:?}"));
        }
        let leader = self.nomad_leader().map_or("nobody".to_owned(), |node| node.name.clone());
        Ok(format!(
            "Nomad: {leader} leads {} voters, {} clients ready",
            servers.len(),
            clients.len()
        ))
    }

    /// Consul's leader, as the first that can be asked knows.
    pub(crate) fn consul_leader(&self) -> Option<Node<'_>> {
        self.leader(CONSUL, ":8300")
    }

    /// Nomad's leader.
    pub(crate) fn nomad_leader(&self) -> Option<Node<'_>> {
        self.leader(NOMAD, ":4647")
    }

    fn leader(&self, api: u16, suffix: &str) -> Option<Node<'_>> {
        let known =
            |node: &Node<'_>| node.get(api, "/v1/status/leader").ok().filter(|leader| leader != "");
        let leader = text(&self.nodes().iter().filter(|node| node.is_on()).find_map(known)?);
        let address = leader.strip_suffix(suffix)?.to_owned();
        self.nodes().into_iter().find(|node| node.address.to_string() == address)
    }
}

/// The longest time in which one of these nodes knew no leader of Consul or of Nomad, while something was done.
pub(crate) fn leaderless(observers: &[Node<'_>], work: impl FnOnce()) -> Duration {
    let gaps = gaps_of(observers, work);
    gaps.iter().flatten().map(|(from, to)| *to - *from).max().unwrap_or_default()
}

/// The longest time in which two of these nodes at once knew no leader: of three servers that take turns, one is always
/// away.
pub(crate) fn two_leaderless(observers: &[Node<'_>], work: impl FnOnce()) -> Duration {
    let gaps = gaps_of(observers, work);
    let both =
        |one: &Gap, other: &Gap| one.1.min(other.1).saturating_duration_since(one.0.max(other.0));
    let mut longest = Duration::ZERO;
    for (index, of_one) in gaps.iter().enumerate() {
        for other in gaps[index + 1..].iter().flatten() {
            let shared = of_one.iter().map(|one| both(one, other)).max();
            longest = longest.max(shared.unwrap_or_default());
        }
    }
    longest
}

/// From the last good answer to the last bad one.
type Gap = (Instant, Instant);

/// When each of these nodes knew no leader, while something was done.
fn gaps_of(observers: &[Node<'_>], work: impl FnOnce()) -> Vec<Vec<Gap>> {
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watches: Vec<_> = observers
            .iter()
            .map(|node| scope.spawn(|| gaps(&ends, || leader_is_known(node))))
            .collect();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        ends.store(true, Ordering::Relaxed);
        let gaps = watches.into_iter().map(|watch| watch.join().unwrap()).collect();
        outcome.map_or_else(|panic| std::panic::resume_unwind(panic), |()| gaps)
    })
}

/// Every leader of Consul that one of these nodes named while something was done.
pub(crate) fn leaders_named(observers: &[Node<'_>], work: impl FnOnce()) -> BTreeSet<String> {
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut named = BTreeSet::new();
            while !ends.load(Ordering::Relaxed) {
                let asked =
                    observers.iter().filter_map(|node| node.consul("/v1/status/leader").ok());
                named.extend(asked.map(|leader| text(&leader)).filter(|leader| !leader.is_empty()));
                std::thread::sleep(Duration::from_millis(50));
            }
            named
        });
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        ends.store(true, Ordering::Relaxed);
        let named = watch.join().unwrap();
        outcome.map_or_else(|panic| std::panic::resume_unwind(panic), |()| named)
    })
}

fn leader_is_known(node: &Node<'_>) -> bool {
    let api = if node.role() == "consul-server" { CONSUL } else { NOMAD };
    node.get(api, "/v1/status/leader").is_ok_and(|leader| leader != "")
}

fn gaps(ends: &AtomicBool, mut is_good: impl FnMut() -> bool) -> Vec<Gap> {
    let (mut gaps, mut good) = (Vec::<Gap>::new(), Instant::now());
    while !ends.load(Ordering::Relaxed) {
        if is_good() {
            good = Instant::now();
        } else {
            gaps.pop_if(|gap| gap.0 == good);
            gaps.push((good, Instant::now()));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    gaps
}

fn one_leader(leaders: &BTreeSet<String>, raft: &Value, servers: usize) -> Result<(), String> {
    let voters = list(&raft["Servers"]).filter(|server| server["Voter"] == true).count();
    let has_leader = leaders.len() == 1 && !leaders.contains("\"\"");
    if has_leader && voters == servers {
        return Ok(());
    }
    Err(format!("leaders {leaders:?}, {voters} voters of {servers}"))
}

/// The elements of a list of JSON; nothing where it is none.
pub(crate) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A string of JSON; empty where it is none.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A job that runs for ever in a datacenter, with a service of its name in Consul that a script checks.
pub(crate) fn service_job(name: &str, datacenter: &str) -> Value {
    let check = json!({
        "Name": "alive", "Type": "script", "Command": "/bin/true", "TaskName": "task",
        "Interval": 1_000_000_000_u64, "Timeout": 5_000_000_000_u64,
    });
    json!({ "Job": {
        "ID": name, "Type": "service", "Datacenters": [datacenter],
        "TaskGroups": [{
            "Name": "group", "Count": 1,
            "Services": [{ "Name": name, "Provider": "consul", "Checks": [check] }],
            "Tasks": [{
                "Name": "task", "Driver": "raw_exec",
                "Config": { "command": "/bin/sleep", "args": ["infinity"] },
                "Resources": { "CPU": 20, "MemoryMB": 16 },
            }],
        }],
    } })
}

/// A job of one docker container that runs for ever.
pub(crate) fn docker_job(name: &str, datacenter: &str, image: &str) -> Value {
    json!({ "Job": {
        "ID": name, "Type": "service", "Datacenters": [datacenter],
        "TaskGroups": [{
            "Name": "group", "Count": 1,
            "Tasks": [{
                "Name": "task", "Driver": "docker",
                "Config": { "image": image, "command": "/bin/sh", "args": ["-c", "sleep 1000000"] },
                "Resources": { "CPU": 20, "MemoryMB": 32 },
            }],
        }],
    } })
}

/// Where a service runs, as Consul tells this node: the names of the nodes on which it passes.
pub(crate) fn passing(node: &Node<'_>, service: &str) -> Result<Vec<String>, String> {
    let found = node.consul(&format!("/v1/health/service/{service}?passing"))?;
    Ok(list(&found).map(|entry| text(&entry["Node"]["Node"])).collect())
}
