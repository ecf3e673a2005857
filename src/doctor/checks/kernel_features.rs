//! The kernel has what containers need: file systems, bridges, room for connections, and the controllers of control groups.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use std::time::Duration;

topics! {
    CONNECTIONS: "conntrack-full",
        "run `sysctl -w net.netfilter.nf_conntrack_max=262144`, and find the task with many connections: `ss -s`";
    CONTROLLERS_HINT: "cgroup-controllers",
        "enable them on the kernel's command line (`cgroup_enable=memory`) in the image; Nomad cannot limit tasks without them";
}

/// The controllers that Nomad's drivers use.
const CONTROLLERS: [&str; 4] = ["cpu", "cpuset", "memory", "pids"];

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "kernel-features",
        title: "the kernel has what containers need",
        group: Group::Machine,
        roles: &[Role::NomadClient],
        needs: &[],
        explains: &["nomad-drivers"],
        impact: Impact::Degraded,
        timeout: Duration::from_secs(3),
        page: Page {
            means: "The kernel has the controllers cpu, cpuset, memory and pids, as version 1 or 2 of control groups, and the \
                    table of connections is less than 95 % full.",
            matters: "Nomad cannot place tasks without the controllers, and a full table drops new connections of all tasks.",
            look: &[
                "cat /proc/cgroups /sys/fs/cgroup/cgroup.controllers",
                "sysctl net.netfilter.nf_conntrack_count",
            ],
            fixes: &[TOPICS],
            source: "https://developer.hashicorp.com/nomad/docs/install/production/requirements",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

/// What the kernel says; `None` where it does not.
#[derive(Default)]
struct Seen {
    controllers: Option<String>,
    cgroups: Option<String>,
    connections: Option<String>,
    most: Option<String>,
}

async fn probe(machine: &Machine) -> Finding {
    let [controllers, cgroups, connections, most] = [
        "/sys/fs/cgroup/cgroup.controllers",
        "/proc/cgroups",
        "/proc/sys/net/netfilter/nf_conntrack_count",
        "/proc/sys/net/netfilter/nf_conntrack_max",
    ]
    .map(|path| machine.text(path));
    let (controllers, cgroups, connections, most) =
        futures_util::future::join4(controllers, cgroups, connections, most).await;
    judge(&Seen { controllers, cgroups, connections, most })
}

fn judge(seen: &Seen) -> Finding {
    let missing = missing(seen);
    if !missing.is_empty() {
        let found = format!("the kernel lacks the controllers {}", missing.join(", "));
        let expected = format!("the controllers {}", CONTROLLERS.join(", "));
        return Finding::Fail(Problem::new(found, expected, CONTROLLERS_HINT.plain()));
    }
    let number = |text: &Option<String>| -> Option<u64> { text.as_ref()?.trim().parse().ok() };
    let (Some(used), Some(most)) = (number(&seen.connections), number(&seen.most)) else {
        return Finding::Pass(String::new());
    };
    let part = (used * 100).checked_div(most).unwrap_or(0);
    let problem = || {
        let found = format!("{used} of {most} tracked connections are in use");
        Problem::new(found, "less than 75 %", CONNECTIONS.plain())
    };
    match part {
        95.. => Finding::Fail(problem()),
        75.. => Finding::Warn(problem()),
        _ => Finding::Pass(String::new()),
    }
}

/// The controllers that neither version of control groups has.
fn missing(seen: &Seen) -> Vec<&'static str> {
    let unified: Vec<&str> =
        seen.controllers.iter().flat_map(|text| text.split_whitespace()).collect();
    // Name, hierarchy, number of groups, whether it is enabled (cgroups(7)).
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next()?.to_owned();
        (words.nth(2)? == "1").then_some(name)
    };
    let enabled: Vec<String> =
        seen.cgroups.iter().flat_map(|text| text.lines()).filter_map(line).collect();
    if unified.is_empty() && enabled.is_empty() {
        return Vec::new();
    }
    let has = |name: &str| unified.contains(&name) || enabled.iter().any(|one| one == name);
    CONTROLLERS.into_iter().filter(|name| !has(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_version_of_control_groups_will_do() {
        let v1 = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t1\t1\t1\ncpu\t2\t1\t1\nmemory\t3\t1\t1\npids\t4\t1\t1\n";
        let seen = |controllers: Option<&str>, cgroups: Option<&str>| Seen {
            controllers: controllers.map(str::to_owned),
            cgroups: cgroups.map(str::to_owned),
            ..Seen::default()
        };
        assert!(judge(&seen(Some("cpuset cpu io memory pids\n"), None)).passes());
        assert!(judge(&seen(None, Some(v1))).passes());
        assert!(judge(&Seen::default()).passes(), "a kernel that does not say");
        let off = v1.replace("memory\t3\t1\t1", "memory\t3\t1\t0");
        let Finding::Fail(problem) = judge(&seen(Some("\n"), Some(&off))) else {
            panic!("no memory")
        };
        assert_eq!(problem.found, "the kernel lacks the controllers memory");
    }

    #[test]
    fn a_table_of_connections_that_fills_warns_and_a_full_one_fails() {
        let of = |used: u32| {
            judge(&Seen {
                connections: Some(format!("{used}\n")),
                most: Some("1000\n".to_owned()),
                ..Seen::default()
            })
        };
        assert!(of(10).passes() && matches!(of(10), Finding::Pass(_)));
        assert!(matches!(of(800), Finding::Warn(_)));
        assert!(matches!(of(990), Finding::Fail(_)));
    }
}
