//! Every error that the disk and its owner can cause, as a person reads it.

use crate::support::{binary, install};
use binary::{BINARY, Metadata, apply_in, put, run, with_file};
use cos_agent::simulate::furnish;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn files_that_are_in_the_way() {
    insta::assert_snapshot!(with_file("nomad-client", &[
        ("folder in place of a file", "/etc/consul.d/cos.json/x", b""),
        ("file in place of a folder", "/etc/consul.d", b""),
        ("docker's file is no JSON", "/etc/docker/config.json", b"{\"auths\": "),
        ("docker's file is a list", "/etc/docker/config.json", b"[]"),
        ("a packaged nomad.hcl", "/etc/nomad.d/nomad.hcl", b"server {\n  enabled = true\n}\n"),
        ("a broken consul.hcl", "/etc/consul.d/site.hcl", b"encrypt = \"never shown\nserver = true\n"),
        ("private key", "/etc/cos-agent/ca.d/site.pem", b"-----BEGIN EC PRIVATE KEY-----\n"),
    ]), @r#"
folder in place of a file: exit 74
--- stderr
error: cannot plan the changes
  cause: expected a regular file at /etc/consul.d/cos.json, found a directory

hint: move /etc/consul.d/cos.json away; nothing was changed

file in place of a folder: exit 74
--- stderr
error: `apply` failed
  cause: cannot change a file
  cause: cannot create directory ROOT/etc/consul.d
  cause: Not a directory (os error 20)

hint: move away the file that takes the place of a directory; the next run continues from here

docker's file is no JSON: exit 78
--- stderr
error: cannot plan the changes
  cause: cannot set the agent's keys in /etc/docker/config.json: expected a JSON object (line 1, column 10)

hint: correct /etc/docker/config.json; nothing was changed

docker's file is a list: exit 78
--- stderr
error: cannot plan the changes
  cause: cannot set the agent's keys in /etc/docker/config.json: expected a JSON object (line 1, column 1: found a list)

hint: correct /etc/docker/config.json; nothing was changed

a packaged nomad.hcl: exit 78
--- stderr
error: cannot plan the changes
  cause: a file in a daemon's directory conflicts with the agent's configuration
  cause: /etc/nomad.d/nomad.hcl sets `server.enabled`: this enables the server mode, but this node is a nomad-client

hint: remove the key from /etc/nomad.d/nomad.hcl, or move the file away if it came with a package (`mv /etc/nomad.d/nomad.hcl /etc/nomad.d/nomad.hcl.packaged`); nothing was changed

a broken consul.hcl: exit 78
--- stderr
error: cannot plan the changes
  cause: a file in a daemon's directory conflicts with the agent's configuration
  cause: cannot parse /etc/consul.d/site.hcl (line 1: unterminated string); it has the word `server`, so it may set a key that the agent owns

hint: write /etc/consul.d/site.hcl in plain HCL or JSON, or move it away; nothing was changed

private key: exit 78
--- stderr
error: cannot gather the facts about this machine
  cause: expected only CA certificates in /etc/cos-agent/ca.d/site.pem, found a private key

hint: remove the key from this file, because everybody can read the trust store; nothing was changed
"#);
}

#[test]
fn server_data_that_no_record_speaks_of() {
    let (root, ran) =
        apply_in("consul-server", |root| put(root, "/opt/consul/data/raft/raft.db", b""));
    insta::assert_snapshot!(ran.shown(root.path()), @r#"
exit 65
--- stderr
error: cannot plan the changes
  cause: /opt/consul/data/raft has the data of a server, and no record says which instance created it

hint: if this instance created it (on a node that run-consul set up), run `cos-agent apply --adopt-data`; if it came with an image, run `cos-agent apply --discard-data`, which moves it aside; nothing was changed
"#);
}

/// The binary as nobody, where it can be read.
fn as_nobody(folder: &Path) -> Command {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    let binary = folder.join("cos-agent");
    install::copy(&binary, Path::new(BINARY));
    if !nix::unistd::geteuid().is_root() {
        return Command::new(binary);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(binary);
    command
}

#[test]
fn who_may_not_see_whether_the_agent_is_frozen_is_answered_all_the_same() {
    let scratch = tempfile::tempdir().unwrap();
    let metadata = Metadata::of_role("consul-server", &[]);
    let root = scratch.path().join("closed");
    furnish(&root, "1.22.7", "1.10.5").unwrap();
    let folder = root.display().to_string();
    let facts = run(metadata.command(&["facts", "--root", &folder, "-o", "json"])).stdout;
    let file = scratch.path().join("facts.json");
    std::fs::write(&file, facts).unwrap();
    let settings = root.join("etc/cos-agent");
    std::fs::create_dir_all(&settings).unwrap();
    std::fs::write(settings.join("disabled"), "").unwrap();
    std::fs::set_permissions(&settings, std::fs::Permissions::from_mode(0o000)).unwrap();
    let args = ["plan", "--root", &folder, "--facts", file.to_str().unwrap()];
    let shown = run(metadata.around(as_nobody(scratch.path()), &args));
    std::fs::set_permissions(&settings, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    assert!(shown.stdout.contains("is a consul-server of demo"), "{}", shown.stdout);
}

#[test]
fn only_root_changes_the_node_and_others_are_told_so() {
    let scratch = tempfile::tempdir().unwrap();
    let metadata = Metadata::of_role("consul-server", &[]);
    let on_host = run(metadata.around(as_nobody(scratch.path()), &["apply"]));
    assert!(metadata.service.served().is_empty(), "nothing is asked before that is clear");
    let root = scratch.path().join("closed");
    furnish(&root, "1.22.7", "1.10.5").unwrap();
    std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o555)).unwrap();
    let folder = root.display().to_string();
    let below =
        run(metadata.around(as_nobody(scratch.path()), &["apply", "--root", folder.as_str()]));
    let text = format!("{}\n{}", on_host.shown(&root), below.shown(&root));
    insta::assert_snapshot!(text, @r#"
exit 77
--- stderr
error: `apply` failed
  cause: only root can change this node

hint: run it as root, or in another directory with `--root DIR`

exit 77
--- stderr
error: `apply` failed
  cause: cannot change a file
  cause: cannot create directory ROOT/run/cos-agent
  cause: Permission denied (os error 13)

hint: run it as root, or in another directory with `--root DIR`
"#);
}

#[test]
fn a_strict_umask_does_not_shut_the_daemons_out() {
    let root = tempfile::tempdir().unwrap();
    furnish(root.path(), "1.22.7", "1.10.5").unwrap();
    let metadata = Metadata::of_role("nomad-client", &[]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 077; exec \"$@\"", "sh", BINARY]);
    let folder = root.path().display().to_string();
    let ran = run(metadata.around(shell, &["apply", "--root", folder.as_str()]));
    assert!(ran.shown(root.path()).starts_with("exit 0"), "{}", ran.shown(root.path()));
    for path in ["etc/consul.d", "etc/nomad.d", "etc/systemd/system/nomad.service.d", "opt/consul"]
    {
        let mode = std::fs::metadata(root.path().join(path)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755, "{path}");
    }
}

#[test]
fn a_signal_during_validation_leaves_no_copy_behind() {
    let root = tempfile::tempdir().unwrap();
    furnish(root.path(), "1.22.7", "1.10.5").unwrap();
    let validator = "#!/bin/sh\nif [ \"$1\" = version ]; then echo Consul v1.22.7; else touch \"$2/../../started\"; exec sleep 60; fi\n";
    install::script(&root.path().join("usr/bin/consul"), validator);
    put(root.path(), "/etc/consul.d/site.json", br#"{"encrypt": "s3cret"}"#);
    let metadata = Metadata::of_role("consul-server", &[]);
    let folder = root.path().display().to_string();
    let mut command = metadata.command(&["apply", "--root", folder.as_str()]);
    let mut apply = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let copies = root.path().join("run/cos-agent/validate");
    let deadline = Instant::now() + Duration::from_secs(30);
    while !copies.join("started").exists() {
        assert!(Instant::now() < deadline, "the validator never started");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(copies.join("etc/consul.d/site.json").exists());
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(apply.id().cast_signed()),
        nix::sys::signal::Signal::SIGTERM,
    )
    .unwrap();
    assert_eq!(apply.wait().unwrap().code(), Some(75));
    assert!(!copies.exists(), "copies of configuration are left");
    assert!(!root.path().join("etc/consul.d/cos.json").exists());
}
