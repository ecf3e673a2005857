//! Whose data lies on the disk: only data that a record assigns to another instance is moved aside.
//!
//! An image that was baked from a living node carries its node ids and Raft log; its clones would fight over one
//! identity (hashicorp/consul 3070). A stopped and started instance, on the other hand, keeps everything.

use super::{Change, Inputs, PlanError, UnrecordedData};
use crate::observe::Data;

/// The data that is moved aside.
pub(super) fn changes(inputs: &Inputs<'_>) -> Result<Vec<Change>, PlanError> {
    let present = || inputs.observed.data.iter().filter(|data| data.present);
    match (&inputs.manifest.instance, inputs.unrecorded_data) {
        (Some(recorded), _) if recorded == inputs.instance => Ok(Vec::new()),
        (_, UnrecordedData::Adopt) => Ok(Vec::new()),
        (Some(other), _) => Ok(present().map(|data| aside(data, Some(other))).collect()),
        (None, UnrecordedData::Discard) => Ok(present().map(|data| aside(data, None)).collect()),
        (None, UnrecordedData::Refuse) => match present().find(|data| data.of_server) {
            Some(data) => Err(PlanError::UnrecordedData { daemon: data.daemon }),
            // A client's data holds nothing that cannot be made again, and ids that are worth keeping.
            None => Ok(Vec::new()),
        },
    }
}

fn aside(data: &Data, of: Option<&String>) -> Change {
    let folder = data.daemon.data();
    let (parent, name) = folder.rsplit_once('/').unwrap_or(("", folder));
    let label = of.map_or_else(|| "discarded".to_owned(), |instance| format!("of-{instance}"));
    let free = (1..).map(|number| match number {
        1 => format!("{name}.{label}"),
        more => format!("{name}.{label}.{more}"),
    });
    let free =
        free.into_iter().find(|candidate| !data.siblings.contains(candidate)).unwrap_or_default();
    Change::MoveAside { daemon: data.daemon, to: format!("{parent}/{free}"), of: of.cloned() }
}
