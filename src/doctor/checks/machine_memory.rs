//! This machine has memory left, and the kernel killed no daemon for want of it.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::state::{DOCKER, Daemon};
use crate::system::machine::percent;
use crate::system::root::Root;
use crate::system::systemd::journal::{Scope, search};
use std::time::Duration;

topics! {
    SHORT: "memory-short",
        "find who uses it with `ps -eo pid,rss,args --sort=-rss | head`; lower the memory of the jobs, raise \
         `nomad.reserved.memory_mb`, or use a larger instance type";
    DAEMON_KILLED: "memory-daemon-killed",
        "look at `journalctl -k -b | grep -i 'out of memory'`, free memory (`ps -eo pid,rss,args --sort=-rss | head`), then run \
         `systemctl restart {unit}`";
    KILLED: "memory-killed",
        "look at `journalctl -k -b | grep -i 'out of memory'`; lower the memory of the jobs on this node, raise \
         `nomad.reserved.memory_mb`, or use a larger instance type";
}

/// Below this part of the memory, in percent, the kernel reclaims all the time; below the second it is about to kill.
const SCARCE: u64 = 5;
const EXHAUSTED: u64 = 2;
/// Share of the time, in percent, in which every process waited for memory.
const STALLED: f64 = 10.0;

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "machine-memory",
        title: "this machine has memory left",
        group: Group::Machine,
        roles: Role::ALL,
        needs: &[],
        explains: &["units-state", "consul-agent-api", "nomad-agent-api"],
        impact: Impact::Degraded,
        timeout: Duration::from_secs(5),
        page: Page {
            means: "More than 5 % of the memory is available, the kernel has killed no process of the whole machine for want of \
                    memory in the last 24 hours, and no daemon is down because of that. A task that exceeds the limit of its \
                    own job is not counted.",
            matters: "Without memory every process stalls. The agents then miss heartbeats, and the kernel kills a process, \
                      perhaps a daemon.",
            look: &[
                "free -m",
                "cat /proc/pressure/memory",
                "journalctl -k -b | grep -i 'out of memory'",
            ],
            fixes: &[TOPICS],
            source: "https://www.kernel.org/doc/html/latest/accounting/psi.html",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

/// What the kernel says of the memory.
#[derive(Debug, Clone, Default, PartialEq)]
struct Memory {
    /// `MemTotal` and `MemAvailable` in KiB.
    total: u64,
    available: u64,
    /// The line `full` of /proc/pressure/memory, and its share of the last 10 s in percent; `None` if the kernel does not
    /// count it.
    stalled: Option<(String, f64)>,
    /// How many processes the kernel has killed in this boot, on all machines that share it.
    kills: u64,
}

async fn probe(machine: &Machine) -> Finding {
    let (memory, units) =
        futures_util::future::join(machine.files(read), machine.units.get()).await;
    let Some(memory) = memory else { return super::broken() };
    let daemons = Daemon::ALL.map(Daemon::unit).into_iter().chain([DOCKER]);
    let is_killed = |unit: &&str| {
        let facts = units.as_ref().as_ref().ok().and_then(|units| units.get(*unit));
        facts.is_some_and(|facts| facts.result == "oom-kill" && facts.sub != "running")
    };
    let down = daemons.into_iter().find(is_killed);
    // The journal has only the kills of this machine, and only those for want of memory of the whole machine.
    let killed = match memory.kills {
        0 => Vec::new(),
        _ => {
            let path = &machine.system.environment.path;
            let second = Duration::from_secs(1);
            let found = search(path, Scope::Kernel, "^Out of memory: Kill", Some("-24h"), second);
            found.await.unwrap_or_default()
        }
    };
    judge(&memory, down, &killed)
}

fn read(root: &Root) -> Memory {
    let text = |path: &str| {
        let bytes = root.read(path).ok().flatten().unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let (meminfo, vmstat) = (text("/proc/meminfo"), text("/proc/vmstat"));
    Memory {
        total: number(&meminfo, "MemTotal:").unwrap_or(0),
        available: number(&meminfo, "MemAvailable:").unwrap_or(0),
        stalled: stalled(&text("/proc/pressure/memory")),
        kills: number(&vmstat, "oom_kill").unwrap_or(0),
    }
}

/// The number behind a name, as in /proc/meminfo and /proc/vmstat.
fn number(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().map(str::split_whitespace);
    lines.find_map(|mut words| (words.next()? == name).then(|| words.next()?.parse().ok())?)
}

fn stalled(pressure: &str) -> Option<(String, f64)> {
    let line = pressure.lines().find(|line| line.starts_with("full "))?;
    let share = line.split_whitespace().find_map(|word| word.strip_prefix("avg10="))?;
    Some((line.to_owned(), share.parse().ok()?))
}

/// `down`: a unit that is down because the kernel killed it. `killed`: what the kernel said of each process that it killed in
/// the last 24 hours, the newest first.
fn judge(memory: &Memory, down: Option<&str>, killed: &[String]) -> Finding {
    if memory.total == 0 {
        return super::broken();
    }
    let words = format!("{} of {} MiB available", memory.available / 1024, memory.total / 1024);
    let mut evidence = vec![format!("MemAvailable: {} kB", memory.available)];
    evidence.extend(memory.stalled.iter().map(|(line, _)| format!("memory pressure: {line}")));
    evidence.extend(killed.iter().take(1).cloned());
    if let Some(unit) = down {
        let found =
            format!("{unit} is down because the kernel killed it for want of memory; {words}");
        let hint = DAEMON_KILLED.with(&[("unit", &unit)]);
        return Finding::Fail(Problem::new(found, "memory for every daemon", hint).with(evidence));
    }
    let left = percent(memory.available, memory.total);
    let is_stalled = memory.stalled.as_ref().is_some_and(|(_, share)| *share >= STALLED);
    if left <= SCARCE {
        let expected = format!("more than {SCARCE} % of the memory available");
        let problem = Problem::new(words, expected, SHORT.plain()).with(evidence);
        // A file cache that is just being dropped looks the same; only a machine that stalls has no memory.
        return if left <= EXHAUSTED && is_stalled {
            Finding::Fail(problem)
        } else {
            Finding::Warn(problem)
        };
    }
    match killed.first().and_then(|line| line.split_once(" kernel: ")) {
        Some((when, said)) => {
            let when = when.split_whitespace().next().unwrap_or_default();
            let found = format!("the memory of this machine ran out at {when}: {said}");
            let expected = "memory for all processes";
            Finding::Warn(Problem::new(found, expected, KILLED.plain()).with(evidence))
        }
        None => Finding::Pass(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1024 * 1024;

    fn memory(percent: u64, share: Option<f64>) -> Memory {
        let stalled = share.map(|share| (format!("full avg10={share}"), share));
        Memory { total: GIB, available: GIB * percent / 100, stalled, kills: 0 }
    }

    fn advice(finding: &Finding) -> (&str, &str) {
        match finding {
            Finding::Fail(problem) => ("fail", problem.hint.id),
            Finding::Warn(problem) => ("warn", problem.hint.id),
            _ => ("", ""),
        }
    }

    #[test]
    fn a_machine_that_stalls_without_memory_has_failed_and_a_full_one_is_warned_of() {
        for (percent, share, expected) in [
            (50, None, ("", "")),
            (6, Some(90.0), ("", "")),
            (4, None, ("warn", "memory-short")),
            (1, None, ("warn", "memory-short")),
            (1, Some(0.0), ("warn", "memory-short")),
            (1, Some(25.0), ("fail", "memory-short")),
        ] {
            let found = judge(&memory(percent, share), None, &[]);
            assert_eq!(advice(&found), expected, "{percent} % {share:?}");
        }
        assert!(matches!(judge(&Memory::default(), None, &[]), Finding::Unknown(_)));
    }

    #[test]
    fn a_daemon_that_is_down_for_want_of_memory_is_named_and_so_is_any_other_victim() {
        let line = "2026-11-22T19:04:05+0000 ip-10-0-0-1 kernel: Out of memory: Killed process 7 (java) total-vm:9kB";
        let found = judge(&memory(50, None), Some("consul.service"), &[line.to_owned()]);
        assert_eq!(advice(&found), ("fail", "memory-daemon-killed"));
        let Finding::Warn(problem) = judge(&memory(50, None), None, &[line.to_owned()]) else {
            panic!("a process was killed");
        };
        let words = "the memory of this machine ran out at 2026-11-22T19:04:05+0000: Out of memory: Killed process 7 (java)";
        assert!(problem.found.starts_with(words), "{}", problem.found);
    }

    #[test]
    fn the_tables_of_the_kernel_are_read() {
        let meminfo = "MemTotal:       24684084 kB\nMemAvailable:   22860844 kB\n";
        assert_eq!(number(meminfo, "MemAvailable:"), Some(22_860_844));
        assert_eq!(number("oom_kill_x 1\noom_kill 3\n", "oom_kill"), Some(3));
        assert_eq!(number("", "oom_kill"), None);
        let pressure =
            "some avg10=9.00 avg60=0.00\nfull avg10=1.50 avg60=0.10 avg300=0.00 total=9\n";
        assert_eq!(stalled(pressure).map(|(_, share)| share > 1.4 && share < 1.6), Some(true));
        assert_eq!(stalled("some avg10=0.00 avg60=0.00\n"), None);
    }
}
