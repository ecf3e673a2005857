//! Nomad and docker find the control groups that they need.

use crate::doctor::Check;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::system::aside::aside;
use crate::system::mounts::{self, Mount};
use crate::system::root::Root;
use std::time::Duration;

topics! {
    NONE: "cgroups-missing",
        "run `findmnt -R /sys/fs/cgroup`; systemd mounts it at each boot, so remove what unmounts it, then run `systemctl reboot`";
    READ_ONLY: "cgroups-read-only", "run `mount -o remount,rw {point}`, then `systemctl restart nomad`";
    CONTROLLER: "cgroup-controller-missing",
        "look for `cgroup_disable=` and `cgroup_no_v1=` in /proc/cmdline, remove them from the boot loader's configuration, then run \
         `systemctl reboot`";
}

/// Where the control groups are mounted.
const POINT: &str = "/sys/fs/cgroup";
/// What Nomad turns on in the root group of version 2. If one is missing, it turns on none of them.
const V2: [&str; 5] = ["cpuset", "cpu", "io", "memory", "pids"];
/// The hierarchies of version 1, the first two of which nothing replaces: Nomad ends tasks by `freezer`, and docker does not
/// start without `devices`.
const V1: [&str; 5] = ["freezer", "devices", "memory", "cpu", "cpuset"];
const V1_ESSENTIAL: [&str; 2] = ["freezer", "devices"];
/// The hierarchies of version 1 in which Nomad itself makes groups.
const V1_OF_NOMAD: [&str; 4] = ["freezer", "memory", "cpu", "cpuset"];

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "kernel-cgroups",
        title: "the control groups of the kernel are there",
        group: Group::Machine,
        roles: &[Role::NomadClient],
        needs: &[],
        explains: &["docker-daemon", "nomad-drivers", "units-state", "nomad-agent-api"],
        impact: Impact::Down,
        timeout: Duration::from_secs(3),
        page: Page {
            means: "Control groups are mounted on /sys/fs/cgroup and may be written: version 2 with the controllers cpuset, cpu, \
                    io, memory and pids, or version 1 with freezer, devices, memory, cpu and cpuset.",
            matters: "Nomad makes a group for each task. Where it cannot, its agent ends or tasks do not start; where a controller \
                      is missing, the limits of tasks have no effect.",
            look: &["findmnt -R /sys/fs/cgroup", "cat /sys/fs/cgroup/cgroup.controllers"],
            fixes: &[TOPICS],
            source: "https://developer.hashicorp.com/nomad/docs/deploy/production/requirements#hardening-nomad",
        },
    },
    probe: |machine| {
        Box::pin(async {
            let controllers = machine.files(|root: &Root| {
                root.read(format!("{POINT}/cgroup.controllers")).ok().flatten().unwrap_or_default()
            });
            let table = aside(async || mounts::all());
            let (controllers, table) = futures_util::future::join(controllers, table).await;
            let (Some(controllers), Some(table)) = (controllers, table) else {
                return super::broken();
            };
            // Without a table nothing is known.
            if table.is_empty() {
                return super::broken();
            }
            judge(&table, &String::from_utf8_lossy(&controllers))
        })
    },
    changed: None,
};

/// `controllers`: what the root group of version 2 has.
fn judge(table: &[Mount], controllers: &str) -> Finding {
    if let Some(mount) = mounts::at(table, POINT).filter(|mount| mount.kind == "cgroup2") {
        let found: Vec<&str> = controllers.split_whitespace().collect();
        return unified(mount, &found);
    }
    let under = format!("{POINT}/");
    let is_one = |mount: &&Mount| mount.kind == "cgroup" && mount.point.starts_with(&under);
    let hierarchies: Vec<&Mount> = table.iter().filter(is_one).collect();
    if hierarchies.is_empty() {
        let found = format!("no control groups are mounted on {POINT}");
        return Finding::Fail(Problem::new(
            found,
            "control groups of version 1 or 2",
            NONE.plain(),
        ));
    }
    separate(&hierarchies)
}

/// Version 2.
fn unified(mount: &Mount, found: &[&str]) -> Finding {
    if mount.is_read_only {
        return read_only(mount);
    }
    let missing: Vec<&str> = V2.into_iter().filter(|name| !found.contains(name)).collect();
    if missing.is_empty() {
        return Finding::Pass("cgroup v2".to_owned());
    }
    Finding::Warn(lacking(2, &missing, &found.join(" "), "the limits of tasks are not enforced"))
}

/// Version 1, also beside version 2 (hybrid), where Nomad uses version 1.
fn separate(hierarchies: &[&Mount]) -> Finding {
    // The last of several mounts on one point hides the others.
    let of = |name: &str| {
        hierarchies.iter().rev().find(|mount| mount.options.iter().any(|option| option == name))
    };
    let missing: Vec<&str> = V1.into_iter().filter(|name| of(name).is_none()).collect();
    let found = || {
        let points = hierarchies.iter().map(|mount| mount.point.as_str());
        points.collect::<Vec<_>>().join(" ")
    };
    if let Some(name) = V1_ESSENTIAL.iter().find(|name| missing.contains(name)) {
        let who = if *name == "devices" { "docker does not start" } else { "Nomad starts no task" };
        return Finding::Fail(lacking(1, &missing, &found(), who));
    }
    if let Some(mount) =
        V1_OF_NOMAD.iter().filter_map(|name| of(name)).find(|mount| mount.is_read_only)
    {
        return read_only(mount);
    }
    if missing.is_empty() {
        return Finding::Pass("cgroup v1".to_owned());
    }
    Finding::Warn(lacking(1, &missing, &found(), "the limits of tasks are not enforced"))
}

fn lacking(version: u8, missing: &[&str], found: &str, so: &str) -> Problem {
    let list = missing.join(", ");
    let needed: &[&str] = if version == 2 { &V2 } else { &V1 };
    Problem::new(
        format!("cgroup v{version} without {list}, so {so}"),
        format!("cgroup v{version} with {}", needed.join(", ")),
        CONTROLLER.plain(),
    )
    .with(vec![format!("found: {found}")])
}

fn read_only(mount: &Mount) -> Finding {
    Finding::Fail(Problem::new(
        format!("{} is mounted read-only, so Nomad cannot make groups for tasks", mount.point),
        "control groups that may be written",
        READ_ONLY.with(&[("point", &mount.point)]),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIFIED: &str = "30 22 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";

    /// A table with these hierarchies of version 1; a `!` before the name means read-only.
    fn separate(names: &str) -> Vec<Mount> {
        let mut text = "30 22 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs rw\n31 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n".to_owned();
        for name in names.split_whitespace() {
            let plain = name.trim_start_matches('!');
            let flag = if plain == name { "rw" } else { "ro" };
            text.push_str(&format!(
                "32 30 0:28 / /sys/fs/cgroup/{plain} {flag} - cgroup cgroup rw,{plain}\n"
            ));
        }
        mounts::read(&text)
    }

    fn told(finding: &Finding) -> String {
        match finding {
            Finding::Pass(words) => words.clone(),
            Finding::Warn(problem) => format!("warn {}", problem.hint.id),
            Finding::Fail(problem) => format!("fail {}", problem.hint.id),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn version_2_has_every_controller_or_enforces_no_limits() {
        let all = "cpuset cpu io memory hugetlb pids rdma misc\n";
        assert_eq!(told(&judge(&mounts::read(UNIFIED), all)), "cgroup v2");
        let missing = judge(&mounts::read(UNIFIED), "cpuset cpu io pids");
        assert_eq!(told(&missing), "warn cgroup-controller-missing");
        let words = &missing.problem().unwrap().found;
        assert_eq!(words, "cgroup v2 without memory, so the limits of tasks are not enforced");
        let read_only = UNIFIED.replace("rw,nosuid", "ro,nosuid");
        assert_eq!(told(&judge(&mounts::read(&read_only), all)), "fail cgroups-read-only");
    }

    #[test]
    fn version_1_has_what_nothing_replaces() {
        for (names, expected) in [
            ("blkio cpu cpuacct cpuset devices freezer memory pids", "cgroup v1"),
            ("cpu,cpuacct cpuset devices freezer memory", "cgroup v1"),
            ("cpu cpuset devices memory", "fail cgroup-controller-missing"),
            ("cpu cpuset freezer memory", "fail cgroup-controller-missing"),
            ("cpu cpuset devices freezer", "warn cgroup-controller-missing"),
            ("cpu cpuset devices !freezer memory", "fail cgroups-read-only"),
            ("cpu cpuset !devices freezer memory", "cgroup v1"),
            ("!freezer cpu cpuset devices freezer memory", "cgroup v1"),
            ("", "fail cgroups-missing"),
        ] {
            assert_eq!(told(&judge(&separate(names), "")), expected, "{names}");
        }
    }
}
