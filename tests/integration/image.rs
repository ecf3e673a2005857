//! `install` and `clean`: a machine becomes an image, in a directory that stands for `/`.

use crate::support::binary::{cos_agent, run};
use crate::support::image::{Machine, PROGRAMS};
use serde_json::Value;

/// The paths of the manifest of the image.
const MANIFEST: &str = "/usr/share/cos/ami-manifest.json";

#[test]
fn a_second_run_changes_nothing_and_the_first_enables_the_agent_alone() {
    let machine = Machine::installed();
    let wants = |unit: &str| {
        let link = format!("/etc/systemd/system/multi-user.target.wants/{unit}");
        machine.path(&link).symlink_metadata().is_ok()
    };
    assert!(wants("cos-agent.service") && wants("chrony.service"));
    assert!(!wants("docker.service") && !wants("consul.service") && !wants("nomad.service"));
    assert!(
        machine
            .path("/etc/systemd/system/sockets.target.wants/docker.socket")
            .symlink_metadata()
            .is_err()
    );
    let users = machine.read("/etc/passwd");
    assert!(users.contains("\nconsul:") && users.contains("\nnomad:"), "{users}");
    assert_eq!(
        std::fs::read_link(machine.path("/opt/cni/bin")).unwrap().to_str(),
        Some("/usr/lib/cni")
    );
    let docker: Value = serde_json::from_str(&machine.read("/etc/docker/daemon.json")).unwrap();
    assert_eq!(docker["log-opts"]["max-size"], "20m");

    let before = machine.listing();
    let again = machine.run(&["install"]);
    assert_eq!(
        (again.code, again.stdout.as_str()),
        (Some(0), "image with 6 programs: no changes\n")
    );
    let lock = |line: &&str| !line.starts_with("run/cos-agent");
    let after = machine.listing();
    let [before, after] =
        [&before, &after].map(|text| text.lines().filter(lock).collect::<Vec<_>>());
    assert_eq!(before, after);
    let plan = machine.run(&["install", "--plan", "--detailed-exitcode"]);
    assert_eq!(plan.code, Some(0), "{}", plan.stdout);
}

#[test]
fn the_plan_of_an_image_says_what_install_then_does_and_changes_nothing() {
    let machine = Machine::new();
    let before = machine.listing();
    let plan = machine.run(&["install", "--plan", "--detailed-exitcode"]);
    assert_eq!(plan.code, Some(2), "{}", plan.stderr);
    for words in [
        "/etc/systemd/system/cos-agent.service",
        "server 169.254.169.123 prefer",
        "enable cos-agent.service",
        "disable docker.service",
        "create the users of the daemons",
    ] {
        assert!(plan.stdout.contains(words), "{words}\n{}", plan.stdout);
    }
    assert_eq!(machine.listing(), before);
}

#[test]
fn two_builds_of_the_same_inputs_differ_in_the_time_of_the_build_alone() {
    let machine = Machine::new();
    let manifest = |time: &str| {
        let ran = machine.run(&["install", "--build-time", time]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let text = machine.read(MANIFEST);
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let first = manifest("2026-01-31T12:00:00Z");
    let mut second = manifest("2026-02-01T12:00:00Z");
    assert_eq!(second["built"], "2026-02-01T12:00:00Z");
    second["built"] = first["built"].clone();
    assert_eq!(first, second);
    for (path, version) in [
        ("/usr/bin/consul", "1.14.4"),
        ("/usr/bin/docker", "20.10.24+dfsg1"),
        ("/usr/bin/docker-credential-ecr-login", "0.6.0"),
        ("/usr/bin/cos-agent", env!("CARGO_PKG_VERSION")),
    ] {
        let program = &first["binaries"][path];
        assert_eq!(program["version"], version, "{path}");
        assert_eq!(program["sha256"].as_str().unwrap().len(), 64);
    }
    let wrong = machine.run(&["install", "--build-time", "yesterday"]);
    assert_eq!(wrong.code, Some(64));
    assert!(wrong.stderr.contains("expected a time like 2026-01-31T12:00:00Z"), "{}", wrong.stderr);
}

#[test]
fn everything_that_is_missing_is_named_at_once_and_nothing_is_written() {
    let machine = Machine::new();
    for (path, _) in PROGRAMS {
        std::fs::remove_file(machine.path(path)).unwrap();
    }
    std::fs::remove_file(machine.path("/usr/lib/cni/portmap")).unwrap();
    let before = machine.listing();
    let ran = machine.run(&["install", "--plan"]);
    assert_eq!(ran.code, Some(78));
    for words in [
        "/usr/bin/consul",
        "/usr/bin/nomad",
        "docker (package docker.io)",
        "docker-credential-ecr-login (package amazon-ecr-credential-helper)",
        "chronyd (package chrony)",
        "ip (package iproute2)",
        "iptables (package iptables)",
        "apparmor_parser (package apparmor)",
        "the trust store (package ca-certificates)",
        "bridge, firewall, host-local, loopback, portmap (package containernetworking-plugins)",
    ] {
        assert!(ran.stderr.contains(words), "{words}\n{}", ran.stderr);
    }
    assert_eq!(machine.listing(), before);
}

#[test]
fn a_machine_that_cannot_become_an_image_is_told_why() {
    let machine = Machine::new();
    machine.put("/etc/os-release", "ID=debian\nVERSION_ID=\"11\"\n");
    let ran = machine.run(&["install"]);
    assert_eq!(ran.code, Some(78));
    assert!(ran.stderr.contains("found debian 11"), "{}", ran.stderr);
    machine.put("/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    crate::support::install::script(&machine.path("/usr/bin/consul"), "#!/bin/sh\necho no\n");
    let ran = machine.run(&["install"]);
    assert_eq!(ran.code, Some(78));
    assert!(
        ran.stderr.contains("cannot read the version of /usr/bin/consul: it said \"no\""),
        "{}",
        ran.stderr
    );
}

#[test]
fn the_configuration_of_a_package_is_moved_aside_and_another_one_is_refused() {
    let machine = Machine::new();
    let packaged = "server {\n  enabled = true\n  bootstrap_expect = 1\n}\n";
    machine.put("/etc/nomad.d/nomad.hcl", packaged);
    machine.put("/etc/consul.d/consul.hcl", "# nothing is set here\n");
    assert_eq!(machine.run(&["install"]).code, Some(0));
    assert_eq!(machine.read("/etc/nomad.d/nomad.hcl.before-cos-agent"), packaged);
    assert!(!machine.path("/etc/nomad.d/nomad.hcl").exists());
    assert!(machine.path("/etc/consul.d/consul.hcl").exists(), "it harms nothing");

    let other = Machine::new();
    other.put("/etc/nomad.d/site.hcl", packaged);
    let ran = other.run(&["install"]);
    assert_eq!(ran.code, Some(78));
    assert!(ran.stderr.contains("/etc/nomad.d/site.hcl sets `server.enabled`"), "{}", ran.stderr);
    assert!(!other.path("/etc/systemd/system/cos-agent.service").exists());
}

#[test]
fn what_a_later_package_enables_is_disabled_by_the_next_run() {
    let machine = Machine::installed();
    machine.link(
        "/etc/systemd/system/multi-user.target.wants/docker.service",
        "/lib/systemd/system/docker.service",
    );
    let ran = machine.run(&["install"]);
    assert_eq!(ran.stdout, "image with 6 programs: 0 changes on disk, 1 action\n");
    assert!(ran.stderr.contains("disabled docker.service"), "{}", ran.stderr);
}

#[test]
fn an_install_that_lost_power_is_completed_by_the_next() {
    let machine = Machine::installed();
    let record = "/usr/share/cos/install.json";
    let mut manifest: Value = serde_json::from_str(&machine.read(record)).unwrap();
    // What the record says between the files and the actions.
    manifest["pending"] = serde_json::json!(["create-users"]);
    machine.put(record, &manifest.to_string());
    machine.put("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
    machine.put("/etc/group", "root:x:0:\n");
    let check = machine.run(&["doctor", "--image"]);
    assert!(
        check.stdout.contains("still to do: create the users of the daemons"),
        "{}",
        check.stdout
    );
    let ran = machine.run(&["install"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(machine.read("/etc/passwd").contains("\nconsul:"));
}

#[test]
fn clean_works_on_an_image_alone() {
    let machine = Machine::new();
    machine.put("/root/.ssh/authorized_keys", "ssh-ed25519 AAAA builder\n");
    let ran = machine.run(&["clean"]);
    assert_eq!(ran.code, Some(78));
    assert!(ran.stderr.contains("`cos-agent install` has not run here"), "{}", ran.stderr);
    assert!(ran.stderr.starts_with("error: cannot clean this machine"), "{}", ran.stderr);
    assert!(machine.path("/root/.ssh/authorized_keys").exists());
    let nowhere = run(cos_agent(&["clean", "--root", "/nowhere"]));
    assert_eq!(nowhere.code, Some(78), "{}", nowhere.stderr);
}
