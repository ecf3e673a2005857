//! The machine as it is: what is looked at, in nouns that a plan compares.

use super::{Daemon, Kind, Place, Sealed, UnitState};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// What `lstat` says of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: Kind,
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change of the contents, in nanoseconds since the epoch.
    pub mtime_nanos: i128,
    /// The permission bits.
    pub mode: u32,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// A file in a daemon's directory that is not ours.
#[derive(Clone, PartialEq, Eq)]
pub struct OperatorFile {
    /// The daemon that loads it.
    pub daemon: Daemon,
    /// Its path, as people read it.
    pub path: String,
    /// Its name, which need not be UTF-8.
    pub name: OsString,
    /// Its contents.
    pub bytes: Vec<u8>,
}

/// A path as it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Seen {
    /// What `lstat` says.
    pub stat: Stat,
    /// The contents, for a regular file.
    pub bytes: Vec<u8>,
}

/// Whatever is on a disk may be a secret: it shows its fingerprint.
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
    /// Whether anything is in the folder.
    pub present: bool,
    /// Whether it is a server's.
    pub of_server: bool,
    /// The names beside the folder, which a name for moving aside must not be.
    pub siblings: Vec<OsString>,
    /// Where the folder lies.
    pub place: Place,
}

/// A file that only root may write, whoever owns it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardedFile {
    /// Its path, as people read it.
    pub path: String,
    /// Its path, which need not be UTF-8.
    pub real: PathBuf,
    /// What it is.
    pub stat: Stat,
}

/// The machine as it is.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Whether owners count here.
    pub keeps_owners: bool,
    /// Path → what is there; absent paths are not in it.
    pub files: BTreeMap<String, Seen>,
    /// Paths beside which a crash left a half-written file.
    pub leftovers: Vec<String>,
    /// Files of the operator in the daemons' folders.
    pub operator_files: Vec<OperatorFile>,
    /// Links in the daemons' folders that lead nowhere, and without which their daemon starts.
    pub dead_links: Vec<(Daemon, String)>,
    /// The data of all daemons.
    pub data: Vec<Data>,
    /// Files in the directories that root reads alone.
    pub guarded_files: Vec<GuardedFile>,
    /// Whether this is the root directory of a machine that is off: it has no units, and starts them all when it boots.
    pub is_off: bool,
    /// What the trust store holds by now, where authorities go into it.
    pub trust_bundle: Vec<u8>,
    /// The ids of the owners, where they exist.
    pub owners: BTreeMap<(&'static str, &'static str), (u32, u32)>,
    /// The agent's program, as the manifest has it; `None` where it is not installed here.
    pub agent: Option<String>,
    /// Unit → state, or `None` where units are not ours to start.
    pub units: Option<BTreeMap<String, UnitState>>,
}

impl Observed {
    /// Whether a unit runs; `None` where units are not ours to ask for.
    pub fn is_up(&self, unit: &str) -> Option<bool> {
        self.units.as_ref().map(|units| units.get(unit) == Some(&UnitState::Up))
    }

    /// Whether a unit runs, or will without our doing; `None` where units are not ours to ask for.
    pub fn comes_up(&self, unit: &str) -> Option<bool> {
        let comes = |state: &UnitState| matches!(state, UnitState::Up | UnitState::Queued);
        self.units.as_ref().map(|units| units.get(unit).is_some_and(comes))
    }

    /// The state of a unit, where units are ours to ask for.
    pub fn state(&self, unit: &str) -> Option<UnitState> {
        self.units.as_ref()?.get(unit).copied()
    }
}
