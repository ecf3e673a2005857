//! A reboot on which nothing can be applied: what ran before runs again, where it is the same node, and nowhere else.

use crate::doctor::ask::{BROKEN, expect};
use crate::lab::Lab;
use crate::lab::description::{clients, servers};
use crate::lab::node::Node;
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use serde_json::Value;

const AGENT: &str = "cos-agent.service";
const SETTINGS: &str = "/etc/cos-agent/config.toml";
const UNIT: &str = "/etc/systemd/system/consul.service";

#[test]
fn settings_that_are_refused_take_nothing_from_a_reboot_of_the_same_node() {
    let mut transcript = Transcript::begin("a reboot with refused settings");
    let kinds = [
        servers("consul-server", 3),
        servers("nomad-server", 1),
        clients(&["backoffice", "public-services"]),
    ];
    let lab = Lab::new(kinds.concat());
    lab.start_registries();
    lab.up();
    transcript.proved("six nodes are one cluster");

    let same = lab.node("public-services");
    let [moved, masked, emptied] = ["consul-1", "consul-2", "consul-3"].map(|name| lab.node(name));
    let (retagged, cloned) = (lab.node("nomad-1"), lab.node("backoffice"));
    for node in lab.nodes() {
        node.write(SETTINGS, "[nomad\n");
    }
    lab.edit(&moved, |machine| {
        drop(machine.tags.insert("cos:cluster".to_owned(), "other".to_owned()))
    });
    lab.edit(&retagged, |machine| {
        drop(machine.tags.insert("cos:role".to_owned(), "nomad-client".to_owned()))
    });
    lab.edit(&cloned, |machine| "i-0fedcba9876543210".clone_into(&mut machine.id));
    masked.ok(&["ln", "-sf", "/dev/null", UNIT]);
    for node in lab.nodes() {
        node.ok(&["systemctl", "stop", "consul.service"]);
    }
    emptied.ok(&["sh", "-c", "rm -r /opt/consul/data/raft"]);
    lab.everywhere(|node| {
        node.reboot();
    });

    let said = |node: &Node<'_>, words: &str| {
        until(&format!("{} says {words:?}", node.name), SOON, || {
            let journal = node.journal(AGENT);
            let status = node.run(&["cos-agent", "status"]).stdout;
            if journal.contains(words) || status.contains(words) {
                Ok(())
            } else {
                Err(format!("{status}\n{journal}"))
            }
        });
    };
    for (node, units, words) in [
        (
            &same,
            ["active", "active"],
            "the daemons run with the configuration from before the reboot",
        ),
        (
            &moved,
            ["inactive", ""],
            "tag `cos:cluster` is \"other\", but the last `apply` recorded \"demo\"",
        ),
        (
            &retagged,
            ["inactive", "inactive"],
            "tag `cos:role` is \"nomad-client\", but the last `apply` recorded \"nomad-server\"",
        ),
        (
            &cloned,
            ["inactive", "inactive"],
            "this is instance i-0fedcba9876543210, but the last `apply` on this disk recorded",
        ),
        (&masked, ["inactive", ""], "consul.service is masked, so it was not started"),
        (
            &emptied,
            ["inactive", ""],
            "consul.service was not started: /opt/consul/data/raft is empty",
        ),
    ] {
        said(node, words);
        for (unit, state) in ["consul.service", "nomad.service"]
            .iter()
            .zip(units)
            .filter(|(_, state)| !state.is_empty())
        {
            // Nomad starts after docker.
            node.until_unit(unit, state);
        }
        assert_eq!(node.unit(AGENT)["ExecMainStatus"], "78", "{}", node.name);
        transcript.proved(&format!("{}: {words}", node.name));
    }
    std::thread::scope(|scope| {
        for node in [&same, &masked, &cloned] {
            scope.spawn(|| expect(node, "settings-valid", BROKEN, "systemctl restart cos-agent"));
        }
    });
    transcript.proved(
        "the doctor names the settings first, of a node that runs and of those that do not",
    );
    let record = &same.status()["record"];
    assert_eq!(
        (&record["state"], &record["problem"]["code"]),
        (&Value::from("degraded"), &Value::from(78))
    );
    transcript.proved("each ends with 78, the code of the cause");
}
