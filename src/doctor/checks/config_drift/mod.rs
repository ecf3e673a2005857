//! The agent's files are as `apply` would write them now.

mod attributes;

use super::{ca_trust, units_config};
use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::plan::manifest::Manifest;
use crate::plan::{Change, Plan, Why};
use crate::role::Role;
use crate::state::{Action, Daemon, Stat, Verb, unit_of};
use crate::system::environment::rfc3339;
use crate::text::count;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

topics! {
    EDITED: "config-edited",
        "run `cos-agent plan`, then `cos-agent apply`, which restores the file and restarts what reads it; to keep the change, \
         put it into the settings or a file of your own first, because {path} belongs to cos-agent";
    NOT_APPLIED: "config-not-applied", "run `cos-agent plan`, which shows the differences, then `cos-agent apply`";
    APPLYING: "config-applying",
        "`apply` runs now; wait for it with `journalctl -b -f -u cos-agent`, then run `cos-agent doctor` again";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "config-drift",
        title: "the files of the agent are as `apply` wrote them",
        group: Group::Config,
        roles: Role::ALL,
        needs: &["agent-privileges", "plan-made"],
        explains: &[
            "config-running",
            "config-valid",
            "units-state",
            "consul-agent-api",
            "nomad-agent-api",
        ],
        impact: Impact::Degraded,
        timeout: Duration::from_secs(7),
        page: Page {
            means: "The files of the agent have the contents, mode and owner that `apply` would give them now. Checked are \
                    contents that somebody edited, and changes of the tags, the settings or the agent that no `apply` has \
                    carried out.",
            matters: "The next `apply`, at the next boot at the latest, overwrites what was edited and restarts the daemons. \
                      Until then this node may differ from the others of its role.",
            look: &["cos-agent plan", "ls -la --time-style=full-iso /etc/consul.d /etc/nomad.d"],
            fixes: &[TOPICS, attributes::TOPICS],
            source: "https://developer.hashicorp.com/consul/docs/agent/config",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

/// What the plan is judged with.
#[derive(Default)]
struct Around {
    /// What the last `apply` wrote.
    manifest: Manifest,
    /// The files that the plan writes, as they are; absent ones are not in it.
    seen: BTreeMap<String, Stat>,
    /// The unit files that are the finding of `units-config`.
    foreign: BTreeSet<String>,
    /// Whether systemd runs `apply` at this moment.
    is_applying: bool,
    /// Why nothing is applied, which is the finding of `boot-phases`.
    held_up: Option<&'static str>,
}

async fn probe(machine: &Machine) -> Finding {
    let stages = machine.stages.get().await;
    let (Some(Ok(plan)), Ok(manifest)) = (&stages.plan, &stages.manifest) else {
        return Finding::Pass("no plan to compare with".to_owned());
    };
    let paths: Vec<String> = plan.writes().map(|write| write.path.clone()).collect();
    let stats = machine.files(move |root| {
        let stat = |path: String| Some((root.stat(&path).ok()??, path));
        paths.into_iter().filter_map(stat).map(|(stat, path)| (path, stat)).collect()
    });
    let Some(seen) = stats.await else { return super::broken() };
    let mut around = Around { manifest: manifest.clone(), seen, ..Around::default() };
    around.held_up = machine.held_up().await;
    if let Ok(units) = machine.units.get().await.as_ref() {
        around.is_applying = super::is_applying(units);
        around.foreign = units_config::replaced(units, machine.role())
            .into_iter()
            .map(|(path, _)| path)
            .collect();
    }
    judge(plan, &around)
}

fn judge(plan: &Plan, around: &Around) -> Finding {
    if plan.is_first {
        return Finding::Pass("no `apply` has finished yet".to_owned());
    }
    let changes: Vec<&Change> =
        plan.changes().filter(|change| is_of_this(change, around)).collect();
    let found = by_hand(&changes, around)
        .or_else(|| attributes::judge(&changes, &around.seen))
        .or_else(|| not_applied(&changes, plan, around));
    match found {
        None => Finding::Pass("as applied".to_owned()),
        Some(Finding::Warn(problem) | Finding::Fail(problem)) if around.is_applying => {
            Finding::Waiting(Problem { hint: APPLYING.plain(), ..problem })
        }
        Some(finding) => finding,
    }
}

/// Whether no other check judges this change. The copy of a file that is replaced is not a change of its own.
fn is_of_this(change: &Change, around: &Around) -> bool {
    let path = change.path();
    match change {
        Change::MakeDirectory(_) => Daemon::ALL.iter().all(|daemon| daemon.data() != path),
        Change::Write(write) if write.before.as_ref() == Some(&write.bytes) => {
            write.why == Why::Attributes
        }
        _ => !ca_trust::is_restored(change, &around.manifest) && !around.foreign.contains(path),
    }
}

/// The first file that somebody edited or removed, those that daemons and systemd read first.
fn by_hand(changes: &[&Change], around: &Around) -> Option<Finding> {
    let mut edited: Vec<(&Change, &'static str)> = changes
        .iter()
        .filter_map(|change| Some((*change, verb(change, &around.manifest)?)))
        .collect();
    edited.sort_by_key(|(change, _)| !is_vital(change.path()));
    let (change, verb) = *edited.first()?;
    let path = change.path();
    let when = around.seen.get(path).map(|stat| format!(" at {}", at(stat))).unwrap_or_default();
    let others = match edited.len() - 1 {
        0 => String::new(),
        more => {
            format!("; so {} {}", if more == 1 { "was" } else { "were" }, count(more, "other file"))
        }
    };
    let found = format!("{path} was {verb} by hand{when}{others}");
    let problem =
        Problem::new(found, "the file that `apply` wrote", EDITED.with(&[("path", &path)]));
    let problem = problem.with(lines(change));
    Some(if is_vital(path) { Finding::Fail(problem) } else { Finding::Warn(problem) })
}

/// What somebody did to a file after `apply` wrote it; `None` if the file differs because something else is wanted now.
fn verb(change: &Change, manifest: &Manifest) -> Option<&'static str> {
    let Change::Write(write) = change else { return None };
    let written = manifest.files.get(&write.path);
    match (write.why, &write.keys) {
        (Why::EditedByHand, _) => Some("edited"),
        (Why::New, _) => written.map(|_| "removed"),
        // In a file of the operator, what is wanted now is what was wanted then.
        (Why::Changed, Some((found, ours))) => {
            let is_wanted_before = written.and_then(|written| written.keys.as_ref()) == Some(ours);
            (is_wanted_before && found != ours).then_some("edited")
        }
        _ => None,
    }
}

/// Whether a daemon or systemd reads it.
fn is_vital(path: &str) -> bool {
    Daemon::ALL.iter().any(|daemon| daemon.file() == path) || unit_of(path).is_some()
}

/// The modification time.
fn at(stat: &Stat) -> String {
    rfc3339(u64::try_from(stat.mtime_nanos / 1_000_000_000).unwrap_or(0))
}

/// The first lines of the diff that differ: `-` as it is, `+` as `apply` would write it.
fn lines(change: &Change) -> Vec<String> {
    let diff = change.diff().unwrap_or_default();
    let differs = |line: &&str| line.starts_with(['-', '+']);
    diff.lines().skip(2).filter(differs).take(3).map(str::to_owned).collect()
}

/// What is wanted now and not on the disk; without such changes, what has to restart or stop for another reason.
fn not_applied(changes: &[&Change], plan: &Plan, around: &Around) -> Option<Finding> {
    // A unit that does not run is the finding of `units-state`, and what the last run left due is that of `config-running`.
    let is_new = |action: &Action| {
        !matches!(action, Action::Unit(Verb::Start, _)) && !around.manifest.pending.contains(action)
    };
    let mut lines: Vec<String> =
        changes.iter().map(|change| format!("{}: {}", change.path(), change.words())).collect();
    if plan.changes().next().is_none() {
        let due = plan.actions().filter(|planned| is_new(&planned.action));
        lines = due.map(crate::plan::PlannedAction::words).collect();
    }
    if lines.is_empty() {
        return None;
    }
    let verb = if lines.len() == 1 { "is" } else { "are" };
    let number = count(lines.len(), "change");
    if let Some(reason) = around.held_up {
        return Some(Finding::Pass(format!("{number} {verb} not applied, because {reason}")));
    }
    let found = format!("{number} {verb} not applied yet");
    let expected = "the disk matches the tags, the settings and the version of the agent";
    Some(Finding::Warn(Problem::new(found, expected, NOT_APPLIED.plain()).with(lines)))
}

#[cfg(test)]
mod tests;
