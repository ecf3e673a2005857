//! The units that this node needs run.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::{Advice, topics};
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::state::{AGENT, DNS_LINK, DOCKER, Daemon, READY, WATCH};
use crate::system::systemd::journal;
use crate::system::systemd::unit_facts::UnitFacts;
use std::time::Duration;

topics! {
    FAILED: "unit-failed",
        "look at `journalctl -b -u {name} -n 50`, correct the cause, then run `systemctl restart {name}`";
    DOWN: "unit-down", "run `cos-agent apply`, which starts it; `journalctl -b -u {name}` says who stopped it";
    DOWN_FROZEN: "unit-down-frozen",
        "run `systemctl start {name}`, because the agent is frozen and starts nothing; `journalctl -b -u {name}` says who stopped it";
    MASKED: "unit-masked", "run `systemctl unmask {name}`, then `cos-agent apply`";
    ABSENT: "unit-absent", "run `cos-agent apply`, which writes the unit";
    CRASHES: "unit-crashes",
        "look at the first error in `journalctl -b -u {name}`, correct it, then run `systemctl restart {name}`";
    NO_SYSTEMD: "systemd-silent", "run `systemctl status`; if it hangs, look at `journalctl -b -k -n 50`";
}

/// So many automatic restarts in one boot are a daemon that crashes again and again.
const CRASHES_FROM: u32 = 4;

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "units-state",
        title: "the units of this node run",
        group: Group::Units,
        roles: Role::ALL,
        needs: &[],
        explains: &[
            "consul-agent-api",
            "nomad-agent-api",
            "consul-joined",
            "docker-daemon",
            "nomad-drivers",
            "dns-consul",
            "ecr-token",
            "config-running",
            "nomad-consul-link",
        ],
        impact: Impact::Down,
        timeout: Duration::from_secs(5),
        page: Page {
            means: "systemd runs consul.service, nomad.service and docker.service where the role has them, and the units of \
                    the agent. A unit that systemd restarts again and again counts as failed.",
            matters: "A daemon that does not run is the cause of everything that needs it.",
            look: &[
                "systemctl status consul nomad docker cos-agent",
                "journalctl -b -u consul -n 50",
            ],
            fixes: &[TOPICS],
            source: "https://www.freedesktop.org/software/systemd/man/latest/systemctl.html",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let units = machine.units.get().await;
    let Some(node) = machine.node.as_ref().map(|node| node.role) else {
        return Finding::Pass("not known which units this node needs".to_owned());
    };
    let units = match units.as_ref() {
        Ok(units) => units,
        Err(error) => {
            let expected = "systemd says which units run";
            return Finding::Unknown(Problem::new(error.to_string(), expected, NO_SYSTEMD.plain()));
        }
    };
    let is_frozen = machine.boot.get().await.frozen.is_some();
    let wrong = needed(node).into_iter().find_map(|unit| {
        let facts = units.get(unit)?;
        Some((unit, facts, trouble(unit, facts, is_frozen)?))
    });
    let Some((unit, facts, (found, hint))) = wrong else {
        let running = needed(node).into_iter().filter(|unit| units.contains_key(*unit));
        return Finding::Pass(running.map(short).collect::<Vec<_>>().join(" "));
    };
    let lines =
        journal::last(&machine.system.environment.path, unit, 40, Duration::from_secs(1)).await;
    let expected = format!("{unit} is active");
    Finding::Fail(Problem::new(found, expected, hint).with(telling(&lines, facts)))
}

/// The units that must run on a node of this role, the daemons first.
fn needed(role: Role) -> Vec<&'static str> {
    let mut units: Vec<&'static str> = role.daemons().iter().map(|daemon| daemon.unit()).collect();
    units.extend((role == Role::NomadClient).then_some(DOCKER));
    units.extend([AGENT, READY, WATCH, DNS_LINK]);
    // docker stands before Nomad, which needs it.
    units.sort_by_key(|unit| *unit == Daemon::Nomad.unit());
    units
}

fn short(unit: &str) -> &str {
    unit.trim_end_matches(".service")
}

/// What is wrong with a unit; `None` if it is as it should be.
fn trouble(unit: &str, facts: &UnitFacts, is_frozen: bool) -> Option<(String, Advice)> {
    let name = [("name", &short(unit) as &dyn std::fmt::Display)];
    let said = |words: String, topic: crate::exit::hint::Topic| Some((words, topic.with(&name)));
    match (facts.load.as_str(), facts.active.as_str(), facts.sub.as_str()) {
        ("masked", ..) => said(format!("{unit} is masked"), MASKED),
        // The units of the image and of the resolver are not on every machine.
        ("not-found", ..) if [DOCKER, DNS_LINK].contains(&unit) => None,
        ("not-found", ..) => said(format!("{unit} does not exist"), ABSENT),
        (_, "failed", _) => {
            said(format!("{unit} has failed ({} {})", facts.result, facts.status), FAILED)
        }
        // The agent is tried again until it can apply, and `boot-phases` says why it cannot.
        (_, "activating", "auto-restart") if facts.restarts >= CRASHES_FROM && unit != AGENT => {
            said(
                format!(
                    "{unit} ends again and again: {} restarts, the last exit code is {}",
                    facts.restarts, facts.status
                ),
                CRASHES,
            )
        }
        // A frozen agent starts the daemons at a boot, and nothing of its own.
        (_, "inactive", _) if unit == WATCH && is_frozen => None,
        (_, "inactive", _) if ![AGENT, READY, DNS_LINK].contains(&unit) => {
            said(format!("{unit} is inactive"), if is_frozen { DOWN_FROZEN } else { DOWN })
        }
        _ => None,
    }
}

/// The lines that say most: the last errors, else the last lines. What a unit that was stopped had logged as an error is not
/// why it does not run.
fn telling(lines: &[String], facts: &UnitFacts) -> Vec<String> {
    let is_stopped = facts.active == "inactive";
    let is_error = |line: &&String| {
        let line = line.to_ascii_lowercase();
        ["error", "==> ", "fail", "cannot", "panic"].iter().any(|word| line.contains(word))
    };
    let errors: Vec<&String> = lines.iter().filter(is_error).collect();
    let chosen = if errors.is_empty() || is_stopped { lines.iter().collect() } else { errors };
    chosen.iter().rev().take(3).rev().map(|line| (*line).clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(load: &str, active: &str, sub: &str, restarts: u32) -> UnitFacts {
        UnitFacts {
            load: load.to_owned(),
            active: active.to_owned(),
            sub: sub.to_owned(),
            restarts,
            ..UnitFacts::default()
        }
    }

    #[test]
    fn each_state_of_a_unit_has_its_advice() {
        for (name, facts, expected) in [
            ("consul.service", unit("loaded", "active", "running", 9), None),
            ("consul.service", unit("loaded", "activating", "auto-restart", 1), None),
            (
                "consul.service",
                unit("loaded", "activating", "auto-restart", 4),
                Some("unit-crashes"),
            ),
            ("consul.service", unit("loaded", "failed", "failed", 0), Some("unit-failed")),
            ("consul.service", unit("loaded", "inactive", "dead", 0), Some("unit-down")),
            ("consul.service", unit("masked", "inactive", "dead", 0), Some("unit-masked")),
            ("consul.service", unit("not-found", "inactive", "dead", 0), Some("unit-absent")),
            ("docker.service", unit("not-found", "inactive", "dead", 0), None),
            (AGENT, unit("loaded", "activating", "auto-restart", 9), None),
            // A boot that is still going on.
            (AGENT, unit("loaded", "inactive", "dead", 0), None),
        ] {
            let found = trouble(name, &facts, false).map(|(_, advice)| advice.id);
            assert_eq!(found, expected, "{name} {facts:?}");
        }
    }

    #[test]
    fn a_frozen_agent_starts_nothing_of_its_own_and_no_daemon_that_was_stopped() {
        let down = unit("loaded", "inactive", "dead", 0);
        for (name, is_frozen, expected) in [
            (WATCH, false, Some("unit-down")),
            (WATCH, true, None),
            ("consul.service", true, Some("unit-down-frozen")),
        ] {
            let found = trouble(name, &down, is_frozen).map(|(_, advice)| advice.id);
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn the_errors_among_the_lines_are_shown() {
        let lines = ["start", "Error: bind", "more", "==> failed"].map(str::to_owned);
        let failed = unit("loaded", "failed", "failed", 0);
        assert_eq!(telling(&lines, &failed), ["Error: bind", "==> failed"]);
        assert_eq!(telling(&lines[..1], &failed), ["start"]);
        let stopped = unit("loaded", "inactive", "dead", 0);
        assert_eq!(telling(&lines, &stopped), ["Error: bind", "more", "==> failed"]);
    }
}
