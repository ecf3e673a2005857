//! The daemons have files left that they may open.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::state::{DOCKER, Daemon};
use crate::system::machine::open_files;
use std::time::Duration;

topics! {
    RAISE: "open-files-limit",
        "run `systemctl edit {name}`, set `LimitNOFILE=` higher under `[Service]`, then run `systemctl restart {name}`; \
         `ls -l /proc/{process}/fd` shows what is open";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "limits-nofile",
        title: "the daemons may open more files",
        group: Group::Machine,
        roles: Role::ALL,
        needs: &["agent-privileges"],
        explains: &[],
        impact: Impact::Degraded,
        timeout: Duration::from_secs(4),
        page: Page {
            means: "Consul, Nomad and docker use less than 80 % of the files that each may have open (`LimitNOFILE`).",
            matters: "A daemon at its limit takes no new connection, and members see it fail.",
            look: &["cat /proc/$(pidof consul)/limits", "ls /proc/$(pidof consul)/fd | wc -l"],
            fixes: &[TOPICS],
            source: "https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let units = machine.units.get().await;
    let Ok(units) = units.as_ref() else { return Finding::Pass(String::new()) };
    let names = [Daemon::Consul.unit(), Daemon::Nomad.unit(), DOCKER];
    let processes: Vec<(&str, u32)> = names
        .into_iter()
        .filter_map(|name| Some((name, units.get(name)?.main_pid)))
        .filter(|(_, process)| *process > 0)
        .collect();
    let asked = processes.clone();
    let counted = machine
        .files(move |_| asked.iter().map(|(_, process)| open_files(*process)).collect::<Vec<_>>())
        .await;
    let Some(counted) = counted else { return super::broken() };
    for ((name, process), counted) in processes.iter().zip(counted) {
        if let Some((open, limit)) = counted
            && let Some(finding) = judge(name, *process, open, limit)
        {
            return finding;
        }
    }
    Finding::Pass(String::new())
}

fn judge(unit: &str, process: u32, open: usize, limit: usize) -> Option<Finding> {
    let name = unit.trim_end_matches(".service");
    let hint = RAISE.with(&[("name", &name), ("process", &process)]);
    let found = format!("{name} has {open} of {limit} files open");
    let problem = Problem::new(found, "less than 80 %", hint);
    match open.saturating_mul(100) / limit.max(1) {
        95.. => Some(Finding::Fail(problem)),
        80.. => Some(Finding::Warn(problem)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_near_its_limit_warns_and_one_at_it_fails() {
        assert_eq!(judge("consul.service", 7, 10, 1000), None);
        assert!(matches!(judge("consul.service", 7, 850, 1000), Some(Finding::Warn(_))));
        let Some(Finding::Fail(problem)) = judge("consul.service", 7, 990, 1000) else {
            panic!("at its limit")
        };
        assert!(problem.hint.text.contains("systemctl edit consul"), "{problem:?}");
    }
}
