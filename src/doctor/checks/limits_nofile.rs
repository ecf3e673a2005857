//! The daemons are not about to run out of file descriptors.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::state::{DOCKER, Daemon};
use crate::system::machine::percent;
use crate::system::root::Root;
use std::time::Duration;

topics! {
    USED_UP: "nofile-used-up",
        "see what is open with `ls -l /proc/{pid}/fd | awk '{print $NF}' | sort | uniq -c | sort -n | tail`; to raise the limit \
         run `systemctl edit {unit}`, set `LimitNOFILE=` below `[Service]`, then run `systemctl restart {unit}`";
}

/// From this part of the limit, in percent, it is worth a look; from the second, connections fail soon.
const MUCH: u64 = 80;
const USED_UP_FROM: u64 = 95;

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "limits-nofile",
        title: "the daemons have file descriptors left",
        group: Group::Machine,
        roles: Role::ALL,
        needs: &["agent-privileges"],
        explains: &["docker-daemon", "consul-agent-api", "nomad-agent-api"],
        impact: Impact::Degraded,
        timeout: Duration::from_secs(5),
        page: Page {
            means: "The main processes of consul.service, nomad.service and docker.service have opened less than 80 % of the \
                    file descriptors that their soft limit allows.",
            matters: "Each connection needs a descriptor. A daemon without one refuses connections with `too many open files`, \
                      and may not be able to write its data.",
            look: &[
                "grep 'open files' /proc/$(systemctl show -P MainPID consul)/limits",
                "ls /proc/$(systemctl show -P MainPID consul)/fd | wc -l",
            ],
            fixes: &[TOPICS],
            source: "https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

/// The descriptors of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Open {
    unit: &'static str,
    pid: u32,
    /// How many are open.
    count: u64,
    /// The soft limit.
    limit: u64,
}

async fn probe(machine: &Machine) -> Finding {
    let units = machine.units.get().await;
    let daemons = Daemon::ALL.map(Daemon::unit).into_iter().chain([DOCKER]);
    let pid_of = |unit: &'static str| {
        let facts = units.as_ref().as_ref().ok()?.get(unit)?;
        (facts.main_pid > 0).then_some((unit, facts.main_pid))
    };
    let running: Vec<(&'static str, u32)> = daemons.filter_map(pid_of).collect();
    let read = move |root: &Root| {
        running.into_iter().filter_map(|(unit, pid)| open(root, unit, pid)).collect::<Vec<_>>()
    };
    match machine.files(read).await {
        Some(found) => judge(&found),
        None => super::broken(),
    }
}

/// The descriptors of a process; `None` if it has ended meanwhile, or has no limit.
fn open(root: &Root, unit: &'static str, pid: u32) -> Option<Open> {
    let limits = root.read(format!("/proc/{pid}/limits")).ok().flatten()?;
    let limit = soft_limit(&String::from_utf8_lossy(&limits))?;
    let count = root.list(format!("/proc/{pid}/fd")).ok()?.len() as u64;
    Some(Open { unit, pid, count, limit })
}

/// The soft limit in /proc/PID/limits; `None` if it is `unlimited`.
fn soft_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn judge(found: &[Open]) -> Finding {
    let worst = found.iter().max_by_key(|open| percent(open.count, open.limit));
    let used = worst.map_or(0, |open| percent(open.count, open.limit));
    let Some(Open { unit, pid, count, limit }) = worst.filter(|_| used >= MUCH) else {
        if found.is_empty() {
            return Finding::Pass("no daemon runs".to_owned());
        }
        let words = found
            .iter()
            .map(|open| format!("{} {}", open.unit.trim_end_matches(".service"), open.count));
        return Finding::Pass(format!("open files: {}", words.collect::<Vec<_>>().join(", ")));
    };
    let problem = Problem::new(
        format!("{unit} (PID {pid}) has opened {count} of {limit} file descriptors ({used} %)"),
        format!("less than {MUCH} %"),
        USED_UP.with(&[("pid", pid), ("unit", unit)]),
    );
    if used >= USED_UP_FROM { Finding::Fail(problem) } else { Finding::Warn(problem) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consul(count: u64, limit: u64) -> Open {
        Open { unit: "consul.service", pid: 7, count, limit }
    }

    #[test]
    fn only_a_limit_that_is_used_counts() {
        let docker = Open { unit: "docker.service", pid: 8, count: 90, limit: 1_000_000 };
        for (open, expected) in [
            (consul(30, 1024), "pass"),
            (consul(8, 64), "pass"),
            (consul(52_500, 65_536), "warn"),
            (consul(63_912, 65_536), "fail"),
        ] {
            let found = match judge(&[docker.clone(), open.clone()]) {
                Finding::Pass(words) => {
                    assert!(words.starts_with("open files: docker 90, consul"), "{words}");
                    "pass"
                }
                Finding::Warn(_) => "warn",
                Finding::Fail(problem) => {
                    assert!(problem.found.starts_with("consul.service (PID 7)"), "{problem:?}");
                    assert!(problem.hint.text.contains("/proc/7/fd"), "{problem:?}");
                    "fail"
                }
                _ => "",
            };
            assert_eq!(found, expected, "{open:?}");
        }
    }

    #[test]
    fn the_limits_of_a_process_are_read() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
            Max open files            1024                 524288               files     \n";
        assert_eq!(soft_limit(text), Some(1024));
        assert_eq!(soft_limit("Max open files            unlimited unlimited files\n"), None);
        let own = open(&Root::host(), "consul.service", std::process::id()).unwrap();
        assert!(own.count > 0 && own.limit >= own.count);
    }
}
