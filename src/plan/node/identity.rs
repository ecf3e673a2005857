//! Which data on the disk this instance must not use. The agent moves data aside only if a record assigns it to another
//! instance, if the operator discards it, or if root's daemon would run on data that another user could write.
//!
//! An image of a running node holds its node ids and Raft log, so its clones would fight over one identity
//! (hashicorp/consul 3070). An instance that is stopped and started again keeps everything.

use super::NodeInputs;
use crate::plan::PlanError;
use crate::plan::manifest::Manifest;
use crate::state::{Data, MoveAside, Place, ROOT};

/// What to do with server data that no record assigns to an instance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UnrecordedData {
    /// Make no plan, because the agent must not decide to move the data of a quorum.
    #[default]
    Refuse,
    /// This instance created it: keep it.
    Adopt,
    /// This instance did not create it: move it aside.
    Discard,
}

/// Whether existing data is moved aside: a record assigns it to another instance, or the operator discards it.
pub fn is_moved(manifest: &Manifest, instance: &str, unrecorded_data: UnrecordedData) -> bool {
    match (&manifest.instance, unrecorded_data) {
        (Some(recorded), _) if recorded == instance => false,
        (_, UnrecordedData::Adopt) => false,
        (Some(_), _) | (None, UnrecordedData::Discard) => true,
        (None, UnrecordedData::Refuse) => false,
    }
}

/// The data to move aside.
pub(super) fn moves(inputs: &NodeInputs<'_>) -> Result<Vec<MoveAside>, PlanError> {
    let present = || inputs.observed.data.iter().filter(|data| data.present);
    let recorded = inputs.manifest.instance.as_ref();
    if is_moved(inputs.manifest, inputs.instance, inputs.unrecorded_data) {
        return Ok(present().map(|data| aside(data, recorded)).collect());
    }
    let is_refused = recorded.is_none() && inputs.unrecorded_data == UnrecordedData::Refuse;
    match present().find(|data| data.of_server && is_refused) {
        Some(data) => Err(PlanError::UnrecordedData { daemon: data.daemon }),
        // A client can create its data again, but its ids are worth keeping.
        None => {
            let own = inputs.instance.to_owned();
            let foreign = present().filter(|data| was_another_users(data, inputs));
            Ok(foreign.map(|data| aside(data, Some(&own))).collect())
        }
    }
}

/// Whether root's daemon would start on data that another user could write, as after a server becomes a client: Nomad then
/// runs as root, and so do the programs below `plugins`
/// (<https://developer.hashicorp.com/nomad/docs/configuration#plugin_dir>).
fn was_another_users(data: &Data, inputs: &NodeInputs<'_>) -> bool {
    let path = data.daemon.data();
    let is_roots = inputs
        .desired
        .directories
        .iter()
        .any(|directory| directory.path == path && directory.owner == ROOT);
    let seen = inputs.observed.files.get(path);
    inputs.observed.keeps_owners && is_roots && seen.is_some_and(|seen| seen.stat.uid != 0)
}

fn aside(data: &Data, of: Option<&String>) -> MoveAside {
    let directory = data.daemon.data();
    let (parent, name) = directory.rsplit_once('/').unwrap_or(("", directory));
    let label = of.map_or_else(|| "discarded".to_owned(), |instance| format!("of-{instance}"));
    if data.place != Place::Plain {
        // Data on another volume stays on that volume. Both daemons ignore names that they did not create.
        let (to, place) = (format!("{directory}/.{label}"), data.place.clone());
        return MoveAside { daemon: data.daemon, to, place, of: of.cloned() };
    }
    let free = (1..).map(|number| match number {
        1 => format!("{name}.{label}"),
        more => format!("{name}.{label}.{more}"),
    });
    let is_free = |candidate: &String| !data.siblings.iter().any(|name| name == candidate.as_str());
    let free = free.into_iter().find(is_free).unwrap_or_default();
    let (to, place) = (format!("{parent}/{free}"), Place::Plain);
    MoveAside { daemon: data.daemon, to, place, of: of.cloned() }
}
