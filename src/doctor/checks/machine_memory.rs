//! The machine has memory, and the kernel has killed no daemon for want of it.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use std::time::Duration;

topics! {
    KILLED: "memory-oom",
        "run `journalctl -b -k -g oom` and `systemctl status {name}`; give the instance more memory, or the tasks less";
    LOW: "memory-low",
        "run `ps -eo rss,args --sort=-rss | head`; give the instance more memory, or the tasks less";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "machine-memory",
        title: "the machine has memory",
        group: Group::Machine,
        roles: Role::ALL,
        needs: &[],
        explains: &["units-state"],
        impact: Impact::Degraded,
        timeout: Duration::from_secs(5),
        page: Page {
            means: "More than 3 % of the memory is available (`MemAvailable`), and systemd reports no unit of this node that \
                    the kernel killed for want of memory (`Result=oom-kill`).",
            matters: "Without memory the kernel kills the process that has most of it, which is often a task or a daemon.",
            look: &["free -m", "journalctl -b -k -g oom"],
            fixes: &[TOPICS],
            source: "https://www.kernel.org/doc/html/latest/filesystems/proc.html",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let Some(text) = machine.text("/proc/meminfo").await else { return super::broken() };
    let units = machine.units.get().await;
    let killed = units.as_ref().as_ref().ok().and_then(|units| {
        let (name, _) = units.iter().find(|(_, unit)| unit.result == "oom-kill")?;
        Some(name.trim_end_matches(".service").to_owned())
    });
    judge(&text, killed.as_deref())
}

fn judge(meminfo: &str, killed: Option<&str>) -> Finding {
    if let Some(name) = killed {
        return Finding::Fail(Problem::new(
            format!("the kernel killed {name} for want of memory"),
            "memory for the daemons",
            KILLED.with(&[("name", &name)]),
        ));
    }
    let of = |key: &str| -> Option<u64> {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let (Some(all), Some(available)) = (of("MemTotal"), of("MemAvailable")) else {
        return Finding::Pass(String::new());
    };
    let part = (available * 100).checked_div(all).unwrap_or(100);
    let words = format!("memory {part} % free");
    if part >= 3 {
        return Finding::Pass(words);
    }
    let found = format!("{} of {} MiB of memory are available", available / 1024, all / 1024);
    Finding::Fail(Problem::new(found, "more than 3 %", LOW.plain()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_low_below_three_in_a_hundred_and_a_kill_is_a_failure() {
        let of = |available: u64, killed| {
            judge(
                &format!("MemTotal: 1000000 kB\nMemFree: 1 kB\nMemAvailable: {available} kB\n"),
                killed,
            )
        };
        assert!(of(500_000, None).passes());
        assert!(matches!(of(20_000, None), Finding::Fail(_)));
        let Finding::Fail(problem) = of(500_000, Some("nomad")) else { panic!("it was killed") };
        assert!(problem.hint.text.contains("systemctl status nomad"), "{problem:?}");
        assert!(judge("", None).passes(), "a kernel that does not say");
    }
}
