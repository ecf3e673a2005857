//! Files as operators write them: what the daemons' own validators say of each, and what the agent makes of it.

mod consul;
mod nomad;

use crate::support::programs;
use Expected::{Refused, Said, Sets, Taken, Unclear};
use cos_agent::plan::node::conflicts::{self, Conflict};
use cos_agent::role::Role;
use cos_agent::state::Daemon;
use cos_agent::state::OperatorFile;
use programs::Program;
use std::path::Path;
use std::process::Command;

/// What the agent makes of a file on the first boot of a Nomad client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Nothing: it is the operator's.
    Taken,
    /// A warning with this key.
    Said(&'static str),
    /// It sets this key of the agent's.
    Sets(&'static str),
    /// The daemon takes it, and nobody here can follow it: a warning.
    Unclear,
    /// The daemon itself refuses it.
    Refused,
}

/// A file: its name, its text, and what is expected of it.
pub(crate) type Case = (&'static str, &'static str, Expected);

#[test]
fn consul_and_the_agent_agree_on_what_operators_write() {
    agree(Daemon::Consul, consul::CASES, &[programs::consul(), programs::oldest_consul()]);
}

#[test]
fn nomad_and_the_agent_agree_on_what_operators_write() {
    agree(Daemon::Nomad, nomad::CASES, &[programs::nomad()]);
}

fn agree(daemon: Daemon, cases: &[Case], validators: &[Program]) {
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let half = cases.len().div_ceil(2);
        let halves: Vec<_> = cases
            .chunks(half)
            .map(|cases| {
                scope.spawn(move || {
                    cases
                        .iter()
                        .flat_map(|case| judged(daemon, case, validators))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        halves.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with a case.
fn judged(daemon: Daemon, (name, text, expected): &Case, validators: &[Program]) -> Vec<String> {
    let mut wrong = Vec::new();
    let found = by_agent(daemon, name, text);
    // What the daemon refuses is its own to refuse; the agent asks its validator before anything is written.
    if *expected != Refused && found != *expected {
        wrong.push(format!("{name}, {text}\n  the agent: {found:?}, expected {expected:?}"));
    }
    for validator in validators {
        let (takes, words) = by_daemon(daemon, name, text, &validator.path);
        // A key of ours may contradict another one of ours.
        if !matches!(expected, Sets(_)) && takes != (*expected != Refused) {
            wrong.push(format!("{name}, {text}\n  {}: {words}", validator.path.display()));
        }
    }
    wrong
}

fn by_agent(daemon: Daemon, name: &str, text: &str) -> Expected {
    let file = OperatorFile {
        daemon,
        path: format!("{}/{name}", daemon.directory()),
        name: name.into(),
        bytes: text.as_bytes().to_vec(),
    };
    let judged = conflicts::judge(&file, Some(Role::NomadClient), true);
    match (judged.refused, judged.notes.first()) {
        (None, None) => Taken,
        (Some(Conflict::Sets { key, .. }), _) => Sets(key.leak()),
        (None, Some(words)) if words.starts_with("cannot parse") => Unclear,
        (None, Some(words)) => Said(words.split('`').nth(1).unwrap().to_owned().leak()),
        (Some(Conflict::Unclear { word, .. }), _) => panic!("{name} holds {word}"),
    }
}

/// Whether a validator takes the file beside what is rendered for a client, and its words.
fn by_daemon(daemon: Daemon, name: &str, text: &str, validator: &Path) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let ours = match daemon {
        Daemon::Consul => r#"{"data_dir": "/opt/consul/data", "bind_addr": "127.0.0.1"}"#,
        Daemon::Nomad => r#"{"data_dir": "/opt/nomad/data", "client": [{"enabled": true}]}"#,
    };
    std::fs::write(folder.path().join("cos.json"), ours).unwrap();
    std::fs::write(folder.path().join(name), text).unwrap();
    let mut command = Command::new(validator);
    match daemon {
        Daemon::Consul => command.arg("validate"),
        Daemon::Nomad => command.args(["config", "validate"]),
    };
    let output = command.arg(folder.path()).env("HOME", "/nonexistent").output().unwrap();
    let words = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&words).into_owned())
}
