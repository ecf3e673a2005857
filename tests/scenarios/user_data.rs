//! Nodes whose user data calls the agent, as `run-consul` and `run-nomad` were called.

use crate::lab::Lab;
use crate::lab::description::servers;
use crate::lab::managed::changed;
use crate::lab::node::Node;
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use cos_agent::render::units;

/// What runs user data: once for each instance, late in its first boot, with nothing in the environment.
const CLOUD_FINAL: &str = "\
[Unit]
After=network.target
ConditionPathExists=!/var/lib/user-data-ran

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStartPre=/bin/touch /var/lib/user-data-ran
ExecStart=/usr/bin/cos-agent apply
TimeoutStartSec=0
";
const UNIT: &str = "cloud-final.service";
const RUNS: [&str; 2] = ["cos-agent.service", UNIT];
const WANTED: &str = "/etc/systemd/system/multi-user.target.wants";

#[test]
fn a_node_made_by_user_data_alone_comes_back_by_its_own_unit() {
    let mut transcript = Transcript::begin("a node made by user data alone comes back");
    let lab = Lab::new([servers("consul-server", 1), servers("nomad-server", 1)].concat());
    let node = lab.node("nomad-1");
    let units: Vec<_> =
        units::texts().map(|(name, _)| format!("/etc/systemd/system/{name}")).collect();
    node.remove(&units.iter().map(String::as_str).collect::<Vec<_>>());
    node.remove(&[&format!("{WANTED}/cos-agent.service")]);
    run_user_data(&node);
    lab.boot_all();
    let user_data = node.until_unit(UNIT, "active");
    // It ended after the join, not before.
    node.ready().unwrap();
    assert!(node.journal(UNIT).contains("this node has joined"), "{}", node.journal(UNIT));
    assert_eq!(user_data["ExecMainStatus"], "0");
    node.until_ready();
    transcript.proved(
        "user data made the node from an image without units, and ended when it had joined",
    );
    assert_eq!(node.unit("cos-agent.service")["UnitFileState"], "enabled");
    assert_eq!(node.booted(), "running");

    let disk = node.managed();
    node.reboot();
    let after = node.until_ready();
    assert_eq!(node.until_unit("cos-agent.service", "active")["ExecMainStatus"], "0");
    assert_eq!(node.unit(UNIT)["ActiveState"], "inactive", "user data ran again");
    let written = changed(&disk, &node.managed());
    assert!(written.is_empty(), "the reboot wrote {written:?}");
    transcript.proved(&format!("after a reboot its own unit has it ready in {after:.1} s"));
}

#[test]
fn user_data_and_the_unit_at_the_same_moment_make_one_node_once() {
    let mut transcript = Transcript::begin("user data and the unit at once make one node once");
    let lab = Lab::new(servers("consul-server", 1));
    let node = lab.node("consul-1");
    for held in [None, Some(UNIT), Some("cos-agent.service")] {
        run_user_data(&node);
        // Both have to wait for the metadata, and go on in the same moment.
        node.metadata_gone();
        node.boot();
        until("both ask for the metadata", SOON, || {
            let running = node.run(&["pgrep", "-c", "-f", "cos-agent apply"]).stdout;
            if running.trim() == "2" { Ok(()) } else { Err(running) }
        });
        if let Some(held) = held {
            node.freeze(held);
        }
        node.metadata_on();
        if let Some(held) = held {
            until("the other has made the node", SOON, || {
                let made = RUNS.map(|unit| node.journal(unit)).concat();
                if made.contains(" changes on disk, ") { Ok(()) } else { Err(made) }
            });
            node.thaw(held);
        }
        for unit in RUNS {
            assert_eq!(node.until_unit(unit, "active")["ExecMainStatus"], "0");
        }
        node.until_ready();
        let said = RUNS.map(|unit| node.journal(unit));
        let idle = said.iter().filter(|said| said.contains(": no changes\n")).count();
        let wrote = said.iter().filter(|said| said.contains("/etc/consul.d/cos.json: ")).count();
        assert_eq!((idle, wrote), (1, 1), "{}\n---\n{}", said[0], said[1]);
        let consul = node.journal("consul.service");
        assert_eq!(consul.matches("Started consul.service").count(), 1, "{consul}");
        assert_eq!(node.unit("consul.service")["NRestarts"], "0");
        assert_eq!(node.booted(), "running");
        let who = held.map_or("side by side".to_owned(), |held| format!("{held} later"));
        transcript.proved(&format!(
            "{who}: one made the node, the other found nothing to do, Consul started once"
        ));
        node.power_cut();
        node.wipe();
        // The watch may have put on record that the cluster has formed; the next node is the first of a new one.
        lab.aws.set_parameter("/cos/demo/formed/consul", "no");
    }
}

/// Puts user data on the disk of a node that is off, and what runs it.
fn run_user_data(node: &Node<'_>) {
    node.write(&format!("/etc/systemd/system/{UNIT}"), CLOUD_FINAL);
    let wants = format!("[Unit]\nWants={UNIT}\n");
    node.write("/etc/systemd/system/multi-user.target.d/user-data.conf", &wants);
}
