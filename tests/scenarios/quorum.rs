//! The servers of a cluster: more of them, and all of them gone.

use crate::doctor::ask::{WAITS, expect};
use crate::lab::Lab;
use crate::lab::description::{Machine, servers};
use crate::lab::inside::CONSUL;
use crate::lab::node::Node;
use crate::lab::shell::SOON;
use crate::lab::tools::Consul;
use crate::lab::transcript::Transcript;
use crate::lab::wait::{throughout, until};
use crate::lab::whole::{leaderless, list};
use cos_agent::simulate::NodeKind;
use serde_json::json;
use std::time::Duration;

/// Says whether Consul's cluster has formed.
const FORMED: &str = "/cos/demo/formed/consul";

#[test]
fn two_further_servers_join_the_living_cluster_and_nobody_founds_another() {
    let mut transcript = Transcript::begin("three servers become five");
    let lab = Lab::new(servers("consul-server", 3));
    lab.up();
    let first = lab.nodes();
    until("one Consul cluster", SOON, || lab.is_one_consul());
    keep(&first[0], "from before");
    transcript.proved(&until("the cluster is on record", SOON, || recorded(&lab)));
    // Whoever has seen it there looks again after an hour.
    for node in &first {
        until(&format!("{} knows that", node.name), SOON, || {
            let seen = node.path("/var/lib/cos-agent/formed.json").exists();
            if seen { Ok(()) } else { Err("not yet".to_owned()) }
        });
    }

    for node in &first {
        lab.tag(node, "cos:servers", Some("5"));
    }
    let gap = leaderless(&first, || {
        // As where the parameter cannot be read: what the guard says is one thing, what Consul does another.
        lab.aws.set_parameter(FORMED, "no");
        for (machine, may_form) in
            servers("consul-server", 5).split_off(3).into_iter().zip([true, false])
        {
            let further = lab.add(machine);
            further.boot();
            let after = further.until_ready();
            assert_eq!(
                further.read("/etc/consul.d/cos.json").contains("bootstrap_expect"),
                may_form
            );
            assert_eq!(kept(&further), "from before");
            assert!(votes(&further), "{} was ready before it had a vote", further.name);
            let how =
                if may_form { "with `bootstrap_expect`" } else { "without `bootstrap_expect`" };
            transcript
                .proved(&format!("{}, {how}, is a voter {after:.1} s after power", further.name));
            until("the new server puts it on record again", SOON, || recorded(&lab));
        }
    });
    // A second founding would cost the others their leader for good; a busy machine may cost one election.
    assert!(gap < Duration::from_secs(15), "the first three knew no leader for {gap:?}");
    assert!(first.iter().all(|node| kept(node) == "from before"));
    let words = until("five voters", SOON, || lab.is_one_consul());
    transcript.proved(&format!("{words}; without a leader for {:.1} s", gap.as_secs_f64()));

    // The tags of the first three reach them at their next boot, or when somebody asks for it.
    for node in &first {
        until(&format!("{} counts five", node.name), SOON * 2, || {
            let output = node.run(&["cos-agent", "apply"]);
            let five = node.read("/etc/consul.d/cos.json").contains("\"bootstrap_expect\": 5");
            if output.is_ok() && five { Ok(()) } else { Err(output.stderr) }
        });
    }
    until("five voters", SOON, || lab.is_one_consul());
    assert_eq!(kept(&first[0]), "from before");
    transcript.proved("the first three count five too, with the data that they had");
}

#[test]
fn servers_that_replace_all_others_found_a_cluster_only_when_told_to() {
    replaced(Consul::Usual);
}

#[test]
fn servers_of_the_oldest_consul_that_replace_all_others_found_a_cluster_only_when_told_to() {
    replaced(Consul::Oldest);
}

fn replaced(consul: Consul) {
    let mut transcript = Transcript::begin(&format!("servers that replace all others of {consul}"));
    let machines = [servers("consul-server", 3), servers("nomad-server", 1)].concat();
    let lab = Lab::with(consul, machines);
    lab.up();
    let client = lab.node("nomad-1");
    keep(&client, "from before");
    transcript.proved(&until("the cluster is on record", SOON, || recorded(&lab)));

    replace_consul(&lab, 4);
    let fresh = lab.role("consul-server");
    for node in &fresh {
        let said = until(&format!("{} says what to do", node.name), SOON, || {
            let status = node.ok(&["cos-agent", "status"]);
            let words = ["can only join", "no leader: 3 of 3 servers", "cos-agent reform consul"];
            if words.iter().all(|words| status.contains(words)) { Ok(status) } else { Err(status) }
        });
        assert!(!node.read("/etc/consul.d/cos.json").contains("bootstrap_expect"), "{said}");
    }
    throughout("nobody leads and nobody is ready", Duration::from_secs(10), || {
        for node in &fresh {
            let ready = node.unit("cos-agent-ready.service")["ActiveState"].clone();
            let leader = node.consul("/v1/status/leader")?;
            assert!(leader == "" && ready == "activating", "{}: {leader} {ready}", node.name);
        }
        Ok(())
    });
    expect(&fresh[0], "consul-leader", WAITS, "cos-agent reform consul");
    transcript.proved(
        "three empty servers see each other and wait: no leader, not ready, and status and doctor say `reform`",
    );

    std::thread::scope(|scope| {
        for node in &fresh {
            scope.spawn(|| {
                let told = node.run(&["cos-agent", "reform", "consul", "--yes"]);
                // The others may have a leader before this one has restarted; it joins them as it is.
                let is_late = told.code == Some(75) && told.stderr.contains("leader");
                assert!(told.is_ok() || is_late, "{}: {told:?}", node.name);
            });
        }
    });
    lab.until_ready();
    let words = until("one Consul cluster", SOON, || lab.is_one_consul());
    assert_eq!(kept(&client), "", "the new cluster is empty");
    transcript
        .proved(&format!("told to, they are one new cluster, and the client is in it: {words}"));
    transcript.proved(&until("the new cluster is on record", SOON, || recorded(&lab)));

    keep(&client, "once more");
    lab.aws.call("ssm", "delete_parameter", &json!({ "Name": FORMED }));
    replace_consul(&lab, 7);
    for node in lab.role("consul-server") {
        let after = node.until_ready();
        transcript.proved(&format!("without the record {} is ready after {after:.1} s", node.name));
    }
    until("one Consul cluster", SOON, || lab.is_one_consul());
    assert_eq!(kept(&client), "", "the new cluster is empty");
    transcript.proved("they founded an empty cluster by themselves, and the client is in it");
    for node in lab.role("consul-server") {
        until(&format!("{} says that nobody guards", node.name), SOON, || {
            let status = node.ok(&["cos-agent", "status"]);
            let words = "if all servers were replaced at once, they would form a new cluster";
            if status.contains(words) { Ok(()) } else { Err(status) }
        });
    }
    transcript.proved("and status says that there is no record, and that it may happen again");
}

#[test]
fn servers_that_get_no_answer_only_join_and_found_their_cluster_once_it_is_no() {
    let mut transcript = Transcript::begin("servers that get no answer");
    let lab = Lab::new(servers("consul-server", 3));
    let nodes = lab.nodes();
    for (node, mode) in nodes.iter().zip(["deny", "throttle", "broken"]) {
        lab.aws.mode_for(node.address, "ssm:GetParameter", mode);
    }
    lab.boot_all();
    for node in &nodes {
        let name = &node.name;
        until(&format!("Consul of {name} runs"), SOON, || node.consul("/v1/agent/self"));
        assert!(!node.read("/etc/consul.d/cos.json").contains("bootstrap_expect"), "{name}");
        until(&format!("{name} says why"), SOON, || {
            let status = node.status_text();
            let words = ["cannot verify whether the cluster has formed", "can only join"];
            if words.iter().all(|words| status.contains(words)) { Ok(()) } else { Err(status) }
        });
        until(&format!("{name} asks again"), SOON, || {
            let agent = node.unit("cos-agent.service");
            assert_ne!(agent["ActiveState"], "active", "{name}");
            let restarts: u32 = agent["NRestarts"].parse().unwrap();
            if restarts > 0 { Ok(()) } else { Err(agent["ActiveState"].clone()) }
        });
    }
    transcript
        .proved("denied, throttled, broken: all three run, say why they only join, and ask again");
    throughout("nobody leads", Duration::from_secs(10), || {
        for node in &nodes {
            let leader = node.consul("/v1/status/leader")?;
            assert_eq!(leader, "", "{}", node.name);
        }
        Ok(())
    });
    lab.everywhere(|node| {
        // That there is no leader is what follows.
        expect(node, "boot-phases", WAITS, FORMED);
    });
    transcript.proved("the doctor says of each that it can only join, and why");

    lab.aws.up();
    lab.until_ready();
    transcript.proved(&until("one Consul cluster", SOON, || lab.is_one_consul()));
    for node in &nodes {
        // Its own next try is up to five minutes away by now, and a restart of Consul waits for the others.
        until(&format!("{} is done", node.name), SOON * 2, || {
            let told = node.run(&["systemctl", "restart", "cos-agent.service"]);
            if told.is_ok() { Ok(()) } else { Err(node.status_text()) }
        });
        until(&format!("{} has nothing more to say", node.name), SOON, || {
            let status = node.status_text();
            if status.contains("cannot verify") { Err(status) } else { Ok(()) }
        });
    }
    transcript.proved("the parameter says `no`: one cluster, and nobody did anything");
}

/// Ends all Consul servers at once, and launches and boots as many, with numbers from this on.
fn replace_consul(lab: &Lab, first: u8) {
    for node in lab.role("consul-server") {
        lab.terminate(&node);
    }
    for index in 0..3 {
        let name = format!("consul-{}", first + index);
        let kind = NodeKind::of("consul-server", None);
        lab.add(Machine::new(&name, &kind, 3, index + 1, 20 * first)).boot();
    }
}

fn recorded(lab: &Lab) -> Result<String, String> {
    let value = lab.aws.parameter(FORMED);
    if value.starts_with("formed ") { Ok(format!("{FORMED} is {value:?}")) } else { Err(value) }
}

/// Writes a value into Consul's store.
fn keep(node: &Node<'_>, value: &str) {
    let answer = node.ask(CONSUL, "PUT /v1/kv/proof", value).unwrap();
    assert_eq!(answer, (200, "true".to_owned()));
}

/// The value that Consul's store has; empty where it has none.
fn kept(node: &Node<'_>) -> String {
    node.ask(CONSUL, "GET /v1/kv/proof?raw", "").unwrap().1
}

/// Whether a server has a vote, as the leader knows.
fn votes(node: &Node<'_>) -> bool {
    let raft = node.consul("/v1/operator/raft/configuration").unwrap();
    list(&raft["Servers"])
        .any(|server| server["Node"] == node.id.as_str() && server["Voter"] == true)
}
