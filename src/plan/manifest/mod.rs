//! What the agent wrote last time, and which actions are still pending. The disk alone cannot tell.

mod actions;

use super::{Inputs, PlannedAction, due, keys};
use crate::state::{Action, Daemon, Formation, Moment};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The record of the last `apply`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Id of the instance on which it was written. Data of another instance came with an image.
    pub instance: Option<String>,
    /// Name of the role, as in the tag `cos:role`.
    pub role: Option<String>,
    /// What the quorum guard found for this instance in this role.
    #[serde(default, skip_serializing_if = "Formation::is_usual")]
    pub formation: Formation,
    /// The agent program that the agent's own units run: size and modification time of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The daemons in whose quorum this instance voted in an earlier role, and which have not stopped or restarted since.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub leaving: BTreeSet<Daemon>,
    /// Absolute path → the record of the file there.
    pub files: BTreeMap<String, Written>,
    /// Actions that were due and may not have happened. Reading skips the actions of a newer agent.
    #[serde(with = "actions")]
    pub pending: Vec<Action>,
    /// Unit name → since when its restart is due. If somebody has started the unit after that, it has read its new files
    /// and needs no restart.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub since: BTreeMap<String, Moment>,
}

/// The record of a file that the agent wrote.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// SHA-256 of its contents, hexadecimal; never the contents, which may hold secrets.
    pub sha256: String,
    /// Actions that become due when the file is removed. For a file of an older agent, the actions that it derived from the
    /// path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<Action>,
    /// Whether it holds a secret. If so, what an older agent or a person wrote there is not shown either.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// SHA-256 of the contents before, hexadecimal, while the file is being replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// The agent's keys, if the file belongs to the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<serde_json::Map<String, serde_json::Value>>,
    /// The agent's keys from before, while the file is being replaced: a crash may leave their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub was: Vec<serde_json::Map<String, serde_json::Value>>,
    /// The operator's values that the agent's keys replaced, in the same shape. They are restored when the agent's keys are
    /// removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<serde_json::Map<String, serde_json::Value>>,
    /// Whether the agent created the file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub created: bool,
}

impl Written {
    /// Every set of the agent's keys that may be in the file.
    pub fn all_keys(&self) -> Vec<&serde_json::Map<String, serde_json::Value>> {
        self.keys.iter().chain(&self.was).collect()
    }
}

impl Manifest {
    /// Adds the actions that the removal of each file triggers, where an older agent did not record them.
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

/// The manifest once a plan is carried out, without the files.
pub(super) fn of(inputs: &Inputs<'_>) -> Manifest {
    let identity = inputs.desired.identity.clone();
    Manifest {
        instance: identity.instance,
        role: identity.role,
        formation: identity.formation,
        leaving: identity.leaving,
        agent: inputs.observed.agent.clone(),
        ..Manifest::default()
    }
}

/// The manifest while the plan is carried out. It records old and new files, so that a crash at any point leaves a record
/// of each, and all actions as pending.
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
                // An earlier run that was interrupted may have left these contents on the disk.
                new.replaces.clone_from(&written.replaces);
                if new.sha256 != written.sha256 {
                    new.replaces = Some(written.sha256.clone());
                }
                // A crash can leave old or new keys, and the agent must be able to remove both.
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
    // The new agent goes on record only once the agent's own units run it.
    during.agent.clone_from(&before.agent);
    // The recorded instance must not change before the data has been moved.
    if !inputs.desired.moves.is_empty() {
        during.instance.clone_from(&before.instance);
    }
    during
}
