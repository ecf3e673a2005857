//! The last `apply` of this boot ended well.

use crate::apply::LOCK;
use crate::doctor::Check;
use crate::doctor::machine::{Boot, Freeze, Machine, Units};
use crate::exit::hint::{Advice, topics};
use crate::facts::FREEZE;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::state::AGENT;
use crate::store::status::{Failure, State, Status};
use crate::system::environment;
use crate::text::{ago, count};
use std::time::Duration;

topics! {
    FAILED: "apply-failed", "{hint}; then `systemctl restart cos-agent` applies again at once";
    LOOK: "apply-look",
        "look at `journalctl -b -u cos-agent -n 50`, correct the cause, then run `systemctl restart cos-agent`";
    NEVER: "apply-never-finished",
        "run `systemctl status cos-agent` and `journalctl -b -u cos-agent -n 50`; if the unit is not enabled, run \
         `systemctl enable --now cos-agent`";
    RUNS: "apply-runs",
        "run `cos-agent wait --timeout 2m`; `journalctl -b -u cos-agent` shows what `apply` waits for";
    FROZEN: "boot-frozen", "when the incident is over, remove {file}, then run `systemctl restart cos-agent`";
    UNANSWERED: "formation-unanswered",
        "make {parameter} readable for this instance; cos-agent.service asks again by itself, and `systemctl restart cos-agent` asks \
         at once";
    UNFINISHED: "apply-steps-due", "run `cos-agent plan` to see what is still due, then `cos-agent apply`";
}

/// How long the first `apply` of a boot may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Longest wait for the manifest, which is read after metadata was asked.
const MANIFEST: Duration = Duration::from_secs(5);

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "boot-phases",
        title: "the last `apply` of this boot ended well",
        group: Group::Boot,
        roles: Role::ALL,
        needs: &[],
        explains: &["units-state", "consul-leader", "nomad-leader"],
        impact: Impact::Down,
        timeout: Duration::from_secs(7),
        page: Page {
            means: "An `apply` has finished since this machine started, with the facts of now, and nothing that it had to do is \
                    still due. The agent is not frozen by /etc/cos-agent/disabled.",
            matters: "A first boot without `apply` starts no daemon. After a reboot the daemons run with their old \
                      configuration, so changed tags and settings have no effect.",
            look: &["cos-agent status", "journalctl -b -u cos-agent -n 50", "cos-agent plan"],
            fixes: &[TOPICS],
            source: "https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let stages = tokio::time::timeout(MANIFEST, machine.stages.get());
    let (boot, units, stages) =
        futures_util::future::join3(machine.boot.get(), machine.units.get(), stages).await;
    let stages = stages.ok();
    let manifest = stages.as_ref().and_then(|stages| stages.manifest.as_ref().ok());
    let actions = manifest.map_or(&[][..], |manifest| &manifest.pending);
    // A unit that is masked is the finding of another check; its actions wait for whoever masked it.
    let is_due = |unit: Option<&str>| unit.is_none_or(|unit| !is_masked(&units, unit));
    let due = actions.iter().filter(|action| is_due(action.of_unit())).map(ToString::to_string);
    let found = judge(&machine.record, &boot, &due.collect::<Vec<_>>());
    match stages.as_ref().and_then(|stages| stages.unanswered.as_ref()) {
        Some((parameter, why)) if found.passes() && machine.record.joined.is_none() => {
            Finding::Waiting(unanswered(parameter, why))
        }
        _ if has_given_up(&units) => given_up(found),
        _ => found,
    }
}

/// A server without data that cannot ask whether its cluster has formed may not form one.
fn unanswered(parameter: &str, why: &str) -> Problem {
    let found = format!(
        "this server can only join, because the agent cannot verify whether the cluster has formed: {why}"
    );
    let hint = UNANSWERED.with(&[("parameter", &parameter)]);
    Problem::new(found, format!("the parameter store answers what {parameter} is"), hint)
}

/// Whether systemd does not run `apply` again after it failed.
fn has_given_up(units: &Units) -> bool {
    let facts = units.as_ref().ok().and_then(|units| units.get(AGENT));
    facts.is_some_and(|facts| facts.active == "failed")
}

/// Daemons that run on are a warning as long as the cause may end by itself.
fn given_up(found: Finding) -> Finding {
    match found {
        Finding::Warn(problem) => Finding::Fail(problem),
        other => other,
    }
}

fn is_masked(units: &Units, unit: &str) -> bool {
    let facts = units.as_ref().ok().and_then(|units| units.get(unit));
    facts.is_some_and(|facts| facts.load == "masked")
}

/// `due`: the actions of the last `apply` that it has not carried out.
fn judge(record: &Status, boot: &Boot, due: &[String]) -> Finding {
    let frozen = boot.frozen.as_ref();
    let found = match (record.state, frozen) {
        (State::Applied, None) => return applied(record, boot, due),
        (State::Applied, Some(frozen)) => Finding::Warn(is_frozen(frozen, "")),
        (State::Degraded, _) => Finding::Warn(degraded(record, frozen)),
        (State::Failed, _) => Finding::Fail(failed(record, frozen)),
        (State::Unknown, Some(frozen)) => Finding::Fail(is_frozen(
            frozen,
            ", and no `apply` has finished since this machine started",
        )),
        (State::Unknown, None) => not_finished(boot),
    };
    with_due(found, due)
}

fn applied(record: &Status, boot: &Boot, due: &[String]) -> Finding {
    let when = record.applied.as_deref().and_then(environment::since).map(ago);
    let when = when.map_or_else(|| "applied".to_owned(), |when| format!("applied {when}"));
    // While `apply` runs, everything that it has planned counts as due.
    if due.is_empty() || boot.is_running {
        return Finding::Pass(when);
    }
    let found = format!("an `apply` did not finish: {} still due", are(due.len()));
    let expected = "an `apply` that carries out everything";
    let problem = Problem::new(found, expected, UNFINISHED.plain());
    Finding::Warn(problem.with(due.iter().take(3).cloned().collect()))
}

fn are(actions: usize) -> String {
    format!("{} {}", count(actions, "action"), if actions == 1 { "is" } else { "are" })
}

fn degraded(record: &Status, frozen: Option<&Freeze>) -> Problem {
    let mut evidence: Vec<String> =
        frozen.and_then(|frozen| frozen.note.clone()).into_iter().collect();
    let reason = match (&record.problem, frozen) {
        (Some(failure), None) => {
            let (words, causes) = told(failure);
            evidence.extend(causes);
            format!("{words}; the daemons run with the last good configuration")
        }
        (failure, _) => {
            evidence.extend(failure.iter().flat_map(lines));
            record.reason.clone().unwrap_or_else(|| "the last good facts are in use".to_owned())
        }
    };
    let hint = match (frozen, &record.problem) {
        (Some(_), _) => FROZEN.with(&[("file", &FREEZE)]),
        (None, Some(failure)) => advice(failure),
        (None, None) => LOOK.plain(),
    };
    evidence.truncate(3);
    Problem::new(reason, "a configuration from the facts of now", hint).with(evidence)
}

fn failed(record: &Status, frozen: Option<&Freeze>) -> Problem {
    let expected = "an `apply` that succeeds";
    let Some(failure) = &record.problem else {
        return Problem::new("the last `apply` failed", expected, LOOK.plain());
    };
    let (mut found, causes) = told(failure);
    if let Some(frozen) = frozen {
        found.push_str(&format!("; the agent is frozen since {}", frozen.since));
    }
    Problem::new(found, expected, advice(failure)).with(causes)
}

/// A failure in one line, and the causes that are left.
fn told(failure: &Failure) -> (String, Vec<String>) {
    let mut causes = lines(failure);
    // That it failed is said already.
    causes.retain(|line| line != "error: `apply` failed");
    let first = if causes.is_empty() { String::new() } else { causes.remove(0) };
    let first = first.trim_start_matches("error: ").trim_start_matches("cause: ");
    let first = first.trim_end_matches(':');
    (format!("`apply` failed at {} (exit code {}): {first}", failure.at, failure.code), causes)
}

/// The first lines of a report: the error and its causes.
fn lines(failure: &Failure) -> Vec<String> {
    let of_error = failure.report.split("\nhint: ").next().unwrap_or_default();
    let lines = of_error.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.take(5).map(str::to_owned).collect()
}

/// The hint with which a report ends.
fn advice(failure: &Failure) -> Advice {
    let hint = failure.report.rsplit_once("\nhint: ").map(|(_, hint)| hint.trim());
    match hint.filter(|hint| !hint.is_empty()) {
        Some(hint) => FAILED.with(&[("hint", &hint.replace('\n', " "))]),
        None => LOOK.plain(),
    }
}

fn is_frozen(frozen: &Freeze, more: &str) -> Problem {
    let found = format!("the agent is frozen since {}: {FREEZE} exists{more}", frozen.since);
    let hint = FROZEN.with(&[("file", &FREEZE)]);
    Problem::new(found, "an agent that is not frozen", hint)
        .with(frozen.note.iter().cloned().collect())
}

fn not_finished(boot: &Boot) -> Finding {
    let expected = format!("an `apply` within {} s", PATIENCE.as_secs());
    let started = boot.up.map(ago);
    let since =
        started.map_or_else(String::new, |ago| format!(" since this machine started {ago}"));
    if boot.is_running {
        let found = format!("the first `apply`{since} is still running (it holds {LOCK})");
        return Finding::Waiting(Problem::new(found, expected, RUNS.plain()));
    }
    let found = format!("no `apply` has finished{since}");
    match boot.up {
        Some(up) if up < PATIENCE => Finding::Waiting(Problem::new(found, expected, RUNS.plain())),
        _ => Finding::Fail(Problem::new(found, expected, NEVER.plain())),
    }
}

/// The finding with the actions that are still due among its evidence.
fn with_due(finding: Finding, due: &[String]) -> Finding {
    if due.is_empty() {
        return finding;
    }
    let more = |mut problem: Problem| {
        problem.evidence.truncate(2);
        problem.evidence.push(format!("still due: {}", due.join(", ")));
        problem
    };
    match finding {
        Finding::Fail(problem) => Finding::Fail(more(problem)),
        Finding::Warn(problem) => Finding::Warn(more(problem)),
        other => other,
    }
}

#[cfg(test)]
mod tests;
