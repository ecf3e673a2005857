//! The switch that freezes the agent during an incident.

use crate::doctor::ask::{BROKEN, WORKS, expect};
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
fn a_frozen_agent_changes_nothing_and_a_reboot_starts_what_ran() {
    let mut transcript = Transcript::begin("a frozen agent changes nothing");
    let lab = Lab::new(servers("consul-server", 1));
    let node = lab.node("consul-1");
    lab.up();
    let (disk, consul) = (node.managed(), node.unit("consul.service")["MainPID"].clone());
    node.write(SWITCH, "");
    // Something that an agent which is not frozen would change.
    let settings = node.read(SETTINGS);
    node.write(SETTINGS, &format!("{settings}\n[consul]\nlog_level = \"debug\"\n"));
    node.ok(&["systemctl", "restart", "cos-agent"]);
    let apply = node.run(&["cos-agent", "apply"]);
    assert!(apply.is_ok() && apply.stderr.contains(FROZEN), "{apply:?}");
    assert_eq!(changed(&disk, &node.managed()), Vec::<std::path::PathBuf>::new());
    assert_eq!(node.unit("consul.service")["MainPID"], consul);
    node.ready().unwrap();
    transcript.proved(
        "`apply` changes nothing and says why, by hand and by its unit, and what runs goes on",
    );
    for command in [&["cos-agent", "status"][..], &["cos-agent", "wait", "--for", "ready"]] {
        let output = node.run(command);
        assert!(output.is_ok() && output.stderr.contains(FROZEN), "{output:?}");
    }
    assert_eq!(expect(&node, "boot-phases", WORKS, SWITCH).cards().len(), 1);
    transcript.proved(
        "`status`, `wait` and the doctor say so too, and nothing else; the node is ready all the same",
    );

    node.reboot();
    assert_eq!(node.booted(), "running");
    for (unit, state) in [
        ("cos-agent.service", "active"),
        ("consul.service", "active"),
        ("cos-agent-ready.service", "inactive"),
        ("cos-agent-watch.service", "inactive"),
    ] {
        assert_eq!(node.unit(unit)["ActiveState"], state, "{unit}");
    }
    until("the node has joined", SOON, || node.ready());
    assert_eq!(changed(&disk, &node.managed()), Vec::<std::path::PathBuf>::new());
    let status = node.run(&["cos-agent", "status"]);
    assert!(status.is_ok() && status.stderr.contains(FROZEN), "{status:?}");
    assert!(
        status.stdout.contains("the daemons run with the configuration from before the reboot"),
        "{status:?}"
    );
    node.ok(&["cos-agent", "wait", "--for", "ready", "--timeout", "20s"]);
    assert_eq!(expect(&node, "boot-phases", WORKS, SWITCH).cards().len(), 1);
    transcript
        .proved("a reboot of a frozen node starts what ran before, as it was, and changes nothing");

    node.ok(&["systemctl", "stop", "consul.service"]);
    node.ok(&["systemctl", "restart", "cos-agent"]);
    assert_eq!(node.unit("consul.service")["ActiveState"], "inactive");
    expect(&node, "units-state", BROKEN, "systemctl start consul");
    transcript.proved(
        "a daemon that is stopped by hand stays down: the agent starts something at the boot alone",
    );

    node.remove(&[SWITCH]);
    node.ok(&["systemctl", "restart", "cos-agent"]);
    let after = node.until_ready();
    until("the change is made", SOON, || {
        let rendered = node.read("/etc/consul.d/cos.json");
        if rendered.contains("DEBUG") { Ok(()) } else { Err(rendered) }
    });
    transcript.proved(&format!(
        "thawed, it is ready {after:.0} s after its power came, changed as it was to be"
    ));
}
