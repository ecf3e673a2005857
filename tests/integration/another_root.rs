//! A run below `--root` stays there, and leaves nothing due: what it prepares is a machine that is off.

use crate::support::{binary, host, install};
use binary::Node;
use host::Host;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

#[test]
fn nothing_lands_outside_of_another_root() {
    for (place, code) in [
        ("etc/consul.d", 74),
        ("etc/nomad.d", 74),
        ("etc/systemd", 74),
        ("var/lib", 74),
        ("run", 74),
        ("run/cos-agent/lock", 74),
        ("opt", 74),
        ("opt/consul/data", 74),
    ] {
        let outside = tempfile::tempdir().unwrap();
        let node = Node::of("nomad-client");
        let link = node.folder.path().join(place);
        let _ = std::fs::remove_dir_all(&link);
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        let target = if place.ends_with("lock") {
            outside.path().join("lock")
        } else {
            outside.path().to_owned()
        };
        symlink(&target, &link).unwrap();
        let ran = node.run("apply");
        assert_eq!(
            std::fs::read_dir(outside.path()).unwrap().count(),
            0,
            "{place}: {}",
            ran.stderr
        );
        assert_eq!(ran.code, Some(code), "{place}: {}", ran.stderr);
    }
}

#[test]
fn links_inside_of_another_root_are_followed_inside() {
    let node = Node::of("nomad-client");
    let root = node.folder.path();
    for (link, target) in [("etc/consul.d", "/srv/consul.d"), ("opt", "../../../srv/opt")] {
        std::fs::create_dir_all(root.join("srv").join(link.rsplit('/').next().unwrap())).unwrap();
        std::fs::create_dir_all(root.join("etc")).unwrap();
        symlink(target, root.join(link)).unwrap();
    }
    let ran = node.run("apply");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(
        root.join("srv/consul.d/cos.json").is_file() && root.join("srv/opt/consul/data").is_dir()
    );
    assert!(!Path::new("/srv/consul.d").exists() && !Path::new("/srv/opt").exists());
}

#[test]
fn a_validator_of_another_root_is_that_roots_own() {
    let node = Node::of("nomad-client");
    let root = node.folder.path();
    let outside = tempfile::tempdir().unwrap();
    let inside = root.join(outside.path().strip_prefix("/").unwrap());
    for (folder, exit) in [(outside.path(), "touch \"$0.ran\"; exit 1"), (&inside, "exit 0")] {
        std::fs::create_dir_all(folder).unwrap();
        let script = format!("#!/bin/sh\n[ \"$1\" != version ] || echo Consul v1.22.7\n{exit}\n");
        install::script(&folder.join("consul"), &script);
    }
    std::fs::create_dir_all(root.join("usr/bin")).unwrap();
    symlink(outside.path().join("consul"), root.join("usr/bin/consul")).unwrap();
    let ran = node.run("apply");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(!outside.path().join("consul.ran").exists(), "a program of the host ran");
}

#[test]
fn after_apply_below_another_root_nothing_is_due() {
    for role in ["consul-server", "nomad-server", "nomad-client"] {
        let node = Node::of(role);
        let ran = node.run("apply");
        assert!(!ran.stdout.contains("due"), "{}", ran.stdout);
        let plan = node.run("plan --detailed-exitcode");
        assert_eq!(plan.code, Some(0), "{role}: {}", plan.stdout);
        // What a boot does not do by itself is the first run's there.
        let manifest = node.folder.path().join("var/lib/cos-agent/manifest.json");
        let manifest = binary::json(&std::fs::read_to_string(manifest).unwrap());
        assert_eq!(manifest["pending"], serde_json::json!(["enable-agent"]), "{role}");
    }
}

#[test]
fn a_host_whose_units_are_not_touched_has_them_due() {
    let host = Host::packaged();
    let ran = host.run(&["apply", "--no-start"]);
    assert!(ran.stdout.contains("left for the next `apply`"), "{}", ran.stdout);
    let plan = host.run(&["plan"]);
    assert!(plan.stdout.contains("! reload the unit files of systemd"), "{}", plan.stdout);
}

#[test]
fn settings_whose_name_is_no_text_are_settings_all_the_same() {
    let node = Node::of("nomad-client");
    let folder = node.folder.path().join("etc/cos-agent/config.d");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(std::ffi::OsStr::from_bytes(b"\xff.toml")), "nonsense = 1\n")
        .unwrap();
    let ran = node.run("apply");
    assert_eq!(ran.code, Some(78), "{}", ran.stderr);
    assert!(ran.stderr.contains(r"config.d/\xff.toml"), "{}", ran.stderr);
}
