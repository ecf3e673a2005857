//! The switch that freezes the agent during an incident.

use crate::lab::Lab;
use crate::lab::description::servers;
use crate::lab::managed::changed;
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;

const SWITCH: &str = "/etc/cos-agent/disabled";
const SETTINGS: &str = "/etc/cos-agent/config.toml";
const FROZEN: &str = "the agent is frozen: /etc/cos-agent/disabled exists";

#[test]
fn a_frozen_agent_changes_and_starts_nothing_until_it_is_thawed() {
    let mut transcript = Transcript::begin("a frozen agent changes and starts nothing");
    let lab = Lab::new(servers("consul-server", 1));
    let node = lab.node("consul-1");
    lab.up();
    let (disk, consul) = (node.managed(), node.unit("consul.service")["MainPID"].clone());
    node.write(SWITCH, "");
    // Something that an agent which is not frozen would change.
    let settings = node.read(SETTINGS);
    node.write(SETTINGS, &format!("{settings}\n[consul]\nlog_level = \"debug\"\n"));
    for verb in ["start", "restart"] {
        node.ok(&["systemctl", verb, "cos-agent"]);
    }
    assert_eq!(node.unit("cos-agent.service")["ConditionResult"], "no");
    let apply = node.run(&["cos-agent", "apply"]);
    assert!(apply.is_ok() && apply.stderr.contains(FROZEN), "{apply:?}");
    assert_eq!(changed(&disk, &node.managed()), Vec::<std::path::PathBuf>::new());
    assert_eq!(node.unit("consul.service")["MainPID"], consul);
    node.ready().unwrap();
    transcript.proved(
        "`apply` changes nothing and says why, the unit does nothing, and what runs goes on",
    );
    for command in [&["cos-agent", "status"][..], &["cos-agent", "wait", "--for", "ready"]] {
        let output = node.run(command);
        assert!(output.is_ok() && output.stderr.contains(FROZEN), "{output:?}");
    }
    transcript.proved("`status` and `wait` say so too; the node is ready all the same");

    node.reboot();
    assert_eq!(node.booted(), "running");
    for unit in [
        "cos-agent.service",
        "cos-agent-ready.service",
        "cos-agent-watch.service",
        "consul.service",
    ] {
        assert_eq!(node.unit(unit)["ActiveState"], "inactive", "{unit}");
    }
    assert_eq!(changed(&disk, &node.managed()), Vec::<std::path::PathBuf>::new());
    let status = node.run(&["cos-agent", "status"]);
    assert!(status.is_ok() && status.stderr.contains(FROZEN), "{status:?}");
    let wait = node.run(&["cos-agent", "wait", "--for", "ready", "--timeout", "2s"]);
    assert_eq!(wait.code, Some(75), "{wait:?}");
    assert!(wait.stderr.contains("remove /etc/cos-agent/disabled"), "{wait:?}");
    transcript.proved("a reboot of a frozen node starts no daemon, and `wait` says what to do");

    node.remove(&[SWITCH]);
    node.ok(&["systemctl", "start", "cos-agent"]);
    let after = node.until_ready();
    until("the change is made", SOON, || {
        let rendered = node.read("/etc/consul.d/cos.json");
        if rendered.contains("DEBUG") { Ok(()) } else { Err(rendered) }
    });
    transcript.proved(&format!(
        "thawed, it is ready {after:.0} s after its power came, changed as it was to be"
    ));
}
