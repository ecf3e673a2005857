//! What is rendered before the real judges: `consul validate`, `nomad config validate` and `systemd-analyze verify`.
//!
//! The binaries are those of `programs.rs`; one that is not there fails the test that needs it. Each judges what is
//! rendered for its own version.

use crate::support::{golden, programs, root};
use cos_agent::node::tags;
use cos_agent::render::units;
use cos_agent::simulate::NodeKind;
use cos_agent::simulate::instance::Instance;
use cos_agent::simulate::service::Service;
use cos_agent::state::Daemon;
use programs::{Program, consul, nomad};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Cases whose `extra` tables have keys that came with a release.
const NEED: [(&str, Daemon, (u64, u64, u64)); 1] =
    // hashicorp/nomad 23665: external key management.
    [("extra-nomad-keyring", Daemon::Nomad, (1, 8, 0))];

#[test]
fn consul_takes_every_rendered_configuration() {
    takes_every_configuration(&consul(), Daemon::Consul, "invalid config key no_such_key");
}

#[test]
fn the_oldest_consul_takes_every_rendered_configuration() {
    let oldest = programs::oldest_consul();
    takes_every_configuration(&oldest, Daemon::Consul, "invalid config key no_such_key");
}

#[test]
fn nomad_takes_every_rendered_configuration() {
    takes_every_configuration(&nomad(), Daemon::Nomad, "unexpected keys no_such_key");
}

/// Gives a validator what every case renders for its version, and what it has to refuse.
#[track_caller]
fn takes_every_configuration(program: &Program, daemon: Daemon, refusal: &str) {
    let judged = every(daemon, program);
    assert!(judged.len() >= 10, "the cases hardly differ: {judged:?}");
    let validate = |folder: &Path| {
        let folder = folder.to_string_lossy();
        match daemon {
            Daemon::Consul => run(&program.path, &["validate", &folder]),
            Daemon::Nomad => run(&program.path, &["config", "validate", &folder]),
        }
    };
    assert_eq!(refusals(&judged, validate), "");
    assert!(refusals(&wrong(), validate).contains(refusal));
}

#[tokio::test]
async fn a_key_that_consul_does_not_know_changes_nothing() {
    let scratch = Scratch::new("consul-server").await;
    root::put_program(scratch.root(), Daemon::Consul.program(), &programs::oldest_consul().path);
    done(&scratch.apply().await);
    let before = scratch.look();
    scratch.settings("[consul.extra.ui_config]\nenabled = true\n");
    let words = scratch.refused(&scratch.apply().await);
    for part in ["/usr/bin/consul validate", "invalid config key", "ui_config"] {
        assert!(words.contains(part), "{part} is not in\n{words}");
    }
    assert_eq!(scratch.look(), before);
}

#[tokio::test]
async fn a_key_that_nomad_does_not_know_changes_nothing() {
    let scratch = Scratch::new("nomad-client").await;
    root::put_program(scratch.root(), Daemon::Consul.program(), &consul().path);
    root::put_program(scratch.root(), Daemon::Nomad.program(), &nomad().path);
    done(&scratch.apply().await);
    let before = scratch.look();
    scratch.settings("[nomad.extra.client]\nbogus = 1\n");
    let words = scratch.refused(&scratch.apply().await);
    for part in ["/usr/bin/nomad config validate", "unexpected keys bogus"] {
        assert!(words.contains(part), "{part} is not in\n{words}");
    }
    assert_eq!(scratch.look(), before);
}

#[tokio::test]
async fn a_refusal_on_the_first_run_writes_no_file() {
    let scratch = Scratch::new("consul-server").await;
    root::put_program(scratch.root(), Daemon::Consul.program(), &consul().path);
    scratch.settings("[consul.extra]\nno_such_key = true\n");
    let words = scratch.refused(&scratch.apply().await);
    assert!(words.contains("no_such_key"), "{words}");
    let found: Vec<String> = root::files(scratch.root()).into_keys().collect();
    assert_eq!(found, [SETTINGS, Daemon::Consul.program()]);
}

#[tokio::test]
async fn a_file_of_the_operator_is_judged_with_ours_and_named_as_it_is() {
    let scratch = Scratch::new("consul-server").await;
    root::put_program(scratch.root(), Daemon::Consul.program(), &consul().path);
    root::put(scratch.root(), "/etc/consul.d/own.json", br#"{"ports": {"http": "x"}}"#, 0o640);
    let words = scratch.refused(&scratch.apply().await);
    assert!(words.contains("/etc/consul.d/own.json") && !words.contains("/run/"), "{words}");
}

#[test]
fn systemd_takes_every_unit() {
    let root = tempfile::tempdir().unwrap();
    install_units(root.path());
    let names: Vec<&str> = units::texts().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 9);
    verified("the units", root.path(), &names);
}

#[test]
fn systemd_takes_every_drop_in() {
    let mut judged = BTreeMap::new();
    for case in golden::all() {
        let tree = golden::tree(&golden::planned(&case.name, &case.node()));
        let drop_ins: golden::Tree =
            tree.into_iter().filter(|(path, _)| path.ends_with(".service.d/cos.conf")).collect();
        judged.entry(drop_ins).or_insert(case.name);
    }
    judged.remove(&golden::Tree::new());
    assert!(judged.len() >= 4, "servers, clients, two addresses of the link: {judged:?}");
    for (drop_ins, name) in judged {
        let root = tempfile::tempdir().unwrap();
        install_units(root.path());
        for (path, bytes) in &drop_ins {
            root::put(root.path(), path, bytes, 0o644);
        }
        let unit =
            |path: &String| path.split('/').rev().nth(1)?.strip_suffix(".d").map(str::to_owned);
        let units: Vec<String> = drop_ins.keys().filter_map(unit).collect();
        assert_eq!(units.len(), drop_ins.len());
        verified(&name, root.path(), &units);
    }
}

/// What runs for as long as the node does, and parses what others send, may do little else.
#[test]
fn systemd_finds_little_that_the_long_running_units_may_do() {
    for unit in ["cos-agent-ready.service", "cos-agent-watch.service"] {
        let root = tempfile::tempdir().unwrap();
        install_units(root.path());
        let path = root.path().join(format!("etc/systemd/system/{unit}"));
        let judge = |threshold: &str| {
            let judged = Command::new("systemd-analyze")
                .args(["security", "--no-pager", "--offline=yes", "--threshold", threshold])
                .arg(&path)
                .output();
            judged.unwrap()
        };
        // Tenths of the exposure, of which 10 is everything.
        assert!(judge("25").status.success(), "{unit}: {}", words(&judge("25")));
        assert!(!judge("5").status.success(), "{unit} may do nothing at all?");
    }
}

#[test]
fn systemd_would_refuse_a_unit_that_is_wrong() {
    for (unit, text) in [
        ("consul.service", "[Service]\nRestart=sometimes\n"),
        ("nomad.service", "[Service]\nKillMod=process\n"),
        ("cos-agent.service", "[Service]\nExecStartPre=/usr/bin/not-there\n"),
    ] {
        let root = tempfile::tempdir().unwrap();
        install_units(root.path());
        root::put(
            root.path(),
            &format!("/etc/systemd/system/{unit}.d/x.conf"),
            text.as_bytes(),
            0o644,
        );
        assert_ne!(verify(root.path(), &[unit]), "", "{text}");
    }
}

/// Runs a program to its end: what it said if it succeeded or not, the exit code in front if not.
fn run(program: &Path, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .env("HOME", "/nonexistent")
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    words(&output)
}

fn words(output: &Output) -> String {
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    if output.status.success() { said } else { format!("{}\n{said}", output.status) }
}

/// The configuration of a daemon in every case, for the version of this program; each text once.
fn every(daemon: Daemon, program: &Program) -> BTreeMap<Vec<u8>, String> {
    let mut texts = BTreeMap::new();
    for case in golden::all() {
        let needed = NEED.iter().find(|(name, of, _)| *name == case.name && *of == daemon);
        if let Some((name, _, release)) = needed.filter(|needed| !program.is_since(needed.2)) {
            let version = String::from(program.version.clone());
            programs::not_shown(&format!(
                "whether {daemon:?} takes the case {name}: it is {version}, the case is for {release:?} and later"
            ));
            continue;
        }
        let mut facts = case.facts;
        match daemon {
            Daemon::Consul => facts.installed.consul = Some(program.version.clone()),
            Daemon::Nomad if facts.installed.nomad.is_none() => continue,
            Daemon::Nomad => facts.installed.nomad = Some(program.version.clone()),
        }
        let node = golden::resolved(&case.name, &facts);
        let tree = golden::tree(&golden::planned(&case.name, &node));
        if let Some(bytes) = tree.get(daemon.file()) {
            texts.entry(bytes.clone()).or_insert(case.name);
        }
    }
    texts
}

/// A configuration that no validator may take.
fn wrong() -> BTreeMap<Vec<u8>, String> {
    BTreeMap::from([(br#"{"no_such_key": true}"#.to_vec(), "wrong".to_owned())])
}

/// Puts each text alone into a folder before the validator; what it refuses, with its words.
fn refusals(judged: &BTreeMap<Vec<u8>, String>, validate: impl Fn(&Path) -> String) -> String {
    let mut refused = String::new();
    for (bytes, case) in judged {
        let folder = tempfile::tempdir().unwrap();
        root::put(folder.path(), "cos.json", bytes, 0o600);
        let said = validate(folder.path());
        if said.starts_with("exit status") || said.starts_with("signal") {
            refused.push_str(&format!("{case}: {said}\n"));
        }
    }
    refused
}

const SETTINGS: &str = "/etc/cos-agent/config.toml";

/// An instance with a metadata service and a folder in place of `/`.
struct Scratch {
    folder: TempDir,
    service: Service,
}

impl Scratch {
    async fn new(role: &str) -> Self {
        let tags = NodeKind::of(role, None).tags("prod", "3");
        assert_eq!(tags[tags::ROLE], role);
        let instance = Instance { tags, ..Instance::default() };
        let service = Service::start(instance, Vec::new()).await.unwrap();
        Self { folder: tempfile::tempdir().unwrap(), service }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn settings(&self, text: &str) {
        root::put(self.root(), SETTINGS, text.as_bytes(), 0o644);
    }

    /// Everything but the settings that a test changes, and the time of the folder in which copies are validated.
    fn look(&self) -> BTreeMap<String, root::Seen> {
        let mut seen = root::look(self.root());
        seen.remove("/run/cos-agent");
        seen.retain(|path, _| !path.starts_with("/etc/cos-agent") && path != "/etc");
        seen
    }

    async fn apply(&self) -> Output {
        tokio::process::Command::new(env!("CARGO_BIN_EXE_cos-agent"))
            .args(["apply", "--timeout", "20s", "--root"])
            .arg(self.root())
            .env_clear()
            .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", self.service.endpoint())
            .env("AWS_ENDPOINT_URL_EC2", self.service.endpoint())
            .output()
            .await
            .unwrap()
    }

    /// Expects the refusal of a validator and no trace of its copies.
    #[track_caller]
    fn refused(&self, output: &Output) -> String {
        let words = words(output);
        assert_eq!(output.status.code(), Some(78), "{words}");
        let copies = self.root().join("run/cos-agent/validate");
        assert!(!copies.exists(), "{} is still there", copies.display());
        words
    }
}

#[track_caller]
fn done(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", words(output));
}

/// The units of ours, what they are ordered by, and stubs of what they run.
fn install_units(root: &Path) {
    for (name, text) in units::texts() {
        root::put(root, &format!("/etc/systemd/system/{name}"), text.as_bytes(), 0o644);
    }
    for target in ["basic", "multi-user", "network", "shutdown", "sysinit"] {
        let text = format!("[Unit]\nDescription={target}\n");
        root::put(
            root,
            &format!("/usr/lib/systemd/system/{target}.target"),
            text.as_bytes(),
            0o644,
        );
    }
    let programs = units::texts().flat_map(|(_, text)| text.lines()).filter_map(|line| {
        let command = line.strip_prefix("Exec")?.split_once('=')?.1.split(' ').next()?;
        Some(if command.starts_with('/') {
            command.to_owned()
        } else {
            format!("/usr/bin/{command}")
        })
    });
    for path in programs.collect::<BTreeSet<String>>() {
        root::put(root, &path, b"#!/bin/sh\n", 0o755);
    }
}

#[track_caller]
fn verified<S: AsRef<str>>(what: &str, root: &Path, units: &[S]) {
    assert_eq!(verify(root, units), "", "{what}");
}

/// What systemd has to say against units; it also speaks up where it goes on with exit code 0.
fn verify<S: AsRef<str>>(root: &Path, units: &[S]) -> String {
    let output = Command::new("systemd-analyze")
        .arg(format!("--root={}", root.display()))
        .args(["--man=no", "verify"])
        .args(units.iter().map(AsRef::as_ref))
        .output()
        .unwrap_or_else(|error| {
            panic!("systemd-analyze is missing ({error}); `tests/run` installs it")
        });
    words(&output)
}
