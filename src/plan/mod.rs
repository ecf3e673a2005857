//! PURE: desired against observed, with the manifest of the last run. Out: a [`Plan`], which `apply` carries out and
//! `plan` shows; nothing else is ever done.

mod actions;
mod compare;
pub mod conflicts;
mod diff;
pub mod display;
mod due;
mod error;
mod guard;
pub mod identity;
pub mod keys;
mod login;
mod logins;
pub mod manifest;
mod operator_file;
mod redact;
pub mod resume;
mod units;
mod votes;

use crate::node::Formation;
use crate::role::Role;
use crate::state::Observed;
use crate::state::{Action, Contents, Daemon, DesiredState, Folder, Moment, Owner, Place};
pub use error::PlanError;
use manifest::Manifest;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What to do with server data that nobody recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UnrecordedData {
    /// Refuse: moving a quorum's data is not ours to decide.
    #[default]
    Refuse,
    /// It is this instance's: keep it.
    Adopt,
    /// It is not: move it aside.
    Discard,
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
    MoveAside {
        /// Whose data it is.
        daemon: Daemon,
        /// The directory that has it afterwards: the data's own under another name, or one in it where it lies elsewhere.
        to: String,
        /// Where it lies.
        place: Place,
        /// The instance that made it, if it is known.
        of: Option<String>,
    },
    /// A half-written file of a crash goes.
    Sweep {
        /// The path beside which it lies.
        path: String,
    },
    /// A folder is made, or gets its mode and owner.
    MakeFolder(Folder),
    /// A file is written.
    Write(Write),
    /// A file that we wrote and no longer want goes.
    Remove {
        /// The path.
        path: String,
        /// Its contents until now.
        before: Vec<u8>,
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
    pub bytes: Vec<u8>,
    /// The permission bits.
    pub mode: u32,
    /// The owner; for an operator's file `None`, which keeps the one it has.
    pub owner: Option<Owner>,
    /// The ids of the owner, where owners count.
    pub ids: Option<(u32, u32)>,
    /// The contents until now.
    pub before: Option<Vec<u8>>,
    /// Whether somebody else wrote them, so that nothing of them is shown but what is ours too.
    pub foreign: bool,
    /// Our keys before and after, where the rest of the file is the operator's and nobody else's to see.
    pub keys: Option<(Map<String, Value>, Map<String, Value>)>,
    /// What else changes in a file of the operator, in words.
    pub besides: Vec<String>,
    /// Why.
    pub why: Why,
}

/// Why a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is not there.
    New,
    /// It shall be another.
    Changed,
    /// Somebody else changed or replaced it.
    EditedByHand,
    /// Only mode or owner are not as they shall be.
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

/// Everything that `apply` will do, in this order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Whether nothing was ever applied for this instance.
    pub is_first: bool,
    /// The changes of the disk.
    pub changes: Vec<Change>,
    /// The actions.
    pub actions: Vec<PlannedAction>,
    /// The units that this node would run and that an operator has masked.
    pub masked: Vec<&'static str>,
    /// Actions that stay due while their unit is masked.
    pub held: Vec<PlannedAction>,
    /// What people have to know of this machine besides, a sentence each; `apply` puts it into the status.
    pub notes: Vec<String>,
    /// The daemons in whose quorum this instance votes so far.
    pub votes: BTreeSet<Daemon>,
    /// Those of them that are no longer such a server once this plan is carried out.
    pub ends: BTreeSet<Daemon>,
    /// The manifest while the plan is carried out.
    pub during: Manifest,
    /// The manifest when all is done.
    pub after: Manifest,
}

/// The inputs of a plan.
pub struct Inputs<'a> {
    /// What shall be.
    pub desired: &'a DesiredState,
    /// What is.
    pub observed: &'a Observed,
    /// What was written last time.
    pub manifest: &'a Manifest,
    /// The role of the node.
    pub role: Role,
    /// The instance.
    pub instance: &'a str,
    /// What the quorum guard found.
    pub formation: &'a Formation,
    /// What people have to know of this machine, from its facts.
    pub notes: &'a [String],
    /// What to do with server data that nobody recorded.
    pub unrecorded_data: UnrecordedData,
}

impl Plan {
    /// Compares what shall be with what is.
    pub fn between(inputs: &Inputs<'_>) -> Result<Self, PlanError> {
        let is_first = inputs.manifest.instance.as_deref() != Some(inputs.instance);
        let of_operators = notes_of_files(inputs, is_first)?;
        // First of all: what is moved or written afterwards is out of the reach of others.
        let mut changes = guard::changes(inputs)?;
        changes.extend(identity::changes(inputs)?);
        changes.extend(
            inputs.observed.leftovers.iter().map(|path| Change::Sweep { path: path.clone() }),
        );
        for folder in &inputs.desired.folders {
            changes.extend(compare::folder_change(folder, inputs, &changes)?);
        }
        let mut after = Manifest {
            schema: manifest::SCHEMA.to_owned(),
            instance: Some(inputs.instance.to_owned()),
            role: Some(inputs.role.name().to_owned()),
            formation: inputs.formation.clone(),
            agent: inputs.observed.agent.clone(),
            leaving: votes::leaving(inputs),
            ..Manifest::default()
        };
        let mut notes = [inputs.notes, &of_operators].concat();
        notes.extend(inputs.observed.dead_links.iter().map(|(daemon, path)| {
            format!("{path} is a link that leads nowhere, and {} does not start while it is there; remove it", daemon.unit())
        }));
        for file in &inputs.desired.files {
            if compare::is_masked(&file.path, inputs.observed) {
                continue;
            }
            let compare::Compared { write, written, notes: of_file } =
                compare::file_change(file, inputs)?;
            notes.extend(of_file);
            changes.extend(write.as_ref().and_then(|write| compare::kept_copy(write, inputs)));
            changes.extend(write.map(Change::Write));
            after.files.insert(file.path.clone(), written);
        }
        changes.extend(compare::removals(inputs)?);
        let mut actions = actions::due(inputs, &changes);
        let (masked, held) = (units::masked(inputs), units::hold(&mut actions, inputs));
        let all = || actions.iter().chain(&held);
        after.since = since(inputs, all());
        let during = manifest::during(inputs, &after, &changes, all());
        if inputs.observed.is_off {
            // A machine that is off has no units, and a tool of this host does not work below another root.
            actions.clear();
        }
        let (votes, ends) = (votes::now(inputs), votes::ends(inputs, &changes, &actions));
        Ok(Self { is_first, changes, actions, masked, held, notes, votes, ends, during, after })
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.actions.is_empty()
    }

    /// The files that are written.
    pub fn writes(&self) -> impl Iterator<Item = &Write> {
        self.changes.iter().filter_map(|change| match change {
            Change::Write(write) => Some(write),
            _ => None,
        })
    }
}

/// What is to be said of files and settings that are not the agent's own; the first file that is refused ends the plan.
fn notes_of_files(inputs: &Inputs<'_>, is_first: bool) -> Result<Vec<String>, PlanError> {
    let mut notes = Vec::new();
    for file in &inputs.observed.operator_files {
        let judged = conflicts::judge(file, Some(inputs.role), is_first);
        if let Some(conflict) = judged.refused {
            return Err(conflict.into());
        }
        notes.extend(judged.notes);
    }
    for file in &inputs.desired.files {
        let daemon =
            [Daemon::Consul, Daemon::Nomad].into_iter().find(|one| one.file() == file.path);
        if let (Some(daemon), Contents::Text(text)) = (daemon, &file.contents) {
            notes.extend(conflicts::said_of_ours(daemon, text.as_bytes()));
        }
    }
    Ok(notes)
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Since when units have to restart, where it is not this plan that makes it due.
fn since<'a>(
    inputs: &Inputs<'_>,
    planned: impl Iterator<Item = &'a PlannedAction>,
) -> BTreeMap<String, Moment> {
    let old: BTreeSet<&str> = planned
        .filter(|planned| !planned.is_new)
        .filter_map(|planned| planned.action.unit())
        .collect();
    let since = inputs.manifest.since.iter().filter(|(unit, _)| old.contains(unit.as_str()));
    since.map(|(unit, moment)| (unit.clone(), moment.clone())).collect()
}
