//! The file systems that the node writes to have room, inodes, and answer.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::system::aside::aside;
use crate::system::machine::{Usage, usage};
use futures_util::future::join_all;
use std::path::PathBuf;
use std::time::Duration;

topics! {
    FULL: "file-system-full",
        "free space: `du -xhd1 {path} | sort -h | tail` shows what is large; `journalctl --vacuum-size=200M` and \
         `docker image prune -a --filter until=168h` free some; or grow the volume";
    NO_INODES: "disk-without-inodes",
        "remove small files: `du -x --inodes -d1 {path} | sort -n | tail` shows the directories that hold most of them";
    READ_ONLY: "file-system-read-only",
        "look at `journalctl -b -k | grep -i 'remount\\|I/O error'`; then check the volume, and replace the node if it is broken";
    HANGS: "disk-hangs",
        "find the mount with `findmnt -T {path}`; if a network file system or volume does not answer, detach it or replace the \
         node";
}

/// What the node writes to.
const PATHS: [&str; 7] = [
    "/",
    "/var/log",
    "/var/lib/cos-agent",
    "/opt/consul/data",
    "/opt/nomad/data",
    "/var/lib/docker",
    "/run",
];
/// Longest time for the answer of one file system.
const ANSWER: Duration = Duration::from_secs(1);
/// A file system is full below either of these.
const FULL_BELOW: (u64, u64) = (64 * 1024 * 1024, 2);
/// It is nearly full below this part, in hundredths.
const NEARLY_BELOW: u64 = 8;

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "disk-space",
        title: "the file systems have room and inodes",
        group: Group::Machine,
        roles: Role::ALL,
        needs: &[],
        explains: &[
            "boot-phases",
            "units-state",
            "consul-agent-api",
            "nomad-agent-api",
            "docker-daemon",
        ],
        impact: Impact::Down,
        timeout: Duration::from_secs(3),
        page: Page {
            means: "The file systems of /, /var/log, /run and of the data of cos-agent, Consul, Nomad and docker answer within \
                    1 s, are writable, and have more than 2 % and 64 MiB of room and 1 % of their inodes free.",
            matters: "Consul and Nomad end when they cannot write their data. A node whose disk is full cannot apply either.",
            look: &["df -h", "df -i", "findmnt"],
            fixes: &[TOPICS],
            source: "https://man7.org/linux/man-pages/man3/statvfs.3.html",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

/// What a path said within its time.
enum Answer {
    Absent,
    Silent,
    Is(Usage),
}

async fn probe(machine: &Machine) -> Finding {
    let answers = join_all(PATHS.map(async |path| {
        let full: PathBuf = machine.system.root.path(path.as_ref());
        let asked = aside(async move || usage(&full));
        let answer = match tokio::time::timeout(ANSWER, asked).await {
            Ok(Some(Ok(Some(usage)))) => Answer::Is(usage),
            Ok(_) => Answer::Absent,
            Err(_) => Answer::Silent,
        };
        (path, answer)
    }))
    .await;
    judge(&answers)
}

fn judge(answers: &[(&str, Answer)]) -> Finding {
    let mut seen = Vec::new();
    let mut words = Vec::new();
    let mut worst: Option<Finding> = None;
    for (path, answer) in answers {
        let found = match answer {
            Answer::Absent => None,
            Answer::Silent => Some(Finding::Fail(Problem::new(
                format!("the file system of {path} has not answered for 1 s"),
                "an answer at once",
                HANGS.with(&[("path", path)]),
            ))),
            Answer::Is(usage) if seen.contains(&usage.id) => None,
            Answer::Is(usage) => {
                seen.push(usage.id);
                words.push(format!("{path} {} % free", part(usage.free, usage.size)));
                judge_one(path, usage)
            }
        };
        let is_worse = matches!(
            (&worst, &found),
            (None, Some(_)) | (Some(Finding::Warn(_)), Some(Finding::Fail(_)))
        );
        if is_worse {
            worst = found;
        }
    }
    words.truncate(2);
    worst.unwrap_or_else(|| Finding::Pass(words.join(", ")))
}

fn judge_one(path: &str, usage: &Usage) -> Option<Finding> {
    let Usage { size, free, inodes, free_inodes, is_read_only, .. } = *usage;
    let at = [("path", &path as &dyn std::fmt::Display)];
    let problem = |found: String, expected: &str, topic: crate::exit::hint::Topic| {
        Problem::new(found, expected, topic.with(&at))
    };
    if is_read_only {
        let found = format!("the file system of {path} is read-only");
        return Some(Finding::Fail(problem(found, "it can be written", READ_ONLY)));
    }
    let found = format!("{path} has {} MiB free of {} MiB", mib(free), mib(size));
    // A small file system that is mostly empty is not full.
    let is_full = part(free, size) < FULL_BELOW.1 || free < FULL_BELOW.0.min(size / 10);
    if is_full && size > 0 {
        return Some(Finding::Fail(problem(found, "more than 2 % and 64 MiB", FULL)));
    }
    if inodes > 0 && part(free_inodes, inodes) < 1 {
        let found = format!("{path} has {free_inodes} inodes free of {inodes}");
        return Some(Finding::Fail(problem(found, "more than 1 % of the inodes", NO_INODES)));
    }
    let is_nearly_full = size > 0 && part(free, size) < NEARLY_BELOW;
    is_nearly_full.then(|| Finding::Warn(problem(found, "more than 8 %", FULL)))
}

/// A part in hundredths, rounded down.
fn part(of: u64, whole: u64) -> u64 {
    of.saturating_mul(100).checked_div(whole).unwrap_or(100)
}

fn mib(bytes: u64) -> u64 {
    bytes / (1024 * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1024 * 1024 * 1024;

    fn usage(id: u64, size: u64, free: u64, inodes: u64, free_inodes: u64) -> Answer {
        Answer::Is(Usage { id, size, free, inodes, free_inodes, is_read_only: false })
    }

    #[test]
    fn full_silent_and_read_only_file_systems_are_told_apart() {
        let of = |answer: Answer| match judge(&[
            ("/", usage(1, 8 * GIB, 4 * GIB, 1000, 900)),
            ("/x", answer),
        ]) {
            Finding::Pass(_) => "pass".to_owned(),
            Finding::Warn(problem) => format!("warn {}", problem.hint.id),
            Finding::Fail(problem) => format!("fail {}", problem.hint.id),
            other => format!("{other:?}"),
        };
        assert_eq!(of(usage(2, 8 * GIB, GIB, 1000, 500)), "pass");
        assert_eq!(of(usage(2, 8 * GIB, GIB / 2, 1000, 500)), "warn file-system-full");
        assert_eq!(of(usage(2, 8 * GIB, GIB / 32, 1000, 500)), "fail file-system-full");
        assert_eq!(of(usage(2, GIB / 64, 0, 1000, 500)), "fail file-system-full");
        assert_eq!(of(usage(2, GIB / 64, GIB / 80, 1000, 500)), "pass", "small, and empty");
        assert_eq!(of(usage(2, 8 * GIB, GIB, 1000, 0)), "fail disk-without-inodes");
        assert_eq!(
            of(usage(2, 8 * GIB, GIB, 0, 0)),
            "pass",
            "a file system that makes inodes as needed"
        );
        assert_eq!(of(usage(1, 8 * GIB, 0, 1000, 0)), "pass", "the same file system again");
        assert_eq!(of(Answer::Silent), "fail disk-hangs");
        assert_eq!(of(Answer::Absent), "pass");
        let read_only =
            Usage { id: 2, size: GIB, free: GIB, inodes: 0, free_inodes: 0, is_read_only: true };
        assert_eq!(of(Answer::Is(read_only)), "fail file-system-read-only");
    }
}
