//! What a plan consists of: one step after the other, each in its phase.

use crate::state::{Action, Bytes, Directory, MoveAside, Owner};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// The phases of a plan, in the order in which they are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Units stop below which something moves.
    Stop,
    /// Directories are moved, made and closed.
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
    /// When it is taken.
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

/// One change of the disk.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// What somebody else could write becomes root's to write.
    Guard {
        /// The path, as people read it.
        path: String,
        /// The path, which need not be UTF-8.
        real: PathBuf,
        /// The permission bits that it gets.
        mode: u32,
        /// The owner that it gets.
        ids: (u32, u32),
        /// The permission bits until now.
        mode_before: u32,
        /// The owner until now.
        ids_before: (u32, u32),
    },
    /// Data of another instance goes out of the way.
    MoveAside(MoveAside),
    /// A half-written file of a crash goes.
    Sweep {
        /// The path beside which it lies.
        path: String,
    },
    /// A directory is made, or gets its mode and owner.
    MakeDirectory(Directory),
    /// A file is written.
    Write(Write),
    /// A file that we wrote and no longer want goes.
    Remove {
        /// The path.
        path: String,
        /// Its contents until now.
        before: Bytes,
        /// Whether somebody else wrote them, so that nothing of them is shown.
        foreign: bool,
    },
}

/// A file that is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// The path.
    pub path: String,
    /// The contents.
    pub bytes: Bytes,
    /// The permission bits.
    pub mode: u32,
    /// Who owns it.
    pub ownership: Ownership,
    /// The contents until now.
    pub before: Option<Bytes>,
    /// Whether somebody else wrote them, so that nothing of them is shown but what is ours too.
    pub foreign: bool,
    /// Our keys before and after, where the rest of the file is the operator's and nobody else's to see.
    pub keys: Option<(Map<String, Value>, Map<String, Value>)>,
    /// What else changes in a file of the operator, in words.
    pub besides: Vec<String>,
    /// Why.
    pub why: Why,
}

/// Who owns a file that is written. The ids are there where owners count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// We do: it gets this owner.
    Ours {
        /// The owner.
        owner: Owner,
        /// User and group.
        ids: Option<(u32, u32)>,
    },
    /// The operator does: it keeps the owner that it has.
    Operators {
        /// User and group.
        ids: Option<(u32, u32)>,
    },
}

impl Ownership {
    /// User and group, where owners count.
    pub fn ids(self) -> Option<(u32, u32)> {
        match self {
            Self::Ours { ids, .. } | Self::Operators { ids } => ids,
        }
    }
}

/// Why a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is not there.
    New,
    /// It should be another.
    Changed,
    /// Somebody else changed or replaced it.
    EditedByHand,
    /// Only mode or owner differ.
    Attributes,
}

/// An action, and the changes that make it due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedAction {
    /// The action.
    pub action: Action,
    /// Why.
    pub because: Vec<String>,
    /// Whether a change of this plan makes it due, and not an earlier run or the state of a unit alone.
    pub is_new: bool,
}
