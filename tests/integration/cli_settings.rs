//! Every error that settings, user data and programs can cause, as a person reads it.

use crate::support::binary;
use binary::{apply_in, cos_agent, put, run, with_file};
use std::process::Command;

const SETTINGS: &str = "/etc/cos-agent/config.toml";

#[test]
fn settings_that_are_wrong() {
    let huge = vec![b'#'; 5 * 1024 * 1024];
    insta::assert_snapshot!(with_file("nomad-client", &[
        ("typo in a key", SETTINGS, b"[nomad]\nlog_levle = \"debug\"\n"),
        ("typo in a table", SETTINGS, b"[nomadd]\nlog_level = \"debug\"\n"),
        ("wrong type", SETTINGS, b"[nomad.reserved]\ncpu_mhz = \"much\"\n"),
        ("wrong value", SETTINGS, b"[consul]\nlog_level = \"loud\"\n"),
        ("guard", SETTINGS, b"[quorum]\nguard = \"never\"\n"),
        ("no TOML", SETTINGS, b"[consul\n"),
        ("date", SETTINGS, b"[consul.extra]\nx = 2026-01-01\n"),
        ("no UTF-8", SETTINGS, b"[consul]\n# \xff\n"),
        ("huge", SETTINGS, &huge),
        ("second file", "/etc/cos-agent/config.d/50-site.toml", b"\n\n[dns]\naddress = \"10.0.0.1\"\n"),
        ("datacenter", SETTINGS, b"[consul]\ndatacenter = \"EU West\"\n"),
        ("region", SETTINGS, b"[nomad]\nregion = \"-\"\n"),
        ("client datacenter", SETTINGS, b"[cluster]\nclient_datacenters = [\"leader\"]\n"),
    ]), @r#"
typo in a key: exit 78
--- stderr
error: cannot gather the facts about this machine
  cause: the settings are invalid
  cause: /etc/cos-agent/config.toml:2:1: unknown key `log_levle`; valid keys: version, region, log_level, infra_image, drain_deadline, reserved, extra

hint: did you mean `log_level`? `cos-agent config schema` lists all keys

typo in a table: exit 78
--- stderr
error: cannot gather the facts about this machine
  cause: the settings are invalid
  cause: /etc/cos-agent/config.toml:1:2: unknown key `nomadd`; valid keys: cluster, consul, nomad, ecr, ca, dns, launch_hook, quorum

hint: did you mean `nomad`? `cos-agent config schema` lists all keys

wrong type: exit 78
--- stderr
error: cannot gather the facts about this machine
  cause: the settings are invalid
  cause: /etc/cos-agent/config.toml:2:11: invalid type: string "much", expected u32

hint: correct it, then check it with `cos-agent config check FILE`; `cos-agent config schema` lists all keys

wrong value: exit 78
--- stderr
error: cannot gather the facts about this machine
  cause: the settings are invalid
  cause: /etc/cos-agent/config.toml:2:13: unknown variant `loud`, expected one of `trace`, `debug`, `info`, `warn`, `error`

hint: correct it, then check it with `cos-agent config check FILE`; `cos-agent config schema` lists all keys

guard: exit 78
--- stderr
error: cannot gather the facts about this machine
  cause: the settings are invalid
  cause: /etc/cos-agent/config.toml:2:9: unknown variant `never`, expected `on` or `off`

hint: correct it, then check it with `cos-agent config check FILE`; `cos-agent config schema` lists all keys

no TOML: exit 78
--- stderr
error: cannot gather the facts about this machine
  cause: the settings are invalid
  cause: /etc/cos-agent/config.toml:1:8: unclosed table, expected `]`

hint: correct it, then check it with `cos-agent config check FILE`; `cos-agent config schema` lists all keys

date: exit 78
--- stderr
error: cannot gather the facts about this machine
  cause: the settings are invalid
  cause: /etc/cos-agent/config.toml:2:5: expected a string, found a date, which has no type in JSON

hint: correct it, then check it with `cos-agent config check FILE`; `cos-agent config schema` lists all keys

no UTF-8: exit 78
--- stderr
error: cannot gather the facts about this machine
  cause: the settings are invalid
  cause: /etc/cos-agent/config.toml: expected text in UTF-8, found an invalid byte at offset 11

hint: correct it, then check it with `cos-agent config check FILE`; `cos-agent config schema` lists all keys

huge: exit 74
--- stderr
error: cannot gather the facts about this machine
  cause: cannot read a file
  cause: cannot read ROOT/etc/cos-agent/config.toml
  cause: expected at most 4194304 bytes, found more

hint: put a regular file of at most 4 MiB there, or remove what is there

second file: exit 78
--- stderr
error: cannot gather the facts about this machine
  cause: the settings are invalid
  cause: /etc/cos-agent/config.d/50-site.toml:4:11: expected an address between 169.254.1.0 and 169.254.254.255, outside EC2's 169.254.169.0/24 and 169.254.170.0/24, found `10.0.0.1`

hint: correct it, then check it with `cos-agent config check FILE`; `cos-agent config schema` lists all keys

datacenter: exit 78
--- stderr
error: cannot determine how to configure this node
  cause: setting `consul.datacenter` is "EU West", expected 1 to 63 of a-z, 0-9, - and _, not first or last -

hint: correct `consul.datacenter`; `cos-agent config dump` shows the file and line that set it

region: exit 78
--- stderr
error: cannot determine how to configure this node
  cause: setting `nomad.region` is "-", expected 1 to 63 of a-z, 0-9, - and _, not first or last -

hint: correct `nomad.region`; `cos-agent config dump` shows the file and line that set it

client datacenter: exit 78
--- stderr
error: cannot determine how to configure this node
  cause: setting `cluster.client_datacenters` is "leader", expected names of a-z, 0-9, - and _, other than leader

hint: correct `cluster.client_datacenters`; `cos-agent config dump` shows the file and line that set it
"#);
}

#[test]
fn extra_tables_that_do_not_fit() {
    insta::assert_snapshot!(with_file("nomad-client", &[
        ("a key of ours", SETTINGS, b"[nomad.extra.server]\nenabled = true\n"),
        ("another type", SETTINGS, b"[consul.extra]\nlog_json = \"yes\"\n"),
        ("a secret", SETTINGS, b"[consul.extra]\nencrypt = \"a2V5\"\n"),
    ]), @r#"
a key of ours: exit 78
--- stderr
error: cannot render the configuration
  cause: setting `nomad.extra.server.enabled` sets a key that the agent owns

hint: remove it: identity comes from the tags alone; `cos-agent config dump` shows the file and line that set it

another type: exit 78
--- stderr
error: cannot render the configuration
  cause: expected a boolean for setting `consul.extra.log_json`, found a string

hint: give it the type of the value that it replaces

a secret: exit 78
--- stderr
error: cannot render the configuration
  cause: setting `consul.extra.encrypt` contains a secret, and settings must not contain secrets

hint: put it into a file of your own in /etc/consul.d, with mode 0640 and group consul
"#);
}

#[test]
fn user_data_of_ours_that_is_wrong() {
    let mime = "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: application/vnd.cos-agent+toml\n\n";
    let mut text = String::new();
    for (case, user_data) in [
        ("typo", "[nomad]\nlog_levle = \"debug\"\n".to_owned()),
        ("cut off", format!("{mime}[nomad]\n")),
        ("two parts", format!("{mime}[nomad]\n{}\n--b--\n", &mime[mime.find("--b").unwrap()..])),
    ] {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "/user-data", user_data.as_bytes());
        let folder = root.path().join("node").display().to_string();
        let file = root.path().join("user-data").display().to_string();
        let args =
            ["simulate", "nomad-client", "--root", folder.as_str(), "--user-data", file.as_str()];
        text.push_str(&format!("{case}: {}\n", run(cos_agent(&args)).shown(root.path())));
    }
    insta::assert_snapshot!(text, @r#"
typo: exit 78
--- stderr
error: cannot gather the facts about this machine
  cause: the settings are invalid
  cause: user data:2:1: unknown key `log_levle`; valid keys: version, region, log_level, infra_image, drain_deadline, reserved, extra

hint: did you mean `log_level`? `cos-agent config schema` lists all keys

cut off: exit 78
--- stderr
error: cannot gather the facts about this machine
  cause: the settings are invalid
  cause: user data: the MIME message was cut off: expected `--b--` at its end

hint: make the user data TOML text, or a MIME message with one part of type application/vnd.cos-agent+toml

two parts: exit 78
--- stderr
error: cannot gather the facts about this machine
  cause: the settings are invalid
  cause: user data: the MIME message has two parts of type application/vnd.cos-agent+toml; expected one

hint: make the user data TOML text, or a MIME message with one part of type application/vnd.cos-agent+toml
"#);
}

#[test]
fn the_same_words_from_config_check() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "new.toml", b"[nomad]\nlog_levle = \"debug\"\n");
    put(root.path(), "good.toml", b"[nomad]\nlog_level = \"debug\"\n");
    let mut text = String::new();
    for name in ["new.toml", "good.toml"] {
        let file = root.path().join(name).display().to_string();
        text.push_str(&run(cos_agent(&["config", "check", file.as_str()])).shown(root.path()));
    }
    insta::assert_snapshot!(text, @r#"
exit 78
--- stderr
error: cannot gather the facts about this machine
  cause: the settings are invalid
  cause: ROOT/new.toml:2:1: unknown key `log_levle`; valid keys: version, region, log_level, infra_image, drain_deadline, reserved, extra

hint: did you mean `log_level`? `cos-agent config schema` lists all keys
exit 0
--- stdout
ROOT/good.toml: ok
"#);
}

#[test]
fn a_binary_that_contradicts_the_settings_or_says_nothing() {
    let mut text = String::new();
    for says in ["Consul v1.8.7", "exec format"] {
        let (root, ran) = apply_in("consul-server", |root| {
            let script = format!("#!/bin/sh\necho '{says}'\n");
            put(root, "/script", script.as_bytes());
            // Copied by another process: what is open for writing in this one cannot be run.
            let install = ["-D", "-m", "755", "script", "usr/bin/consul"];
            let installed = Command::new("install").args(install).current_dir(root).status();
            assert!(installed.unwrap().success());
        });
        text.push_str(&format!("{}\n", ran.shown(root.path())));
    }
    insta::assert_snapshot!(text, @r#"
exit 78
--- stderr
error: cannot gather the facts about this machine
  cause: /usr/bin/consul is version 1.8.7, but the settings state 1.22.7

hint: remove `version` from the settings: the agent asks the installed binary

exit 78
--- stderr
error: cannot gather the facts about this machine
  cause: expected a version from `/usr/bin/consul version`, found "exec format"

hint: run `/usr/bin/consul version` yourself, and check that the binary is built for this architecture
"#);
}

#[test]
fn settings_that_no_configuration_can_take_are_shown_by_nobody() {
    let root = tempfile::tempdir().unwrap();
    let settings = "[consul.extra]\nencrypt = \"s3cret\"\n";
    put(root.path(), "/etc/cos-agent/config.toml", settings.as_bytes());
    let folder = root.path().display().to_string();
    for command in ["check", "dump"] {
        let ran = run(cos_agent(&["config", "--root", folder.as_str(), command]));
        assert_eq!(ran.code, Some(78), "{command}: {}", ran.stdout);
        assert!(!ran.stdout.contains("s3cret") && !ran.stderr.contains("s3cret"), "{command}");
        assert!(ran.stderr.contains("`consul.extra.encrypt` contains a secret"), "{}", ran.stderr);
    }
}

#[test]
fn operators_files_from_config_check() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().display().to_string();
    let mut text = String::new();
    for (name, content) in [
        ("/etc/consul.d/services.hcl", "service { name = \"web\", port = 80 }"),
        ("/etc/consul.d/domain.hcl", "domain = \"corp\""),
        ("/etc/nomad.d/chroot.hcl", "client { chroot_env { \"/bin\" = 0x1 } }"),
        (
            "/etc/nomad.d/docker.hcl",
            "plugin \"docker\" {\n  config {\n    volumes {\n      enabled = true\n    }\n  }\n}\n",
        ),
        ("/etc/consul.d/broken.hcl", "retry_join = [\"10.0.0.1\"\ntoken = \"s3cret\""),
    ] {
        put(root.path(), name, content.as_bytes());
        let ran = run(cos_agent(&["config", "--root", folder.as_str(), "check"]));
        assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
        text.push_str(&format!("{name}: {}", ran.shown(root.path())));
    }
    insta::assert_snapshot!(text, @r#"
/etc/consul.d/services.hcl: exit 0
--- stdout
/etc/consul.d/services.hcl: ok
/etc/consul.d/domain.hcl: exit 0
--- stdout
/etc/consul.d/domain.hcl: ok
/etc/consul.d/services.hcl: ok
--- stderr
warning: /etc/consul.d/domain.hcl sets `domain`: this host sends only the domain `consul` to Consul
/etc/nomad.d/chroot.hcl: exit 0
--- stdout
/etc/consul.d/domain.hcl: ok
/etc/consul.d/services.hcl: ok
/etc/nomad.d/chroot.hcl: ok
--- stderr
warning: /etc/consul.d/domain.hcl sets `domain`: this host sends only the domain `consul` to Consul
warning: cannot parse /etc/nomad.d/chroot.hcl (line 1: expected a decimal number), so only nomad checks it; once it runs, the gates check its role and datacenter
/etc/nomad.d/docker.hcl: exit 78
--- stderr
warning: /etc/consul.d/domain.hcl sets `domain`: this host sends only the domain `consul` to Consul
warning: cannot parse /etc/nomad.d/chroot.hcl (line 1: expected a decimal number), so only nomad checks it; once it runs, the gates check its role and datacenter
error: cannot plan the changes
  cause: a file in a daemon's directory conflicts with the agent's configuration
  cause: /etc/nomad.d/docker.hcl sets `plugin.docker.config.volumes.enabled`: Nomad uses only the last of two such blocks (hashicorp/nomad 9382), so either this block or the access to ECR would be lost

hint: move it to the table `[nomad.extra.plugin.docker.config.volumes]` of the agent's settings, which is merged with the agent's own block, and remove it from /etc/nomad.d/docker.hcl; nothing was changed
/etc/consul.d/broken.hcl: exit 78
--- stderr
error: cannot plan the changes
  cause: a file in a daemon's directory conflicts with the agent's configuration
  cause: cannot parse /etc/consul.d/broken.hcl (line 2: expected `,` or `]`); it has the word `join`, so it may set a key that the agent owns

hint: write /etc/consul.d/broken.hcl in plain HCL or JSON, or move it away; nothing was changed
"#);
}
