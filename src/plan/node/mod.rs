//! The part of a plan that only a node has: its role, its quorum, the owner of its data, and the operator's files.

pub mod conflicts;
pub mod identity;
pub mod resume;
mod votes;

use super::manifest::Manifest;
use super::{Inputs, Plan, PlanError};
use crate::role::Role;
use crate::state::{Contents, Daemon, DesiredState, Observed};
pub use identity::UnrecordedData;

/// The inputs of the plan of a node.
pub struct NodeInputs<'a> {
    /// The desired state.
    pub desired: DesiredState,
    /// The observed state.
    pub observed: &'a Observed,
    /// The manifest of the last run.
    pub manifest: &'a Manifest,
    /// The role of the node.
    pub role: Role,
    /// The id of this instance.
    pub instance: &'a str,
    /// Notes for people from the facts, one sentence each.
    pub notes: &'a [String],
    /// What to do with server data that no record assigns to an instance.
    pub unrecorded_data: UnrecordedData,
}

/// Makes the plan of a node.
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

/// The notes on the operator's files, and on settings that are not the agent's own. The first file that is refused fails
/// the plan.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Document, File, Notify, ROOT, Shape};
    use serde_json::json;

    #[test]
    fn what_the_settings_set_is_judged_by_the_keys_of_the_daemon_whose_file_it_is() {
        for (daemon, configuration, words) in [
            (Daemon::Consul, json!({"domain": "corp"}), "the settings set `consul.extra.domain`: "),
            (
                Daemon::Nomad,
                json!({"tls": {"http": true}}),
                "the settings set `nomad.extra.tls.http`: ",
            ),
        ] {
            let document = Document::of(&configuration, Shape::Plain);
            let file = File {
                path: daemon.file().to_owned(),
                contents: Contents::Json(document),
                mode: 0o640,
                owner: ROOT,
                notify: Notify::nobody(),
            };
            let notes = notes_of_files(&NodeInputs {
                desired: DesiredState { files: vec![file], ..DesiredState::default() },
                observed: &Observed::default(),
                manifest: &Manifest::default(),
                role: Role::NomadClient,
                instance: "i-1",
                notes: &[],
                unrecorded_data: UnrecordedData::Refuse,
            })
            .unwrap();
            assert!(notes.len() == 1 && notes[0].starts_with(words), "{notes:?}");
        }
    }
}
