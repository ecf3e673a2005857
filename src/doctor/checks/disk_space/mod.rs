//! The file systems to which this node writes have space, may be written, and answer.

mod judge;

use crate::doctor::Check;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page};
use crate::role::Role;
use crate::state::Daemon;
use crate::system::aside::aside;
use crate::system::machine::{self, Space};
use crate::system::mounts::{self, Mount};
use futures_util::future::join_all;
use judge::judge;
use std::io;
use std::path::Path;
use std::time::Duration;

topics! {
    FULL: "space-used",
        "run `du -xhd1 {point} | sort -h | tail` to see what fills it; `journalctl --vacuum-size=200M` shrinks the journal; or \
         enlarge the EBS volume and the file system";
    DATA_FULL: "space-used-by-data",
        "run `du -xhd1 {point} | sort -h | tail` to see what fills it; remove what nothing needs, or enlarge the file system";
    DOCKER_FULL: "space-used-by-docker",
        "run `docker image prune -a --filter until=168h` and `docker system df -v`; `du -xhd1 {point} | sort -h | tail` shows the \
         rest; or enlarge the EBS volume and the file system";
    FEW_INODES: "inodes-used",
        "run `du -x --inodes -d2 {point} | sort -n | tail` to see which directory has the many small files, then remove them";
    READ_ONLY: "mount-read-only",
        "look at `journalctl -k -b | grep -iE 'remount|I/O error'`; if the volume is sound, run `mount -o remount,rw {point}`, else \
         replace the volume or the instance";
    HANGS: "mount-hangs",
        "look at `findmnt -T {point}` and `journalctl -k -b -n 50`; if it is NFS or EFS, check that its port 2049 is open, or detach \
         it with `umount -l`; if it is EBS, check the volume in the EC2 console";
    BROKEN: "mount-broken",
        "look at `findmnt -T {point}` and `journalctl -k -b -n 50`; mount it again, or replace the volume or the instance";
}

/// Longest wait for a file system.
const ANSWER: Duration = Duration::from_secs(1);
/// The root, on which much is written that has no row of its own.
const ROOT: &str = "/";
/// The journal, unless it is on the root.
const LOGS: &str = "/var/log";
const DOCKER: &str = "/var/lib/docker";
/// The paths to which this node writes. What is not there is passed over.
const PATHS: [&str; 8] = [
    ROOT,
    "/etc",
    "/run",
    LOGS,
    "/var/lib/cos-agent",
    Daemon::Consul.data(),
    Daemon::Nomad.data(),
    DOCKER,
];

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "disk-space",
        title: "the file systems of this node have space and answer",
        group: Group::Machine,
        roles: Role::ALL,
        needs: &[],
        explains: &[
            "boot-phases",
            "units-state",
            "consul-agent-api",
            "nomad-agent-api",
            "docker-daemon",
            "plan-made",
        ],
        impact: Impact::Down,
        timeout: Duration::from_secs(3),
        page: Page {
            means: "The file systems of /, /etc, /run, /var/log, /var/lib/cos-agent, /opt/consul/data, /opt/nomad/data and \
                    /var/lib/docker answer within 1 s, may be written, and are at most 92 % full, in bytes and in inodes.",
            matters: "A server that cannot write its Raft log leaves the quorum, docker pulls no image, and `apply` fails.",
            look: &["df -h", "df -i", "findmnt -o TARGET,SOURCE,FSTYPE,OPTIONS"],
            fixes: &[TOPICS],
            source: "https://man7.org/linux/man-pages/man3/statvfs.3.html",
        },
    },
    probe: |_| Box::pin(probe()),
    changed: None,
};

/// What became of the question about a path.
#[derive(Debug)]
enum Answer {
    Space(Space),
    Failed(io::Error),
    Hangs,
}

/// A file system with the paths on it.
#[derive(Debug)]
struct Asked {
    /// The paths to which this node writes, at least one.
    paths: Vec<&'static str>,
    /// Where it is mounted; `None` if the table of mounts does not say so.
    mount: Option<Mount>,
    answer: Answer,
}

impl Asked {
    /// The mount point, else the first path.
    fn point(&self) -> &str {
        let first = self.paths.first().copied().unwrap_or(ROOT);
        self.mount.as_ref().map_or(first, |mount| mount.point.as_str())
    }
}

async fn probe() -> Finding {
    let (table, answers) =
        futures_util::future::join(aside(async || mounts::all()), join_all(PATHS.map(ask))).await;
    judge(&distinct(answers.into_iter().flatten().collect(), &table.unwrap_or_default()))
}

/// Asks on a thread of its own, which a file system that hangs keeps until the process ends.
async fn ask(path: &'static str) -> Option<(&'static str, Answer)> {
    let asked = aside(async move || machine::space(Path::new(path)));
    let answer = match tokio::time::timeout(ANSWER, asked).await {
        Err(_) => Answer::Hangs,
        Ok(Some(Ok(Some(space)))) => Answer::Space(space),
        // A user who is not root may not look there.
        Ok(Some(Err(error))) if error.kind() != io::ErrorKind::PermissionDenied => {
            Answer::Failed(error)
        }
        Ok(_) => return None,
    };
    Some((path, answer))
}

/// Each file system once. One that does not answer has no number, so there the mount point decides.
fn distinct(answers: Vec<(&'static str, Answer)>, table: &[Mount]) -> Vec<Asked> {
    let mut distinct: Vec<Asked> = Vec::new();
    for (path, answer) in answers {
        let place = match &answer {
            Answer::Space(space) => space.place.as_path(),
            Answer::Failed(_) | Answer::Hangs => Path::new(path),
        };
        let mount = mounts::holding(table, place).cloned();
        let is_same = |asked: &&mut Asked| match (&asked.answer, &answer) {
            (Answer::Space(one), Answer::Space(other)) => {
                (one.device, one.is_read_only) == (other.device, other.is_read_only)
            }
            (Answer::Hangs, Answer::Hangs) | (Answer::Failed(_), Answer::Failed(_)) => {
                asked.mount == mount
            }
            _ => false,
        };
        match distinct.iter_mut().find(is_same) {
            Some(asked) => asked.paths.push(path),
            None => distinct.push(Asked { paths: vec![path], mount, answer }),
        }
    }
    distinct
}
