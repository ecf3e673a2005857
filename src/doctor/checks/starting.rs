//! A daemon that was started a moment ago does not answer yet, as during a rolling restart. What fails about it meanwhile is no
//! failure yet.

use crate::doctor::machine::Machine;
use crate::gates::advice::is_hang;
use crate::gates::{About, Finding, Group, Problem};
use crate::state::Daemon;
use crate::system::environment;
use crate::system::systemd::unit_facts::{self, UnitFacts};
use std::time::Duration;

/// Longest time from the start of a daemon, or the begin of its stop, until it answers.
const START: Duration = Duration::from_secs(20);
/// Longest time for the answer of systemd.
const SYSTEMD: Duration = Duration::from_secs(2);

/// A finding, with patience for a daemon that is starting. systemd is asked only after a failure, because the daemon may have
/// been restarted since the report began.
pub(super) async fn patient(machine: &Machine, about: &About, finding: Finding) -> Finding {
    let daemon = match (about.group, about.id) {
        (Group::Consul, _) | (_, "dns-consul") => Daemon::Consul,
        (Group::Nomad, _) => Daemon::Nomad,
        _ => return finding,
    };
    let problem = match finding {
        // A daemon that starts refuses connections, or answers.
        Finding::Fail(problem) if !is_hang(&problem) => problem,
        other => return other,
    };
    let path = &machine.system.environment.path;
    let units = unit_facts::facts(path, &[daemon.unit()], SYSTEMD).await;
    let unit = units.ok().and_then(|mut units| units.remove(daemon.unit()));
    judge(daemon, unit.as_ref(), environment::moment().micros, problem)
}

/// `now`: µs since the boot of the machine.
fn judge(daemon: Daemon, unit: Option<&UnitFacts>, now: u64, problem: Problem) -> Finding {
    let Some(unit) = unit else { return Finding::Fail(problem) };
    let ago = Duration::from_micros(now.saturating_sub(unit.changed));
    let comes = match (unit.active.as_str(), unit.sub.as_str()) {
        // It failed, and systemd will start it again.
        ("activating", "auto-restart" | "auto-restart-queued") => false,
        ("active", _) => unit.restarts == 0,
        ("activating" | "deactivating" | "reloading", _) => true,
        _ => false,
    };
    if !comes || ago > START {
        return Finding::Fail(problem);
    }
    let since = format!("{} was started {:.0} s ago", daemon.unit(), ago.as_secs_f64());
    Finding::Waiting(Problem { found: format!("{}; {since}", problem.found), ..problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_daemon_that_has_just_been_started_has_time() {
        let hint = crate::doctor::GENERAL[0][0].plain();
        let problem = Problem::new("connection refused", "an answer", hint);
        for (active, sub, restarts, seconds, waits) in [
            ("active", "running", 0, 2, true),
            ("activating", "start", 0, 2, true),
            ("deactivating", "stop-sigterm", 0, 2, true),
            ("active", "running", 0, 21, false),
            ("active", "running", 3, 2, false),
            ("activating", "auto-restart", 0, 2, false),
            ("inactive", "dead", 0, 2, false),
            ("failed", "failed", 0, 2, false),
        ] {
            let unit = UnitFacts {
                active: active.to_owned(),
                sub: sub.to_owned(),
                restarts,
                changed: 100_000_000,
                ..UnitFacts::default()
            };
            let now = unit.changed + seconds * 1_000_000;
            let found = judge(Daemon::Consul, Some(&unit), now, problem.clone());
            assert_eq!(matches!(found, Finding::Waiting(_)), waits, "{active} {sub} {seconds}");
        }
        assert!(matches!(judge(Daemon::Consul, None, 0, problem.clone()), Finding::Fail(_)));
    }
}
