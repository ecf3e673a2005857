//! The agent is replaced on nodes that run, by a newer one and by the older one again.

use crate::doctor::ask::{WORKS, expect, until_healthy};
use crate::lab::Lab;
use crate::lab::description::servers;
use crate::lab::node::Node;
use crate::lab::shell::SOON;
use crate::lab::tools::agent;
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use crate::programs;
use cos_agent::render::units;
use serde_json::Value;
use std::fs;
use std::path::Path;

const PROGRAM: &str = "/usr/bin/cos-agent";
const FOLDER: &str = "/etc/systemd/system";
const OWN: [&str; 2] = ["cos-agent-ready.service", "cos-agent-watch.service"];

#[test]
fn an_agent_that_is_replaced_goes_on_with_its_state_and_leaves_the_daemons_alone() {
    let mut transcript = Transcript::begin("an agent that is replaced");
    let older = programs::older_agent();
    // The older one does not know Nomad 1.6.
    let lab = Lab::new(servers("consul-server", 3));
    for node in lab.nodes() {
        put(&node, &older.join("cos-agent"));
        for entry in fs::read_dir(older.join("units")).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            node.write(&format!("{FOLDER}/{name}"), &fs::read_to_string(entry.path()).unwrap());
        }
    }
    lab.up();
    let ready = text("cos-agent-ready.service");
    assert!(lab.nodes().iter().all(|node| node.read(&format!("{FOLDER}/{}", OWN[0])) != ready));
    transcript.proved("three servers are a cluster by the agent of an earlier day and its units");

    for (what, program) in
        [("the new agent", agent()), ("the older one, once more", older.join("cos-agent"))]
    {
        for node in lab.nodes() {
            let (consul, kept) = (node.main_pid("consul.service"), kept(&node));
            put(&node, &program);
            if what == "the new agent" {
                expect(&node, "config-drift", WORKS, "cos-agent apply");
            }
            node.ok(&["systemctl", "restart", "cos-agent.service"]);
            if what == "the new agent" {
                // A Consul server runs no Nomad, so that unit is the image's.
                for (name, text) in units::texts().filter(|(name, _)| *name != "nomad.service") {
                    assert_eq!(
                        node.read(&format!("{FOLDER}/{name}")),
                        text,
                        "{}: {name}",
                        node.name
                    );
                }
                for unit in OWN {
                    until(&format!("{unit} of {} runs by {what}", node.name), SOON, || {
                        runs(&node, unit)
                    });
                }
            }
            until(&format!("{} has joined", node.name), SOON, || node.ready());
            if what == "the new agent" {
                until_healthy(&node);
            }
            assert_eq!(
                node.main_pid("consul.service"),
                consul,
                "{}: Consul was restarted",
                node.name
            );
            assert_eq!(self::kept(&node), kept, "{}: {what} has lost something", node.name);
        }
        until("one Consul cluster", SOON, || lab.is_one_consul());
        transcript.proved(&format!(
            "{what}: the cluster is whole, no Consul was restarted, the record goes on"
        ));
    }
    for node in lab.nodes() {
        node.reboot();
        node.until_ready();
    }
    transcript.proved("and a reboot by the older one on the units of the new one is ready too");
}

/// The text of one of our units.
fn text(name: &str) -> &'static str {
    units::texts().find(|(known, _)| *known == name).unwrap().1
}

/// Replaces the agent as a package manager does: another file takes the name.
fn put(node: &Node<'_>, program: &Path) {
    let fresh = node.path("/usr/bin/.cos-agent.new");
    fs::copy(program, &fresh).unwrap();
    fs::rename(fresh, node.path(PROGRAM)).unwrap();
}

/// Whether the process of a unit, if it still has one, is of the program that is installed now.
fn runs(node: &Node<'_>, unit: &str) -> Result<(), String> {
    let pid = node.main_pid(unit);
    if pid == "0" {
        return Ok(());
    }
    let link = node.run(&["readlink", &format!("/proc/{pid}/exe")]).stdout;
    if link.trim() == PROGRAM { Ok(()) } else { Err(link) }
}

/// What has to outlive the change: whose the node is, and what the quorum guard and the launch hook left.
fn kept(node: &Node<'_>) -> Value {
    let read = |name: &str| {
        let path = format!("/var/lib/cos-agent/{name}.json");
        let text = node.path(&path).exists().then(|| node.read(&path));
        text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
    };
    let (facts, manifest) = (read("facts"), read("manifest"));
    serde_json::json!({
        "instance": facts["instance"], "tags": facts["tags"], "owner": manifest["instance"], "role": manifest["role"],
        "formation": read("formation"), "hook": read("launch-hook"),
    })
}
