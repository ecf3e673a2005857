//! What is rendered before the real judges: `consul validate`, `nomad config validate` and `systemd-analyze verify`.
//!
//! The binaries are those that `tests/run` installs; one that is not there fails the test that needs it.
#![allow(clippy::disallowed_methods, reason = "tests touch the machine")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "support/golden.rs"]
mod golden;
#[path = "support/root.rs"]
mod root;

use cos_agent::facts::Facts;
use cos_agent::facts::settings::Release;
use cos_agent::node::tags;
use cos_agent::render::units;
use cos_agent::simulate::Kind;
use cos_agent::simulate::instance::Instance;
use cos_agent::simulate::service::Service;
use cos_agent::state::Daemon;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// The oldest Consul that is supported: what it takes, all later ones take, but for what is rendered by version.
const CONSUL_VERSION: &str = "1.8.7";
const NOMAD_VERSION: &str = "1.10.5";

#[test]
fn consul_takes_every_rendered_configuration() {
    let consul = consul();
    let judged =
        every(Daemon::Consul, |facts| facts.installed.consul = Some(release(CONSUL_VERSION)));
    assert!(judged.len() >= 10, "the cases hardly differ: {judged:?}");
    let validate = |folder: &Path| run(&consul, &["validate", &folder.to_string_lossy()]);
    assert_eq!(refusals(&judged, validate), "");
    assert!(refusals(&wrong(), validate).contains("invalid config key no_such_key"));
}

#[test]
fn nomad_takes_every_rendered_configuration() {
    let nomad = nomad();
    let judged = every(Daemon::Nomad, |facts| {
        facts.installed.nomad = facts.installed.nomad.as_ref().map(|_| release(NOMAD_VERSION));
    });
    assert!(judged.len() >= 10, "the cases hardly differ: {judged:?}");
    let validate = |folder: &Path| run(&nomad, &["config", "validate", &folder.to_string_lossy()]);
    assert_eq!(refusals(&judged, validate), "");
    assert!(refusals(&wrong(), validate).contains("unexpected keys no_such_key"));
}

#[tokio::test]
async fn a_key_that_consul_does_not_know_changes_nothing() {
    let scratch = Scratch::new("consul-server").await;
    root::put_program(scratch.root(), Daemon::Consul.program(), &consul());
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
    root::put_program(scratch.root(), Daemon::Consul.program(), &consul());
    root::put_program(scratch.root(), Daemon::Nomad.program(), &nomad());
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
    root::put_program(scratch.root(), Daemon::Consul.program(), &consul());
    scratch.settings("[consul.extra]\nno_such_key = true\n");
    let words = scratch.refused(&scratch.apply().await);
    assert!(words.contains("no_such_key"), "{words}");
    let found: Vec<String> = root::files(scratch.root()).into_keys().collect();
    assert_eq!(found, [SETTINGS, Daemon::Consul.program()]);
}

#[tokio::test]
async fn a_file_of_the_operator_is_judged_with_ours_and_named_as_it_is() {
    let scratch = Scratch::new("consul-server").await;
    root::put_program(scratch.root(), Daemon::Consul.program(), &consul());
    root::put(scratch.root(), "/etc/consul.d/own.json", br#"{"ports": {"http": "x"}}"#, 0o640);
    let words = scratch.refused(&scratch.apply().await);
    assert!(words.contains("/etc/consul.d/own.json") && !words.contains("/run/"), "{words}");
}

#[test]
fn systemd_takes_every_unit() {
    let root = tempfile::tempdir().unwrap();
    install_units(root.path());
    let names: Vec<&str> = units::UNITS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), 6);
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

fn release(version: &str) -> Release {
    Release::try_from(version.to_owned()).unwrap()
}

fn consul() -> PathBuf {
    program("consul", PathBuf::from("/usr/bin/consul"), &format!("Consul v{CONSUL_VERSION}"))
}

fn nomad() -> PathBuf {
    let cached = || {
        let home = std::env::var_os("HOME").expect("HOME is not set");
        Path::new(&home).join(format!(".cache/cos-agent/nomad-{NOMAD_VERSION}"))
    };
    let path = std::env::var_os("COS_NOMAD_BIN").map_or_else(cached, PathBuf::from);
    program("nomad", path, &format!("Nomad v{NOMAD_VERSION}"))
}

/// The program, if it is there and is the one that the tests were written for.
fn program(name: &str, path: PathBuf, version: &str) -> PathBuf {
    let shown = path.display();
    assert!(path.is_file(), "{name} is missing: no {shown}; `tests/run` installs it");
    let said = run(&path, &["version"]);
    let line = said.lines().next().unwrap_or_default();
    assert_eq!(line, version, "{shown} is another release; `tests/run` installs the right one");
    path
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

/// The configuration of a daemon in every case, for the version that is installed here; each text once.
fn every(daemon: Daemon, installed: impl Fn(&mut Facts)) -> BTreeMap<Vec<u8>, String> {
    let mut texts = BTreeMap::new();
    for case in golden::all() {
        let mut facts = case.facts;
        installed(&mut facts);
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
        let tags = Kind::of(role, None).tags("prod", "3");
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
            .env("AWS_ENDPOINT_URL", self.service.endpoint())
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
    for (name, text) in units::UNITS {
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
    let programs = units::UNITS.iter().flat_map(|(_, text)| text.lines()).filter_map(|line| {
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
