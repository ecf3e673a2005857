//! EC2 cannot be asked: the nodes run all the same, say so, and join when it answers again.

use crate::doctor::ask::{BROKEN, WAITS, expect};
use crate::lab::Lab;
use crate::lab::description::servers;
use crate::lab::node::Node;
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::{throughout, until};
use crate::lab::whole::{list, text};
use serde_json::Value;
use std::time::{Duration, Instant};

/// What an agent says of each fault.
const FAULTS: [(&str, &str); 3] = [
    ("nomad-1", "timed out"),
    ("nomad-2", "UnauthorizedOperation"),
    ("nomad-3", "RequestLimitExceeded"),
];
/// How long each fault goes on from power on: many rounds of everybody's retries, and the watch asks seldom by then.
const ON: Duration = Duration::from_mins(3);

#[test]
fn nodes_that_cannot_ask_ec2_run_say_so_and_join_when_it_answers() {
    let mut transcript = Transcript::begin("nodes that cannot ask EC2 join when it answers");
    let lab = Lab::new([servers("consul-server", 1), servers("nomad-server", 3)].concat());
    let nodes = FAULTS.map(|(name, words)| (lab.node(name), words));
    lab.aws.black_hole_for(nodes[0].0.address);
    lab.aws.mode_for(nodes[1].0.address, "ec2", "deny");
    lab.aws.mode_for(nodes[2].0.address, "ec2", "throttle");
    let began = Instant::now();
    lab.boot_all();
    lab.node("consul-1").until_ready();

    for (node, words) in &nodes {
        let name = &node.name;
        until(&format!("the daemons of {name} run"), SOON, || {
            node.consul("/v1/agent/self")?;
            node.nomad("/v1/agent/self")
        });
        let unit = node.unit("cos-agent.service");
        let is_done = (&*unit["ActiveState"], &*unit["NRestarts"]) == ("active", "0");
        // Whose packets vanish, reaches the parameter store no more than EC2: it only joins, and asks again.
        assert_eq!(is_done, name != "nomad-1", "{unit:?}");
        assert_eq!(node.read("/etc/nomad.d/cos.json").contains("bootstrap_expect"), is_done);
        let problems = until(&format!("{name} says `{words}`"), SOON, || cannot_ask(node, words));
        transcript.proved(&format!("{name} runs both daemons, and says: {problems}"));
    }
    let before: Vec<_> = nodes.iter().map(|(node, _)| processes(node)).collect();
    expect(&nodes[0].0, "aws-endpoint-ec2", BROKEN, "TCP 443");
    expect(&nodes[1].0, "aws-autodiscovery", BROKEN, "ec2:DescribeInstances");
    expect(&nodes[2].0, "aws-autodiscovery", WAITS, "throttles");
    transcript.proved("the doctor names EC2 first on each of them");
    throughout("none of them joins", ON.saturating_sub(began.elapsed()), || match alive(&lab) {
        members if members.len() == 1 => Ok(()),
        members => Err(format!("{members:?}")),
    });
    for (node, _) in &nodes {
        assert_eq!(node.status()["ready"], false, "{}", node.name);
        let log = node.journal("cos-agent-watch.service");
        assert_eq!(log.matches("cannot ask EC2 for the servers of Consul").count(), 1, "{log}");
    }
    transcript
        .proved("none of the three has joined, and none claims it; each trouble is logged once");

    for (node, _) in &nodes {
        lab.aws.mode_for(node.address, "ec2", "normal");
        lab.aws.reached_by(node.address);
    }
    lab.until_ready();
    transcript.proved(&until("one Consul cluster", SOON, || lab.is_one_consul()));
    transcript.proved(&until("one Nomad cluster", SOON, || lab.is_one_nomad()));
    // Nomad of the first restarts once the parameter says `no`, unless it has joined before.
    for ((node, _), before) in nodes.iter().zip(&before) {
        let (after, daemons) = (processes(node), if node.name == "nomad-1" { 1 } else { 2 });
        assert_eq!(after[..daemons], before[..daemons], "a daemon of {} was restarted", node.name);
    }
    for (node, _) in &nodes {
        until(&format!("{} has no problem", node.name), 2 * SOON, || {
            let problems = node.status()["record"]["watch"]["problems"].clone();
            if problems == Value::Array(Vec::new()) { Ok(()) } else { Err(problems.to_string()) }
        });
    }
    transcript.proved("no daemon was restarted; no status tells of a problem any more");
}

/// What the status says of EC2, with these words in it.
fn cannot_ask(node: &Node<'_>, words: &str) -> Result<String, String> {
    let problems = node.status()["record"]["watch"]["problems"].clone();
    let all: Vec<String> = list(&problems).map(text).collect();
    let said = all.iter().find(|said| said.starts_with("cannot ask EC2 for the servers of Consul"));
    let said = said.filter(|said| said.contains(words));
    said.cloned().ok_or_else(|| format!("{all:?}"))
}

/// The members of Consul that its server sees alive.
fn alive(lab: &Lab) -> Vec<String> {
    let members = lab.node("consul-1").consul("/v1/agent/members").unwrap();
    let alive = list(&members).filter(|member| member["Status"] == 1);
    alive.map(|member| text(&member["Name"])).collect()
}

fn processes(node: &Node<'_>) -> [String; 2] {
    ["consul.service", "nomad.service"].map(|unit| node.main_pid(unit))
}
