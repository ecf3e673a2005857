//! What stands in the way of a node is named where people look, breaks nothing that runs, and is forgotten once it is
//! gone.

use crate::doctor::ask::{BROKEN, expect};
use crate::lab::Lab;
use crate::lab::description::servers;
use crate::lab::node::Node;
use crate::lab::shell::{Output, SOON};
use crate::lab::transcript::Transcript;
use crate::lab::wait::{throughout, until};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

const CONSUL: &str = "/usr/bin/consul";
const RENDERED: &str = "/etc/consul.d/cos.json";
const SETTINGS: &str = "/etc/cos-agent/config.toml";
/// A program that has Consul's port before Consul, and speaks HTTP.
const SQUATTER: &str = "[Socket]\nListenStream=127.0.0.1:8500\nAccept=yes\n";
const SQUATTERS_ANSWER: &str =
    "[Service]\nExecStart=/usr/local/bin/squatter\nStandardInput=socket\n";
const SQUATTERS_PROGRAM: &str = "\
#!/bin/bash
while read -r line && [ \"$line\" != $'\\r' ]; do :; done
printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\nConnection: close\\r\\n\\r\\nhello\\n'
";

#[test]
fn a_node_without_consul_says_so_at_once_and_starts_when_it_is_there() {
    let mut transcript = Transcript::begin("a node without Consul says so at once");
    let lab = Lab::new(servers("consul-server", 1));
    let node = lab.node("consul-1");
    node.rename(CONSUL, "/root/consul");
    node.boot();
    let agent = node.until_unit("cos-agent.service", "failed");
    assert_eq!(agent["ExecMainStatus"], "78");
    transcript.proved("`apply` ended with 78");

    let waited = Instant::now();
    let wait = node.run(&["cos-agent", "wait", "--for", "ready"]);
    assert!(waited.elapsed() < SOON / 2, "a wait of minutes");
    assert_eq!(wait.code, Some(78), "{wait:?}");
    assert!(wait.stderr.contains("/usr/bin/consul does not exist"), "{wait:?}");
    transcript.proved("`wait` ends at once, with the code and the words of `apply`");
    until_said(
        &node,
        &["exit code 78", "/usr/bin/consul does not exist", "hint: install consul in the image"],
    );
    expect(&node, "role-resolved", BROKEN, "install consul in the image");
    transcript.proved("`status` and `doctor` say what is missing");

    throughout("nothing starts, and nothing is tried again", Duration::from_secs(15), || {
        let agent = node.unit("cos-agent.service");
        assert_eq!((agent["ActiveState"].as_str(), agent["NRestarts"].as_str()), ("failed", "0"));
        for unit in ["consul.service", "cos-agent-ready.service", "cos-agent-watch.service"] {
            assert_eq!(node.unit(unit)["ActiveState"], "inactive", "{unit}");
        }
        Ok(())
    });
    transcript.proved("for longer than RestartSec nothing was started, and nothing tried again");

    node.rename("/root/consul", CONSUL);
    node.ok(&["systemctl", "start", "cos-agent"]);
    node.until_ready();
    transcript.proved("with Consul there, one start of the agent makes the node ready");
}

#[test]
fn a_setting_that_consul_refuses_leaves_what_runs_as_it_was() {
    let mut transcript = Transcript::begin("a setting that Consul refuses changes nothing");
    let lab = Lab::new(servers("consul-server", 1));
    let node = lab.node("consul-1");
    lab.up();
    let (settings, disk) = (node.read(SETTINGS), node.managed());
    let (rendered, consul) = (node.read(RENDERED), node.unit("consul.service"));
    node.write(SETTINGS, &format!("{settings}\n[consul.extra]\nno_such_key = true\n"));
    let by_hand = node.run(&["cos-agent", "apply"]);
    assert_eq!(by_hand.code, Some(78), "{by_hand:?}");
    assert!(by_hand.stderr.contains("no_such_key"), "{by_hand:?}");
    let by_unit = node.run(&["systemctl", "restart", "cos-agent"]);
    assert!(!by_unit.is_ok(), "{by_unit:?}");
    assert_eq!(node.unit("cos-agent.service")["ExecMainStatus"], "78");
    transcript.proved("`apply` ends with 78 and names the key, by hand and as a unit");
    until_said(&node, &["exit code 78", "no_such_key"]);
    let said = expect(&node, "boot-phases", BROKEN, "cos-agent config dump");
    assert!(said.report.to_string().contains("no_such_key"), "{said:?}");
    transcript.proved("`status` and `doctor` name the key");

    assert_eq!(node.read(RENDERED), rendered);
    assert_eq!(node.managed(), disk);
    let now = node.unit("consul.service");
    for key in ["MainPID", "ActiveState", "NRestarts"] {
        assert_eq!(now[key], consul[key], "{key} of Consul");
    }
    node.ready().unwrap();
    transcript.proved("nothing that `apply` manages was written, and the same Consul runs on");

    node.write(SETTINGS, &format!("{settings}\n[consul.extra]\nlog_level = \"DEBUG\"\n"));
    node.ok(&["systemctl", "restart", "cos-agent"]);
    until("the node runs what was meant", SOON, || {
        // It takes this key without a restart, and its configuration in the API stays that of its start.
        let said = node.journal("consul.service");
        if said.contains(r#""@level":"debug""#) { node.ready() } else { Err(said) }
    });
    until("nothing is wrong any more", SOON, || {
        let status = node.ok(&["cos-agent", "status"]);
        if status.contains("problem") { Err(status) } else { Ok(()) }
    });
    transcript.proved("with the key put right Consul runs it, and `status` knows of no problem");
}

#[test]
fn a_port_that_is_taken_is_named_and_waited_for() {
    let mut transcript = Transcript::begin("a port that is taken is named and waited for");
    let lab = Lab::new(servers("consul-server", 1));
    let node = lab.node("consul-1");
    let units = "/etc/systemd/system";
    node.write(&format!("{units}/squatter.socket"), SQUATTER);
    node.write(&format!("{units}/squatter@.service"), SQUATTERS_ANSWER);
    let program = "/usr/local/bin/squatter";
    node.write(program, SQUATTERS_PROGRAM);
    fs::set_permissions(node.path(program), fs::Permissions::from_mode(0o755)).unwrap();
    node.write(
        &format!("{units}/sockets.target.d/squatter.conf"),
        "[Unit]\nWants=squatter.socket\n",
    );
    node.boot();
    node.until_unit("cos-agent.service", "active");
    let started = Instant::now();
    until("Consul has been started again, twice", SOON, || {
        let consul = node.unit("consul.service");
        assert_ne!(consul["ActiveState"], "failed");
        let restarts: u32 = consul["NRestarts"].parse().unwrap();
        if restarts >= 2 { Ok(()) } else { Err(format!("{restarts} restarts")) }
    });
    let seconds = started.elapsed().as_secs_f64();
    assert!(seconds > 8.0, "two restarts within {seconds:.1} s");
    transcript.proved(&format!("Consul was started again twice in {seconds:.0} s"));

    until_said(
        &node,
        &["consul.service", "restarts", "127.0.0.1:8500: bind: address already in use"],
    );
    let status = node.ok(&["cos-agent", "status"]);
    transcript.proved(&format!("`status` names the port:\n{status}"));
    assert!(status.contains("gate      closed  consul-agent"), "{status}");
    assert_eq!(node.unit("cos-agent-ready.service")["ActiveState"], "activating");
    let Output { code, stderr, .. } =
        node.run(&["cos-agent", "wait", "--for", "ready", "--timeout", "2s"]);
    assert_eq!(code, Some(75), "{stderr}");
    assert!(stderr.contains("another program"), "{stderr}");
    expect(&node, "net-listeners", BROKEN, "systemctl list-sockets");
    transcript.proved(&format!("the gates are closed: {}", stderr.trim_end()));

    node.ok(&["systemctl", "stop", "squatter.socket"]);
    node.until_ready();
    transcript.proved("with the port free the node is ready, and nobody did anything else");
}

/// Waits until `cos-agent status` says all of this; it is quick rather than complete.
fn until_said(node: &Node<'_>, words: &[&str]) {
    until(&format!("`status` says {words:?}"), SOON, || {
        let status = node.ok(&["cos-agent", "status"]);
        let says_all = words.iter().all(|words| status.contains(words));
        if says_all { Ok(()) } else { Err(status) }
    });
}
