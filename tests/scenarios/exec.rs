//! Nomad's `exec=`: what the agent answers there, read as Nomad reads it, and a whole cluster that joins by it.
//!
//! Nomad from 1.10.3 to 1.11.3 asks EC2 under its dual-stack name, which this VPC does not resolve.

use crate::doctor::ask::{BROKEN, expect};
use crate::lab::Lab;
use crate::lab::description::{clients, servers};
use crate::lab::managed::changed;
use crate::lab::node::Node;
use crate::lab::shell::{Output, SOON};
use crate::lab::transcript::Transcript;
use crate::lab::wait::{throughout, until};
use crate::programs;
use cos_agent::render::nomad::{EXEC_JOIN, auto_join_is_broken};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Nomad finds nobody through Consul.
const ALONE: &str = "[nomad.extra.consul]\nserver_auto_join = false\nclient_auto_join = false\nauto_advertise = false\n";
/// What a person would write who does not know of the trouble.
const BY_HAND: &str = "[Service]
ExecStartPre=/bin/sh /root/by-hand
ExecStart=
ExecStart=/usr/bin/nomad agent -config=/run/by-hand.json
";
const MAKES_IT: &str = r#"sed 's/exec=[^"]*/provider=aws region=eu-central-1 tag_key=cos:nomad-server tag_value=demo/' \
  /etc/nomad.d/cos.json >/run/by-hand.json
grep -q provider=aws /run/by-hand.json
"#;
const DROP_IN: &str = "/etc/systemd/system/nomad.service.d/lab.conf";
const NAME: &str = "ec2.eu-central-1.api.aws";
/// Where units are.
const UNITS: &str = "/etc/systemd/system";

#[test]
fn what_peers_prints_in_the_sandbox_of_nomad_is_what_nomads_own_library_reads() {
    let mut transcript = Transcript::begin("exec= read by Nomad's own library");
    let machines = [servers("nomad-server", 3), clients(&["backoffice"])].concat();
    let lab = Lab::new(machines);
    // The others need no power: EC2 tells of them.
    let (server, client) = (lab.node("nomad-1"), lab.node("backoffice"));
    let everybody: BTreeSet<String> =
        lab.role("nomad-server").iter().map(|node| node.address.to_string()).collect();
    let others: BTreeSet<String> = everybody
        .iter()
        .filter(|address| **address != server.address.to_string())
        .cloned()
        .collect();
    for (node, user, expected) in [(&server, "nomad", &others), (&client, "root", &everybody)] {
        node.boot();
        node.until_unit("nomad.service", "active");
        // Nobody else writes by then.
        node.until_unit("cos-agent.service", "active");
        stand_in(node);
        let before = node.managed();
        let (output, addresses) = ask(node);
        assert!(output.is_ok(), "{output:?}: {}", node.journal("exec.service"));
        assert_eq!(node.unit("exec.service")["User"], user);
        let found: BTreeSet<String> = addresses.split_whitespace().map(str::to_owned).collect();
        assert_eq!(&found, expected);
        assert_eq!(changed(&before, &node.managed()), Vec::<PathBuf>::new(), "`peers` wrote");
        transcript.proved(&format!("as {user} on {}: {}", node.name, addresses.trim()));
    }

    lab.aws.deny("ec2:DescribeInstances");
    let (output, addresses) = ask(&server);
    let said = server.journal("exec.service");
    assert!(!output.is_ok() && addresses.is_empty(), "{output:?} {addresses}");
    assert!(said.contains("executable failed with exit code 77"), "{said}");
    expect(&server, "aws-autodiscovery", BROKEN, "ec2:DescribeInstances");
    transcript.proved(
        "EC2 refuses: the library takes the exit code for a failure, and no address for an answer",
    );
}

#[test]
fn nomad_joins_by_exec_where_its_own_way_to_ec2_has_no_address() {
    let nomad = programs::nomad();
    if !nomad.is_since((1, 10, 3)) || !auto_join_is_broken(&nomad.version.0) {
        let version = &nomad.version.0;
        return programs::not_shown(&format!(
            "that Nomad {version} joins by `exec=`: 1.10.3 to 1.11.3 and 2.0.0 do; COS_NOMAD_BIN names one"
        ));
    }
    let mut transcript = Transcript::begin("Nomad joins by exec");
    let mut machines = [servers("consul-server", 1), servers("nomad-server", 3)].concat();
    machines.extend(clients(&["backoffice"]));
    for machine in &mut machines {
        machine.settings += ALONE;
    }
    let lab = Lab::new(machines);
    // Neither Consul nor the watch, which would join too: what is left is Nomad itself.
    lab.everywhere(|node| node.hold_off("cos-agent-watch.service"));
    let client = lab.node("backoffice");
    client.write(DROP_IN, BY_HAND);
    client.write("/root/by-hand", MAKES_IT);
    lab.boot_all();

    for server in lab.role("nomad-server") {
        server.until_ready();
        let rendered = server.read("/etc/nomad.d/cos.json");
        assert!(rendered.contains(EXEC_JOIN), "{rendered}");
        assert!(rendered.contains("\"server_auto_join\": false"), "{rendered}");
        let lookup = server.run(&["getent", "hosts", NAME]);
        assert!(!lookup.is_ok(), "{NAME} has an address: {lookup:?}");
    }
    let servers = lab.role("nomad-server");
    let raft = servers[0].nomad("/v1/operator/raft/configuration").unwrap();
    assert_eq!(raft["Servers"].as_array().unwrap().len(), 3, "{raft}");
    transcript.proved("three servers are one, with Consul's discovery off: they joined by exec");

    let log = until("the client asks EC2 by itself", SOON, || {
        let log = client.journal("nomad.service");
        let line = log.lines().find(|line| line.contains(NAME) && line.contains("no such host"));
        line.map(str::to_owned).ok_or_else(|| log.lines().last().unwrap_or("").to_owned())
    });
    throughout("the client does not join", Duration::from_secs(20), || match client.ready() {
        Ok(()) => Err("it joined".to_owned()),
        Err(_) => Ok(()),
    });
    transcript.proved(&format!("a client with `provider=aws` does not join:\n{log}"));

    client.ok(&["rm", DROP_IN]);
    client.ok(&["systemctl", "daemon-reload"]);
    client.ok(&["systemctl", "restart", "nomad.service"]);
    lab.until_ready();
    transcript.proved(&until("one Nomad cluster", SOON, || lab.is_one_nomad()));
    let asked = lab.aws.calls();
    let by_client = asked.iter().filter(|call| {
        call.caller == client.address && call.action == "DescribeInstances" && call.status == 200
    });
    assert!(by_client.count() > 0);
    transcript.proved("with what the agent rendered it does");
}

/// Puts `exec.service` beside Nomad's unit: the same sandbox, and in it the library that Nomad reads addresses with.
fn stand_in(node: &Node<'_>) {
    fs::copy(programs::netaddrs(), node.path("/usr/bin/netaddrs")).unwrap();
    node.ok(&[
        "cp",
        "--no-target-directory",
        "-r",
        &format!("{UNITS}/nomad.service"),
        &format!("{UNITS}/exec.service"),
    ]);
    node.ok(&[
        "cp",
        "--no-target-directory",
        "-r",
        &format!("{UNITS}/nomad.service.d"),
        &format!("{UNITS}/exec.service.d"),
    ]);
    let starts = format!(
        "[Service]\nType=oneshot\nRestart=no\nSuccessExitStatus=\nExecStart=\n\
         ExecStart=/usr/bin/netaddrs ip \"{EXEC_JOIN}\"\nStandardOutput=truncate:/run/exec.out\nStandardError=journal\n"
    );
    node.write(&format!("{UNITS}/exec.service.d/lab.conf"), &starts);
    node.ok(&["systemctl", "daemon-reload"]);
}

/// Runs it: how it ended, and the addresses.
fn ask(node: &Node<'_>) -> (Output, String) {
    let output = node.run(&["systemctl", "start", "exec.service"]);
    (output, node.ok(&["cat", "/run/exec.out"]))
}
