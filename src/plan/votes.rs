//! In whose quorums this instance votes: by the role that it has had so far, not by the one that its tags give it now.

use super::{Change, Inputs, PlannedAction};
use crate::role::Role;
use crate::state::{Action, Daemon};
use std::collections::BTreeSet;

/// The daemons that are servers of a quorum as they run now.
pub(super) fn now(inputs: &Inputs<'_>) -> BTreeSet<Daemon> {
    let is_own = inputs.manifest.instance.as_deref() == Some(inputs.instance);
    let recorded = inputs.manifest.role.as_deref().filter(|_| is_own).and_then(Role::named);
    // Of a node without a record the tags tell what it may be.
    let quorum = recorded.unwrap_or(inputs.role).quorum();
    let leaving = inputs.manifest.leaving.iter().copied().filter(|_| is_own);
    leaving.chain(quorum).collect()
}

/// Those of them that the role does without, or runs as a client.
pub(super) fn leaving(inputs: &Inputs<'_>) -> BTreeSet<Daemon> {
    let stays = inputs.role.quorum();
    now(inputs).into_iter().filter(|daemon| Some(*daemon) != stays).collect()
}

/// Those that run and are taken from their quorum by this plan: by a stop or a restart in another role, or because their
/// data is discarded.
pub(super) fn ends(
    inputs: &Inputs<'_>,
    changes: &[Change],
    actions: &[PlannedAction],
) -> BTreeSet<Daemon> {
    let is_due = |action: Action| actions.iter().any(|planned| planned.action == action);
    // Data of another instance is no vote of this one.
    let is_discarded = |daemon: Daemon| {
        let of_it = |change: &Change| matches!(change, Change::MoveAside { daemon: moved, of: None, .. } if *moved == daemon);
        let of_server = |data: &crate::state::Data| data.daemon == daemon && data.of_server;
        changes.iter().any(of_it)
            && inputs.observed.data.iter().any(of_server)
            && inputs.observed.is_up(daemon.unit()) == Some(true)
    };
    let leaving = leaving(inputs);
    let goes = |daemon: &Daemon| {
        leaving.contains(daemon)
            && (is_due(Action::Stop(*daemon)) || is_due(Action::Restart(*daemon)))
            || is_discarded(*daemon)
    };
    now(inputs).into_iter().filter(goes).collect()
}
