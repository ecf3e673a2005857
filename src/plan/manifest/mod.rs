//! What the agent wrote last time, and which actions are still pending: what the disk alone cannot tell.

mod actions;

use super::{Inputs, PlannedAction, due, keys};
use crate::state::{Action, Daemon, Formation, Moment};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The version of its form.
pub const SCHEMA: &str = "cos-agent/manifest/1";

/// The record of the last `apply`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this form.
    pub schema: String,
    /// The instance that it was written on: data of another one came with an image.
    pub instance: Option<String>,
    /// The role.
    pub role: Option<String>,
    /// What the quorum guard found; of this instance in this role.
    #[serde(default, skip_serializing_if = "Formation::is_usual")]
    pub formation: Formation,
    /// The agent that runs the units of ours: size and time of change of its program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The daemons in whose quorum this instance voted in an earlier role, and which have not stopped or restarted since.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub leaving: BTreeSet<Daemon>,
    /// Path → what was written.
    pub files: BTreeMap<String, Written>,
    /// Actions that were due and are not known to have happened; those of a newer agent are passed over.
    #[serde(with = "actions")]
    pub pending: Vec<Action>,
    /// Unit → since when a restart of it is due: one that somebody else has started since has read what it shall read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub since: BTreeMap<String, Moment>,
}

/// A file that was written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// SHA-256 of its contents, hexadecimal; never the contents, which may hold secrets.
    pub sha256: String,
    /// What has to happen when it is removed; of a file that an older agent wrote, what that one did by its path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<Action>,
    /// Whether it holds a secret, so that nobody sees what an older agent or a hand made of it either.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// While it is being replaced: SHA-256 of the contents before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// Our keys, where the file belongs to the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<serde_json::Map<String, serde_json::Value>>,
    /// While it is being replaced: our keys of before, of which a crash may leave the values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub was: Vec<serde_json::Map<String, serde_json::Value>>,
    /// The values of the operator that our keys replaced, in the same shape: they are given back when ours go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<serde_json::Map<String, serde_json::Value>>,
    /// Whether the file was not there before us.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub created: bool,
}

impl Written {
    /// Our keys that may be in the file.
    pub fn all_keys(&self) -> Vec<&serde_json::Map<String, serde_json::Value>> {
        self.keys.iter().chain(&self.was).collect()
    }
}

impl Manifest {
    /// The same with what the removal of each file triggers, which an older agent did not write down.
    #[must_use]
    pub fn with_notify(mut self) -> Self {
        for (path, written) in &mut self.files {
            if written.notify.is_empty() {
                written.notify = actions::of_path(path);
            }
        }
        self
    }
}

/// The manifest when a plan is carried out, but for its files.
pub(super) fn of(inputs: &Inputs<'_>) -> Manifest {
    let identity = inputs.desired.identity.clone();
    Manifest {
        schema: SCHEMA.to_owned(),
        instance: identity.instance,
        role: identity.role,
        formation: identity.formation,
        leaving: identity.leaving,
        agent: inputs.observed.agent.clone(),
        ..Manifest::default()
    }
}

/// The manifest while the plan is carried out: old and new files, so that a crash at any point leaves a record of
/// each, and all actions pending.
pub(super) fn during<'a>(
    inputs: &Inputs<'_>,
    after: &Manifest,
    planned: impl Iterator<Item = &'a PlannedAction>,
) -> Manifest {
    let before = inputs.manifest;
    let mut during = after.clone();
    for (path, written) in &before.files {
        match during.files.get_mut(path) {
            Some(new) => {
                // What an earlier run was stopped at may be on the disk still.
                new.replaces.clone_from(&written.replaces);
                if new.sha256 != written.sha256 {
                    new.replaces = Some(written.sha256.clone());
                }
                // Keys of before and after: whichever of them a crash leaves is ours to take back.
                if let (Some(old), Some(ours)) = (&written.keys, &new.keys) {
                    let was = written.was.iter().chain([old]).filter(|keys| *keys != ours);
                    new.was = was.cloned().collect();
                    new.keys = Some(keys::merged(old, ours));
                }
            }
            None => {
                during.files.insert(path.clone(), written.clone());
            }
        }
    }
    during.pending = planned.filter_map(|planned| due::recorded(planned, inputs)).collect();
    during.pending.sort();
    // Until the units of ours run by this agent, it is not on record.
    during.agent.clone_from(&before.agent);
    // Whose the data is stays as it was until it has been moved.
    if !inputs.desired.moves.is_empty() {
        during.instance.clone_from(&before.instance);
    }
    during
}
