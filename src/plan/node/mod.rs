//! What only the plan of a node has: its role and its quorum, whose data lies here, and the files of its operator.

pub mod conflicts;
pub mod identity;
pub mod resume;
mod votes;

use super::manifest::Manifest;
use super::{Inputs, Plan, PlanError};
use crate::role::Role;
use crate::state::{Contents, Daemon, DesiredState, Observed};
pub use identity::UnrecordedData;

/// What the plan of a node is made of.
pub struct NodeInputs<'a> {
    /// What should be.
    pub desired: DesiredState,
    /// What is.
    pub observed: &'a Observed,
    /// What was written last time.
    pub manifest: &'a Manifest,
    /// The role of the node.
    pub role: Role,
    /// The instance.
    pub instance: &'a str,
    /// What people have to know of this machine, from its facts.
    pub notes: &'a [String],
    /// What to do with server data that nobody recorded.
    pub unrecorded_data: UnrecordedData,
}

/// The plan of a node.
pub fn plan(mut inputs: NodeInputs<'_>) -> Result<Plan, PlanError> {
    let mut notes = inputs.notes.to_vec();
    notes.extend(notes_of_files(&inputs)?);
    notes.extend(inputs.observed.dead_links.iter().map(|(daemon, path)| {
        format!(
            "{path} is a broken link, and {} does not start while it exists; remove it",
            daemon.unit()
        )
    }));
    inputs.desired.moves = identity::moves(&inputs)?;
    inputs.desired.identity.leaving = votes::leaving(&inputs);
    let NodeInputs { desired, observed, manifest, .. } = &inputs;
    let mut plan = Plan::between(&Inputs { desired, observed, manifest })?;
    notes.append(&mut plan.notes);
    plan.notes = notes;
    plan.votes = votes::now(&inputs);
    plan.ends = votes::ends(&inputs, &plan);
    Ok(plan)
}

/// What is to be said of files and settings that are not the agent's own; the first file that is refused ends the plan.
fn notes_of_files(inputs: &NodeInputs<'_>) -> Result<Vec<String>, PlanError> {
    let is_first = inputs.manifest.instance.as_deref() != Some(inputs.instance);
    let mut notes = Vec::new();
    for file in &inputs.observed.operator_files {
        let judged = conflicts::judge(file, Some(inputs.role), is_first);
        if let Some(conflict) = judged.refused {
            return Err(conflict.into());
        }
        notes.extend(judged.notes);
    }
    for file in &inputs.desired.files {
        let daemon = Daemon::ALL.into_iter().find(|one| one.file() == file.path);
        if let (Some(daemon), Contents::Json(document)) = (daemon, &file.contents) {
            notes.extend(conflicts::said_of_ours(daemon, &document.value));
        }
    }
    Ok(notes)
}
