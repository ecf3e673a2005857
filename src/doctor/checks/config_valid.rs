//! The validator of a daemon that does not run accepts its configuration.

use crate::apply::{ApplyError, validate};
use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::state::Daemon;
use crate::system::System;
use crate::system::aside::aside;
use crate::system::environment::{self, Environment};
use crate::system::root::Root;
use crate::system::systemd::unit_facts::UnitFacts;
use std::time::Duration;

topics! {
    INVALID: "config-invalid",
        "correct the file that the error names, then run `systemctl restart {name}`; if it is {file}, run `cos-agent plan`, then \
         `cos-agent apply`";
    UNVALIDATED: "config-not-validated", "run `{command}` yourself; a cold disk may need a minute to load the program";
}

/// Longest time for the validator of one daemon.
const VALIDATOR: Duration = Duration::from_secs(4);
/// A daemon that systemd has restarted and that is younger than this may be about to end again.
const STEADY: Duration = Duration::from_secs(30);

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "config-valid",
        title: "the configuration of a daemon that does not run is valid",
        group: Group::Config,
        roles: Role::ALL,
        needs: &["agent-privileges"],
        explains: &["units-state", "consul-agent-api", "nomad-agent-api", "boot-phases"],
        impact: Impact::Down,
        timeout: Duration::from_secs(9),
        page: Page {
            means: "Where consul.service or nomad.service does not run, `consul validate` and `nomad config validate` accept the \
                    files in /etc/consul.d and /etc/nomad.d. A daemon that runs has accepted them already.",
            matters: "A daemon does not start with a configuration that it cannot read.",
            look: &["consul validate /etc/consul.d", "nomad config validate /etc/nomad.d"],
            fixes: &[TOPICS],
            source: "https://developer.hashicorp.com/consul/commands/validate",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let units = machine.units.get().await;
    let runs = |daemon: &Daemon| {
        // Without an answer of systemd, the files are validated.
        let unit = units.as_ref().as_ref().ok().and_then(|units| units.get(daemon.unit()));
        unit.is_some_and(|unit| runs(unit, environment::moment().micros))
    };
    let Some(role) = machine.role() else {
        return Finding::Pass("not known which daemons this node runs".to_owned());
    };
    let daemons = role.daemons();
    let down: Vec<Daemon> = daemons.iter().copied().filter(|daemon| !runs(daemon)).collect();
    if down.is_empty() {
        return Finding::Pass("the daemons run".to_owned());
    }
    let environment = &machine.system.environment;
    let asked =
        down.into_iter().map(async |daemon| (daemon, verdict(environment.clone(), daemon).await));
    let asked = futures_util::future::join_all(asked).await;
    let mut findings: Vec<Finding> =
        asked.into_iter().filter_map(|(daemon, verdict)| judge(daemon, verdict)).collect();
    findings.sort_by_key(|finding| !matches!(finding, Finding::Fail(_)));
    findings.into_iter().next().unwrap_or_else(|| Finding::Pass("valid".to_owned()))
}

/// Whether a unit runs, and will not end at once. `now`: µs since the boot.
fn runs(unit: &UnitFacts, now: u64) -> bool {
    let age = Duration::from_micros(now.saturating_sub(unit.started));
    unit.active == "active" && unit.sub == "running" && (unit.restarts == 0 || age > STEADY)
}

/// What a validator says.
enum Verdict {
    /// There is nothing to validate yet, because `apply` has not written the file of the agent.
    Nothing,
    /// It has ended.
    Ended(Result<(), ApplyError>),
    /// It has not ended in time, or its thread has died.
    Open,
}

async fn verdict(environment: Environment, daemon: Daemon) -> Verdict {
    let asked = aside(async move || {
        let root = Root::host();
        let there = [daemon.file(), daemon.program()].map(|path| root.stat_target(path));
        if !there.iter().all(|stat| matches!(stat, Ok(Some(_)))) {
            return Verdict::Nothing;
        }
        let system = System { root, services: None, keeps_record: false, environment };
        // The end of the time ends the validator too, because the thread drops it.
        match tokio::time::timeout(VALIDATOR, validate::as_it_is(&system, daemon)).await {
            Ok(ended) => Verdict::Ended(ended),
            Err(_) => Verdict::Open,
        }
    });
    asked.await.unwrap_or(Verdict::Open)
}

/// The finding about a daemon that does not run; `None` if its configuration is valid, or not there yet.
fn judge(daemon: Daemon, verdict: Verdict) -> Option<Finding> {
    let (name, file) = (daemon.name(), daemon.file());
    let verb = match daemon {
        Daemon::Consul => "consul validate",
        Daemon::Nomad => "nomad config validate",
    };
    let command = format!("{verb} {}", daemon.directory());
    let expected = format!("`{command}` accepts the configuration");
    let unknown = |words: String| {
        let hint = UNVALIDATED.with(&[("command", &command)]);
        Some(Finding::Unknown(Problem::new(words, expected.clone(), hint)))
    };
    match verdict {
        Verdict::Nothing | Verdict::Ended(Ok(())) => None,
        Verdict::Ended(Err(ApplyError::Refused { words, .. })) => {
            let lines = errors(daemon, &words);
            let first = lines.first().map_or("without a word", String::as_str);
            let found = format!("`{command}` rejects the configuration: {first}");
            let hint = INVALID.with(&[("name", &name), ("file", &file)]);
            let others = lines.iter().skip(1).cloned().collect();
            Some(Finding::Fail(Problem::new(found, expected, hint).with(others)))
        }
        Verdict::Ended(Err(error)) => unknown(crate::error::Error::from(error).causes()),
        Verdict::Open => {
            unknown(format!("`{command}` has no result after {} s", VALIDATOR.as_secs()))
        }
    }
}

/// The errors, a line each, without the frame that the commands and go-multierror put around them. What stands before
/// `2 errors occurred:`, which names the file, goes before each.
fn errors(daemon: Daemon, words: &str) -> Vec<String> {
    let of_nomad = format!("Error loading configuration from {}: ", daemon.directory());
    let frames = ["Config validation failed: ", "==> ", "* ", &of_nomad];
    let notes = ["WARNING", "bootstrap_expect", "Configuration is invalid"];
    let (mut errors, mut context) = (Vec::new(), String::new());
    for line in words.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let bare = |line, frame: &&str| str::strip_prefix(line, frame).unwrap_or(line);
        let bare = frames.iter().fold(line, bare);
        if let Some(before) = bare.strip_suffix("occurred:") {
            let place = before.rsplit_once(": ").map(|(place, _)| format!("{place}: "));
            context = place.unwrap_or_default();
        } else if !notes.iter().any(|note| bare.starts_with(note)) {
            errors.push(format!("{context}{bare}"));
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_fails_with_file_and_error() {
        let words = "bootstrap_expect > 0: expecting 3 servers\nConfig validation failed: failed to parse \
            /etc/consul.d/x.json: 2 errors occurred:\n\t* invalid config key bind_adr\n\t* invalid config key b\n\n";
        let refused = ApplyError::Refused { command: "c".to_owned(), words: words.to_owned() };
        let Some(Finding::Fail(problem)) = judge(Daemon::Consul, Verdict::Ended(Err(refused)))
        else {
            panic!("it is rejected")
        };
        assert_eq!(
            problem.found,
            "`consul validate /etc/consul.d` rejects the configuration: failed to parse /etc/consul.d/x.json: invalid config \
             key bind_adr"
        );
        assert_eq!(
            problem.evidence,
            ["failed to parse /etc/consul.d/x.json: invalid config key b"]
        );
    }

    #[test]
    fn the_errors_of_each_validator_are_found() {
        for (daemon, words, expected) in [
            (
                Daemon::Consul,
                "Config validation failed: failed to parse /etc/consul.d/x.hcl: At 1:18: literal not terminated\n",
                "failed to parse /etc/consul.d/x.hcl: At 1:18: literal not terminated",
            ),
            (
                Daemon::Nomad,
                "1 error occurred:\n\t* Error loading configuration from /etc/nomad.d: Error loading \
                 /etc/nomad.d/cos.json: unexpected keys foo\n",
                "Error loading /etc/nomad.d/cos.json: unexpected keys foo",
            ),
            (
                Daemon::Nomad,
                "WARNING: mTLS is not configured\nMust specify either server, client or dev mode for the agent.\n\
                 Configuration is invalid\n",
                "Must specify either server, client or dev mode for the agent.",
            ),
        ] {
            assert_eq!(errors(daemon, words), [expected]);
        }
    }

    #[test]
    fn what_is_not_there_or_has_no_result_has_not_failed() {
        assert_eq!(judge(Daemon::Nomad, Verdict::Nothing), None);
        assert_eq!(judge(Daemon::Nomad, Verdict::Ended(Ok(()))), None);
        assert!(matches!(judge(Daemon::Nomad, Verdict::Open), Some(Finding::Unknown(_))));
        let killed = ApplyError::ValidatorKilled { command: "c".to_owned() };
        assert!(matches!(
            judge(Daemon::Nomad, Verdict::Ended(Err(killed))),
            Some(Finding::Unknown(_))
        ));
    }

    #[test]
    fn a_daemon_that_was_just_restarted_is_not_known_to_run() {
        let unit = |active: &str, sub: &str, restarts| UnitFacts {
            active: active.to_owned(),
            sub: sub.to_owned(),
            restarts,
            started: 1_000_000,
            ..UnitFacts::default()
        };
        assert!(runs(&unit("active", "running", 0), 2_000_000));
        assert!(!runs(&unit("active", "running", 5), 2_000_000));
        assert!(runs(&unit("active", "running", 5), 90_000_000));
        assert!(!runs(&unit("activating", "auto-restart", 5), 90_000_000));
    }
}
