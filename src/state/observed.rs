//! The machine as it is, in the types that a plan compares.

use super::{Daemon, PathKind, Place, Sealed, UnitState};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// The result of `lstat` for a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: PathKind,
    /// Size in bytes.
    pub size: u64,
    /// Modification time, in nanoseconds since the epoch.
    pub mtime_nanos: i128,
    /// The permission bits.
    pub mode: u32,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// A file in the directory of a daemon that is not the agent's.
#[derive(Clone, PartialEq, Eq)]
pub struct OperatorFile {
    /// The daemon that loads it.
    pub daemon: Daemon,
    /// Its path, for messages.
    pub path: String,
    /// Its name, which need not be UTF-8.
    pub name: OsString,
    /// Its contents.
    pub bytes: Vec<u8>,
}

/// A path as it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Seen {
    /// The result of `lstat`.
    pub stat: Stat,
    /// The contents, for a regular file.
    pub bytes: Vec<u8>,
}

/// Prints a fingerprint, because any file may hold a secret.
impl fmt::Debug for Seen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} {}", self.stat, Sealed::new(self.bytes.clone()))
    }
}

impl fmt::Debug for OperatorFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.path, Sealed::new(self.bytes.clone()))
    }
}

/// The data of a daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// The daemon.
    pub daemon: Daemon,
    /// Whether anything is in the directory.
    pub present: bool,
    /// Whether it is the data of a server.
    pub of_server: bool,
    /// The names of the entries beside the directory. Data that is moved aside must get another name.
    pub siblings: Vec<OsString>,
    /// Where the directory is.
    pub place: Place,
}

/// A file that only root may write, whoever owns it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardedFile {
    /// Its path, for messages.
    pub path: String,
    /// Its path, which need not be UTF-8.
    pub real: PathBuf,
    /// What it is.
    pub stat: Stat,
}

/// The machine as it is.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Whether the owners of files matter here.
    pub keeps_owners: bool,
    /// Path → what is there; absent paths are not in it.
    pub files: BTreeMap<String, Seen>,
    /// Paths beside which a crash has left a half-written file.
    pub leftovers: Vec<String>,
    /// Files of the operator in the directories of the daemons.
    pub operator_files: Vec<OperatorFile>,
    /// Broken links in the directories of the daemons, each of which keeps its daemon from starting.
    pub dead_links: Vec<(Daemon, String)>,
    /// The data of all daemons.
    pub data: Vec<Data>,
    /// Files in the directories that only root may write.
    pub guarded_files: Vec<GuardedFile>,
    /// Whether this is the root directory of a machine that is off: it has no units, and starts them all when it boots.
    pub is_off: bool,
    /// The bundle of the trust store, if authorities belong there.
    pub trust_bundle: Vec<u8>,
    /// The ids of the owners, where they exist.
    pub owners: BTreeMap<(&'static str, &'static str), (u32, u32)>,
    /// The agent's program, in the form of the manifest; `None` if it is not installed here.
    pub agent: Option<String>,
    /// Unit → state; `None` if the agent does not manage units here.
    pub units: Option<BTreeMap<String, UnitState>>,
}

impl Observed {
    /// Whether a unit runs; `None` if the agent does not manage units here.
    pub fn is_up(&self, unit: &str) -> Option<bool> {
        self.units.as_ref().map(|units| units.get(unit) == Some(&UnitState::Up))
    }

    /// Whether a unit runs or is queued to start; `None` if the agent does not manage units here.
    pub fn comes_up(&self, unit: &str) -> Option<bool> {
        let comes = |state: &UnitState| matches!(state, UnitState::Up | UnitState::Queued);
        self.units.as_ref().map(|units| units.get(unit).is_some_and(comes))
    }

    /// The state of a unit; `None` if the agent does not manage units here, or has not asked for this one.
    pub fn state(&self, unit: &str) -> Option<UnitState> {
        self.units.as_ref()?.get(unit).copied()
    }
}
