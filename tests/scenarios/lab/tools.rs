//! What the lab stands on: programs, certificates, the agent under test. What is missing is named.

use super::shell;
use crate::programs::{self, Program};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const PROGRAMS: [&str; 13] = [
    "awk",
    "bash",
    "debootstrap",
    "flock",
    "ip",
    "journalctl",
    "mount",
    "nft",
    "nsenter",
    "openssl",
    "setsid",
    "systemd-nspawn",
    "timeout",
];
/// Enough for several labs: a node takes ten, and the root of all nodes is one user.
const INOTIFY_INSTANCES: u32 = 1024;

/// This folder of the tree.
pub(crate) fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios").join(path)
}

/// Panics with the names of what this machine lacks.
pub(crate) fn check() {
    let path = std::env::var("PATH").unwrap_or_default();
    let there =
        |program: &&str| path.split(':').any(|folder| Path::new(folder).join(program).is_file());
    let mut missing: Vec<String> =
        PROGRAMS.iter().filter(|program| !there(program)).map(|name| format!("`{name}`")).collect();
    let mut need = |is_there: bool, what: &str| {
        if !is_there {
            missing.push(what.to_owned());
        }
    };
    let file = |path: &str| fs::read_to_string(path).unwrap_or_default();
    need(fs::metadata("/proc/self").unwrap().uid() == 0, "root");
    need(file("/proc/filesystems").contains("\toverlay\n"), "overlay in the kernel");
    need(file("/proc/self/mounts").contains(" cgroup2 "), "a mounted cgroup2");
    need(python().is_file(), "python with moto, of tests/tools/install");
    assert!(missing.is_empty(), "the lab needs {}", missing.join(", "));
    raise_inotify();
}

/// The one thing of the host that a lab changes; see the README.
fn raise_inotify() {
    let path = "/proc/sys/fs/inotify/max_user_instances";
    let found: u32 = fs::read_to_string(path).unwrap().trim().parse().unwrap();
    if found < INOTIFY_INSTANCES {
        fs::write(path, INOTIFY_INSTANCES.to_string()).unwrap();
    }
}

/// The interpreter that has moto.
pub(crate) fn python() -> PathBuf {
    programs::cache().join("venv/bin/python3")
}

/// Which Consul the nodes of a lab have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consul {
    /// The one that is to be baked.
    Usual,
    /// The oldest one that is supported.
    Oldest,
}

impl Consul {
    pub(crate) fn program(self) -> Program {
        match self {
            Self::Usual => programs::consul(),
            Self::Oldest => programs::oldest_consul(),
        }
    }
}

impl std::fmt::Display for Consul {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Consul {}", self.program().version.0)
    }
}

/// The agent under test.
pub(crate) fn agent() -> PathBuf {
    match std::env::var("COS_AGENT_BIN") {
        Ok(path) if !path.is_empty() => PathBuf::from(path),
        _ => match option_env!("CARGO_BIN_EXE_cos-agent") {
            Some(path) => PathBuf::from(path),
            None => panic!("COS_AGENT_BIN has to name the agent under test"),
        },
    }
}

/// The certificate authority of the site, made where it is not there yet: `ca.pem`, `aws.pem`, `aws.key`.
pub(crate) fn site() -> PathBuf {
    PathBuf::from(shell::ok(&[here("lab/site.sh")]).trim())
}
