//! The daemons run with the files that are on the disk.

mod newer;

use crate::apply::manifest::MANIFEST;
use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::plan::manifest::Manifest;
use crate::role::Role;
use crate::state::{Action, Daemon, Verb};
use crate::system::environment::{self, rfc3339};
use crate::system::systemd::journal;
use crate::system::systemd::unit_facts::{self, UnitFacts};
use newer::{Changed, Clock, files, is_newer, latest};
use std::time::Duration;

topics! {
    OLD: "config-not-loaded",
        "run `systemctl restart {name}`; on a server, first check with `{name} operator raft list-peers` that the other \
         servers are there, and restart one server at a time";
    OLD_OPERATORS: "operator-file-not-loaded",
        "run `systemctl reload {name}` if the changed keys can be reloaded, otherwise `systemctl restart {name}`; restart one \
         server at a time";
    DUE: "restart-due",
        "run `cos-agent apply`, which restarts it or says what it waits for; to restart it anyway, check that the other \
         servers are healthy, then run `systemctl {verb} {name}`";
}

/// How long a restart may wait for the other servers before that is a warning: a rolling restart takes minutes.
const PATIENCE: Duration = Duration::from_mins(15);

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "config-running",
        title: "the daemons run with the files that are on the disk",
        group: Group::Config,
        roles: Role::ALL,
        needs: &["agent-privileges"],
        explains: &["consul-agent-api", "nomad-agent-api"],
        impact: Impact::Degraded,
        timeout: Duration::from_secs(6),
        page: Page {
            means: "No file in /etc/consul.d or /etc/nomad.d is newer than the last start or reload of its daemon, and no \
                    restart of `apply` has been due for more than 15 min.",
            matters: "A daemon reads its files only when it starts, and some keys when it is reloaded. Until then it runs with \
                      what the files said before.",
            look: &[
                "ls -la --time-style=full-iso /etc/consul.d /etc/nomad.d",
                "systemctl show consul nomad -p Id,ExecMainStartTimestamp",
            ],
            fixes: &[TOPICS],
            source: "https://developer.hashicorp.com/consul/docs/agent/config#reloadable-configuration",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let Some(role) = machine.role() else {
        return Finding::Pass("not known which daemons this node runs".to_owned());
    };
    let daemons = role.daemons();
    let look = machine.files(move |root| {
        let manifest = MANIFEST.known(root).unwrap_or_default();
        let found: Vec<_> =
            daemons.iter().map(|daemon| (*daemon, files(root, *daemon, &manifest))).collect();
        (found, manifest)
    });
    let Some((found, manifest)) = look.await else { return super::broken() };
    let units = machine.units.get().await;
    let Ok(units) = units.as_ref() else {
        return Finding::Pass("systemd does not answer".to_owned());
    };
    let mut findings = Vec::new();
    for (daemon, files) in found {
        let Some(unit) = units.get(daemon.unit()).filter(|unit| unit.sub == "running") else {
            continue;
        };
        match due(daemon, unit, &manifest) {
            Some(verb) => findings.extend(waits(machine, daemon, verb, &manifest)),
            None => findings.extend(suspect(machine, daemon, unit, &files).await),
        }
    }
    let rank = |finding: &Finding| matches!(finding, Finding::Fail(_));
    let worst = findings.iter().position(rank).unwrap_or(0);
    findings.into_iter().nth(worst).unwrap_or_else(|| Finding::Pass("loaded".to_owned()))
}

/// What the last `apply` left to do to a daemon that has not started since.
fn due(daemon: Daemon, unit: &UnitFacts, manifest: &Manifest) -> Option<Verb> {
    let is_left = |verb: &Verb| manifest.pending.contains(&Action::unit(*verb, daemon.unit()));
    let verb = [Verb::Restart, Verb::Reload].into_iter().find(is_left)?;
    let has_started = manifest
        .since
        .get(daemon.unit())
        .is_some_and(|since| since.boot != environment::boot_id() || unit.started > since.micros);
    (!has_started).then_some(verb)
}

/// The finding about a restart that is due for too long.
fn waits(machine: &Machine, daemon: Daemon, verb: Verb, manifest: &Manifest) -> Option<Finding> {
    let since = manifest.since.get(daemon.unit())?;
    let age = Duration::from_micros(environment::moment().micros.saturating_sub(since.micros));
    if age < PATIENCE {
        return None;
    }
    let (unit, name, verb) = (daemon.unit(), daemon.name(), verb.name());
    let found = format!(
        "{unit} has had to {verb} for {} min, and `apply` has not done it",
        age.as_secs() / 60
    );
    let hint = DUE.with(&[("verb", &verb), ("name", &name)]);
    let problem = Problem::new(found, "`apply` restarts it once the other servers allow it", hint);
    let notes = machine.record.notes.iter().filter(|note| note.contains(unit)).cloned();
    Some(Finding::Warn(problem.with(notes.collect())))
}

/// The finding about a file that is newer than its daemon. What looks like one is verified: an `apply` may have restarted
/// the daemon meanwhile, and somebody may have reloaded it without systemd.
async fn suspect(
    machine: &Machine,
    daemon: Daemon,
    unit: &UnitFacts,
    files: &[Changed],
) -> Option<Finding> {
    let applied = machine.record.applied.as_deref();
    let file = files.iter().find(|file| is_newer(file, unit, Clock::now(), applied))?;
    let path = &machine.system.environment.path;
    let (name, timeout) = (daemon.unit(), Duration::from_secs(1));
    let manifest = machine.files(|root| MANIFEST.known(root).unwrap_or_default()).await?;
    let now = unit_facts::facts(path, &[name], timeout).await.ok()?;
    let now = now.get(name).filter(|unit| unit.sub == "running")?;
    if due(daemon, now, &manifest).is_some() || !is_newer(file, now, Clock::now(), applied) {
        return None;
    }
    let said = journal::from(path, name, file.at, timeout).await;
    (!has_reloaded(&said)).then(|| judge(daemon, file, latest(now, Clock::now())))
}

/// Whether a daemon says that it has read its files again. Both log the signal that asks for it.
fn has_reloaded(lines: &[String]) -> bool {
    let words = ["reload", "hangup"];
    lines
        .iter()
        .map(|line| line.to_ascii_lowercase())
        .any(|line| words.iter().any(|word| line.contains(word)))
}

/// `started`: when the daemon last started or was reloaded, in seconds since the epoch.
fn judge(daemon: Daemon, file: &Changed, started: u64) -> Finding {
    let name = daemon.name();
    let found = format!(
        "{name} runs with the configuration from before the change of {} at {}: it started at {}",
        file.path,
        rfc3339(file.at),
        rfc3339(started)
    );
    let topic = if file.is_ours { OLD } else { OLD_OPERATORS };
    let expected = format!("{name} runs with the files that are on the disk");
    let problem = Problem::new(found, expected, topic.with(&[("name", &name)]));
    if file.is_ours { Finding::Fail(problem) } else { Finding::Warn(problem) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Moment;

    #[test]
    fn our_file_fails_and_a_file_of_the_operator_warns() {
        let file = |is_ours| Changed {
            path: "/etc/consul.d/x.json".to_owned(),
            at: 1_795_374_245,
            is_ours,
        };
        let Finding::Fail(problem) = judge(Daemon::Consul, &file(true), 1_795_374_000) else {
            panic!("it is ours")
        };
        assert!(
            problem
                .found
                .ends_with("x.json at 2026-11-22T19:04:05Z: it started at 2026-11-22T19:00:00Z"),
            "{problem:?}"
        );
        assert!(problem.hint.text.contains("`systemctl restart consul`"));
        assert!(matches!(judge(Daemon::Nomad, &file(false), 1), Finding::Warn(_)));
    }

    #[test]
    fn a_restart_is_due_until_the_daemon_has_started() {
        let micros = 500;
        let mut manifest =
            Manifest { pending: vec![Action::restart(Daemon::Consul)], ..Manifest::default() };
        let started = |started| UnitFacts { started, ..UnitFacts::default() };
        assert_eq!(due(Daemon::Consul, &started(900), &manifest), Some(Verb::Restart));
        assert_eq!(due(Daemon::Nomad, &started(900), &manifest), None);
        let since = Moment { boot: environment::boot_id(), micros };
        manifest.since.insert("consul.service".to_owned(), since);
        assert_eq!(due(Daemon::Consul, &started(400), &manifest), Some(Verb::Restart));
        assert_eq!(due(Daemon::Consul, &started(900), &manifest), None);
        let since = Moment { boot: "another".to_owned(), micros };
        manifest.since.insert("consul.service".to_owned(), since);
        assert_eq!(due(Daemon::Consul, &started(400), &manifest), None);
    }

    #[test]
    fn a_reload_by_hand_is_seen_in_the_journal() {
        let line = |text: &str| vec![text.to_owned()];
        assert!(has_reloaded(&line("==> Caught signal: hangup")));
        assert!(has_reloaded(&line(r#"{"@message":"Reloading configuration..."}"#)));
        assert!(!has_reloaded(&line("agent: Synced node info")));
    }
}
