//! `tests/lab measure`: what the agent costs a cold boot. The same ten nodes boot by the agent, and then without it, on
//! the files that it had written, with the daemons enabled: that is as fast as the daemons are. Then the same of new clients, one
//! at a time, in a cluster that lives.

use crate::lab::Lab;
use crate::lab::node::Node;
use crate::lab::wait::until;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

/// How often each kind of boot is timed.
const ROUNDS: usize = 3;
/// What `install` bakes for the resolver, so that a first boot does not restart it.
const RESOLVER: &str = "/etc/systemd/resolved.conf.d/cos.conf";
/// Far more than any boot takes.
const PATIENCE: Duration = Duration::from_secs(180);

/// Boots and times; the table.
pub(crate) fn measure() -> String {
    let lab = Lab::of_terraform();
    let (mut agent, mut bare) = (Times::default(), Times::default());
    for round in 0..ROUNDS {
        if round > 0 {
            lab.nodes().iter().for_each(Node::wipe);
        }
        for daemon in ["consul", "nomad"] {
            lab.aws.set_parameter(&format!("/cos/demo/formed/{daemon}"), "no");
        }
        agent.add(&lab);
        lab.everywhere(make_bare);
        bare.add(&lab);
    }
    let table = agent.against(&bare);
    lab.nodes().iter().for_each(Node::wipe);
    for daemon in ["consul", "nomad"] {
        lab.aws.set_parameter(&format!("/cos/demo/formed/{daemon}"), "no");
    }
    lab.up();
    table + &new_clients(&lab)
}

/// What a new client does: the seconds from its power until it is ready.
fn new_clients(lab: &Lab) -> String {
    let mut times = [const { Vec::new() }; 3];
    for number in 2..2 + u8::try_from(ROUNDS).unwrap() {
        let node = lab.launch("demo-backoffice", &format!("backoffice-{number}"));
        times[0].push(joins(&node));
        node.wipe();
        fs::remove_file(node.path(RESOLVER)).unwrap();
        times[1].push(joins(&node));
        make_bare(&node);
        times[2].push(joins(&node));
        lab.terminate(&node);
    }
    let [agent, bake_less, bare] = times.each_ref().map(|seconds| median(seconds));
    format!(
        "a new client: agent {agent:.2} s, without the baked drop-in of the resolver {bake_less:.2} s, bare {bare:.2} s; ratio \
         {:.2}\n",
        agent / bare
    )
}

/// Boots a node, and switches it off once it has left its cluster; the seconds from its power until it was ready.
fn joins(node: &Node<'_>) -> f64 {
    node.boot();
    until(&format!("{} has joined", node.name), PATIENCE, || node.ready());
    let after = node.age();
    // The next boot has another node id, and Consul gives no name away that a living node has.
    node.ok(&["consul", "leave"]);
    node.power_cut();
    after
}

/// Node → seconds from power on until its daemons say that it has joined, a number a round.
#[derive(Default)]
struct Times(BTreeMap<String, Vec<f64>>);

impl Times {
    /// One cold boot of all nodes, and the end of it.
    fn add(&mut self, lab: &Lab) {
        lab.boot_all();
        let after = std::sync::Mutex::new(BTreeMap::new());
        lab.everywhere(|node| {
            until(&format!("{} has joined", node.name), PATIENCE, || node.ready());
            after.lock().unwrap().insert(kind(node), node.age());
        });
        for (kind, seconds) in after.into_inner().unwrap() {
            self.0.entry(kind).or_default().push(seconds);
        }
        lab.nodes().iter().for_each(Node::power_cut);
    }

    fn against(&self, bare: &Self) -> String {
        let mut text = format!("{:<40} {:>10} {:>10} {:>7}\n", "node", "agent", "bare", "ratio");
        let mut worst = (0.0_f64, 0.0_f64);
        for (kind, seconds) in &self.0 {
            let (agent, bare) = (median(seconds), median(&bare.0[kind]));
            worst = (worst.0.max(agent), worst.1.max(bare));
            let _ = writeln!(text, "{kind:<40} {agent:>8.1} s {bare:>8.1} s {:>7.2}", agent / bare);
        }
        let (agent, bare) = worst;
        let _ = writeln!(
            text,
            "{:<40} {agent:>8.1} s {bare:>8.1} s {:>7.2}",
            "the last of all",
            agent / bare
        );
        text
    }
}

fn kind(node: &Node<'_>) -> String {
    format!("{} {}", node.role(), node.name)
}

fn median(seconds: &[f64]) -> f64 {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Takes the agent out of a node that is off, and its cluster's data; what it had rendered stays.
fn make_bare(node: &Node<'_>) {
    let wants = node.path("/etc/systemd/system/multi-user.target.wants");
    fs::remove_file(wants.join("cos-agent.service")).unwrap();
    let units: &[&str] = match node.role() {
        "consul-server" => &["consul.service", "cos-dns.service"],
        "nomad-server" => &["consul.service", "cos-dns.service", "nomad.service"],
        _ => &["consul.service", "cos-dns.service", "docker.service", "nomad.service"],
    };
    for unit in units {
        let directory = if *unit == "docker.service" { "/lib" } else { "/etc" };
        symlink(format!("{directory}/systemd/system/{unit}"), wants.join(unit)).unwrap();
    }
    for data in ["/opt/consul/data", "/opt/nomad/data"] {
        for entry in fs::read_dir(node.path(data)).into_iter().flatten().flatten() {
            fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path())).unwrap();
        }
    }
}
