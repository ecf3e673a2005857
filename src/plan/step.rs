//! The steps of a plan, each in its phase.

use crate::state::{Action, Bytes, Directory, MoveAside, Owner};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// The phases of a plan, in the order in which they are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Daemons stop before their data is moved.
    Stop,
    /// Directories are moved, created and protected; half-written files are removed.
    Disk,
    /// Files are written, all of them or none.
    Write,
    /// Files that are no longer wanted are removed.
    Remove,
    /// Tools run, and units stop, start, restart and reload.
    Act,
}

impl Phase {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Disk => "disk",
            Self::Write => "write",
            Self::Remove => "remove",
            Self::Act => "act",
        }
    }
}

/// A step of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The phase in which it runs.
    pub phase: Phase,
    /// What it does.
    pub what: What,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// It changes the disk.
    Change(Change),
    /// It runs a tool, or does something to a unit.
    Action(PlannedAction),
}

impl From<Change> for Step {
    fn from(change: Change) -> Self {
        let phase = match change {
            Change::Guard { .. }
            | Change::MoveAside(_)
            | Change::Sweep { .. }
            | Change::MakeDirectory(_) => Phase::Disk,
            Change::Write(_) => Phase::Write,
            Change::Remove { .. } => Phase::Remove,
        };
        Self { phase, what: What::Change(change) }
    }
}

/// One change to the disk.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A path that others can write to gets a mode and owner that prevent it.
    Guard {
        /// The path as text, for people.
        path: String,
        /// The path to change, which need not be UTF-8.
        real: PathBuf,
        /// The new permission bits.
        mode: u32,
        /// The new user id and group id.
        ids: (u32, u32),
        /// The permission bits until now.
        mode_before: u32,
        /// The user id and group id until now.
        ids_before: (u32, u32),
    },
    /// Data that this instance must not use is moved aside.
    MoveAside(MoveAside),
    /// A half-written file that a crash left is removed.
    Sweep {
        /// The absolute path of the file that was being written; the half-written one lies beside it.
        path: String,
    },
    /// A directory is created, or gets its mode and owner.
    MakeDirectory(Directory),
    /// A file is written.
    Write(Write),
    /// A file that the agent wrote and no longer wants is removed.
    Remove {
        /// The absolute path.
        path: String,
        /// Its contents until now.
        before: Bytes,
        /// Whether somebody else wrote them; if so, the diff does not show them.
        foreign: bool,
    },
}

/// A file that is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// The absolute path.
    pub path: String,
    /// The new contents.
    pub bytes: Bytes,
    /// The permission bits.
    pub mode: u32,
    /// The owner of the file.
    pub ownership: Ownership,
    /// The contents until now; `None` if the file is new.
    pub before: Option<Bytes>,
    /// Whether somebody else wrote them; if so, the diff shows only the lines that the new contents have too.
    pub foreign: bool,
    /// The agent's keys before and after, if the file belongs to the operator; the diff shows nothing else of it.
    pub keys: Option<(Map<String, Value>, Map<String, Value>)>,
    /// Other changes in a file of the operator, in words.
    pub besides: Vec<String>,
    /// Why it is written.
    pub why: Why,
}

/// The owner of a file that is written. `ids` is `None` where owners are not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// The file is the agent's and gets this owner.
    Ours {
        /// The owner.
        owner: Owner,
        /// User id and group id.
        ids: Option<(u32, u32)>,
    },
    /// The file is the operator's and keeps its owner.
    Operators {
        /// User id and group id.
        ids: Option<(u32, u32)>,
    },
}

impl Ownership {
    /// User id and group id; `None` where owners are not kept.
    pub fn ids(self) -> Option<(u32, u32)> {
        match self {
            Self::Ours { ids, .. } | Self::Operators { ids } => ids,
        }
    }
}

/// Why a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The file does not exist.
    New,
    /// Other contents are desired.
    Changed,
    /// Somebody else changed or replaced what the agent wrote.
    EditedByHand,
    /// Only the mode or owner differs.
    Attributes,
}

/// An action, and the reasons why it is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedAction {
    /// The action.
    pub action: Action,
    /// The reasons, a few words each.
    pub because: Vec<String>,
    /// Whether a change of this plan makes it due, rather than only an earlier run or the state of a unit.
    pub is_new: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::ROOT;

    #[test]
    fn an_owner_is_kept_whoever_the_file_belongs_to() {
        for ids in [None, Some((100, 1000))] {
            assert_eq!(Ownership::Operators { ids }.ids(), ids);
            assert_eq!(Ownership::Ours { owner: ROOT, ids }.ids(), ids);
        }
    }
}
