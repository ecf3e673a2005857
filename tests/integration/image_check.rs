//! `doctor --image`: each thing that must not be in a snapshot is named, `clean` takes it out, and then the image passes.

use crate::support::image::Machine;
use cos_agent::state::leftover::{LEFTOVERS, Spot};
use serde_json::Value;

#[test]
fn a_clean_image_passes() {
    let machine = Machine::installed();
    assert_eq!(machine.run(&["clean"]).code, Some(0));
    let ran = machine.run(&["doctor", "--image"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("this image may be snapshotted\n"), "{}", ran.stdout);
    assert_eq!(machine.run(&["clean"]).stdout, "the image is clean\n");
}

/// Puts something at a spot; the path that has to be named.
fn plant(machine: &Machine, spot: Spot) -> String {
    let path = match spot {
        Spot::Path(path) | Spot::Empty(path) => path.to_owned(),
        Spot::Inside(directory) => format!("{directory}/left/behind"),
        Spot::Named(directory, prefix, suffix) => format!("{directory}/{prefix}x{suffix}"),
        Spot::Home(path) => format!("/home/admin/{path}"),
        Spot::Files(directory) => format!("{directory}/deep/below/left"),
    };
    machine.put(&path, "left behind\n");
    match spot {
        Spot::Inside(directory) => format!("{directory}/left"),
        _ => path,
    }
}

#[test]
fn every_left_over_is_named_and_taken_out() {
    let machine = Machine::installed();
    assert_eq!(machine.run(&["clean"]).code, Some(0));
    for leftover in LEFTOVERS {
        for spot in leftover.spots {
            let path = plant(&machine, *spot);
            let ran = machine.run(&["doctor", "--image"]);
            assert_eq!(ran.code, Some(2), "{path}\n{}", ran.stdout);
            assert!(
                ran.stdout.contains(&format!("{}: {path}", leftover.what)),
                "{path}\n{}",
                ran.stdout
            );
            let plan = machine.run(&["clean", "--plan"]);
            assert!(plan.stdout.lines().any(|line| line.trim() == path), "{path}\n{}", plan.stdout);
            assert!(machine.path(&path).exists(), "--plan removed {path}");
            assert_eq!(machine.run(&["clean"]).code, Some(0), "{path}");
            assert_eq!(machine.run(&["doctor", "--image"]).code, Some(0), "{path}");
        }
    }
    let id = machine.path("/etc/machine-id");
    assert_eq!(std::fs::read(&id).unwrap(), b"");
    std::fs::remove_file(&id).unwrap();
    assert_eq!(machine.run(&["doctor", "--image"]).code, Some(2), "a missing machine-id");
    assert_eq!(machine.run(&["clean"]).code, Some(0));
    assert!(id.exists(), "an absent machine-id makes the first boot apply presets");
}

#[test]
fn names_that_are_not_utf_8_are_taken_out_too() {
    use std::os::unix::ffi::OsStrExt;
    let machine = Machine::installed();
    let strange = machine.path("/var/tmp").join(std::ffi::OsStr::from_bytes(b"\xff\n"));
    std::fs::create_dir_all(strange.parent().unwrap()).unwrap();
    std::fs::write(&strange, "x").unwrap();
    machine.link("/var/tmp/link", "/etc");
    assert_eq!(machine.run(&["clean"]).code, Some(0));
    assert!(!strange.exists() && machine.path("/etc/os-release").exists());
}

/// The check that fails, what it says, and the change that it finds.
type Case = (&'static str, &'static str, fn(&Machine));

/// What may be changed after `install`.
const CHANGES: [Case; 11] = [
    ("image-programs", "/usr/bin/consul is another file", |machine| {
        machine.put("/usr/bin/consul", "another\n");
    }),
    ("image-programs", "/usr/bin/nomad is missing", |machine| machine.remove("/usr/bin/nomad")),
    ("image-programs", "ami-manifest.json is missing", |machine| {
        machine.remove("/usr/share/cos/ami-manifest.json");
    }),
    ("image-files", "50-cos-agent.conf was changed", |machine| {
        machine.put("/usr/lib/sysctl.d/50-cos-agent.conf", "vm.swappiness = 0\n");
    }),
    ("image-units", "docker.socket is enabled", |machine| {
        machine.link("/etc/systemd/system/sockets.target.wants/docker.socket", "/nowhere");
    }),
    ("image-units", "cos-agent.service is not enabled", |machine| {
        machine.remove("/etc/systemd/system/multi-user.target.wants/cos-agent.service");
    }),
    ("image-users", "no user nomad", |machine| {
        machine.put("/etc/passwd", "consul:x:1:1::/:/bin/false\n");
    }),
    ("image-config", "site.hcl sets `server.enabled`", |machine| {
        machine.put("/etc/nomad.d/site.hcl", "server { enabled = true }\n");
    }),
    ("image-network", "/opt/cni/bin lacks portmap", |machine| {
        machine.remove("/usr/lib/cni/portmap");
    }),
    ("image-clock", "no file of chrony names 169.254.169.123", |machine| {
        machine.put("/etc/chrony/sources.d/cos-agent.sources", "# server 169.254.169.123\n");
    }),
    ("image-clock", "chrony is not enabled", |machine| {
        machine.remove("/etc/systemd/system/multi-user.target.wants/chrony.service");
    }),
];

#[test]
fn each_change_after_install_fails_the_check_that_is_for_it() {
    for (id, words, change) in CHANGES {
        let machine = Machine::installed();
        assert_eq!(machine.run(&["clean"]).code, Some(0));
        change(&machine);
        let ran = machine.run(&["doctor", "--image", "-o", "json"]);
        assert_eq!(ran.code, Some(2), "{words}: {}", ran.stdout);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        let checks = report["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["id"] == id);
        let check = check.unwrap_or_else(|| panic!("{id}: {report:#}"));
        assert_eq!(check["status"], "fail", "{words}");
        assert!(check["found"].as_str().unwrap().contains(words), "{words}: {}", check["found"]);
    }
}

#[test]
fn a_machine_without_install_is_no_image() {
    let machine = Machine::new();
    let ran = machine.run(&["doctor", "--image"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stdout.contains("/usr/share/cos/install.json is missing"), "{}", ran.stdout);
    assert!(ran.stdout.contains("this image must not be snapshotted"), "{}", ran.stdout);
}
