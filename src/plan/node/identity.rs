//! Whose data lies on the disk: only data that a record assigns to another instance is moved aside.
//!
//! An image that was baked from a living node carries its node ids and Raft log; its clones would fight over one
//! identity (hashicorp/consul 3070). A stopped and started instance, on the other hand, keeps everything.

use super::NodeInputs;
use crate::plan::PlanError;
use crate::plan::manifest::Manifest;
use crate::state::{Data, MoveAside, Place, ROOT};

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

/// Whether data goes aside, if there is any: it is recorded as another instance's, or it was given up.
pub fn is_moved(manifest: &Manifest, instance: &str, unrecorded_data: UnrecordedData) -> bool {
    match (&manifest.instance, unrecorded_data) {
        (Some(recorded), _) if recorded == instance => false,
        (_, UnrecordedData::Adopt) => false,
        (Some(_), _) | (None, UnrecordedData::Discard) => true,
        (None, UnrecordedData::Refuse) => false,
    }
}

/// The data that is moved aside.
pub(super) fn moves(inputs: &NodeInputs<'_>) -> Result<Vec<MoveAside>, PlanError> {
    let present = || inputs.observed.data.iter().filter(|data| data.present);
    let recorded = inputs.manifest.instance.as_ref();
    if is_moved(inputs.manifest, inputs.instance, inputs.unrecorded_data) {
        return Ok(present().map(|data| aside(data, recorded)).collect());
    }
    let is_refused = recorded.is_none() && inputs.unrecorded_data == UnrecordedData::Refuse;
    match present().find(|data| data.of_server && is_refused) {
        Some(data) => Err(PlanError::UnrecordedData { daemon: data.daemon }),
        // A client's data holds nothing that cannot be made again, and ids that are worth keeping.
        None => {
            let own = inputs.instance.to_owned();
            let foreign = present().filter(|data| was_another_users(data, inputs));
            Ok(foreign.map(|data| aside(data, Some(&own))).collect())
        }
    }
}

/// Whether root's daemon would start on data that another user could write, as that of a server that becomes a client: Nomad
/// runs as root there, and with it what lies below `plugins`.
/// (<https://developer.hashicorp.com/nomad/docs/configuration#plugin_dir>)
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
        // On another volume it stays there. Neither daemon looks at names that it did not make.
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
