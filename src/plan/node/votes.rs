//! The quorums in which this instance votes. The role that it has had so far decides, not the role that its tags give it
//! now.

use super::NodeInputs;
use crate::plan::Plan;
use crate::role::Role;
use crate::state::{Daemon, Data, Verb};
use std::collections::BTreeSet;

/// The daemons that vote in a quorum as they run now.
pub(super) fn now(inputs: &NodeInputs<'_>) -> BTreeSet<Daemon> {
    let is_own = inputs.manifest.instance.as_deref() == Some(inputs.instance);
    let recorded = inputs.manifest.role.as_deref().filter(|_| is_own).and_then(Role::named);
    // Without a record, the tags say which role the node may have.
    let quorum = recorded.unwrap_or(inputs.role).quorum();
    let leaving = inputs.manifest.leaving.iter().copied().filter(|_| is_own);
    leaving.chain(quorum).collect()
}

/// Those daemons that the new role does without, or runs as a client.
pub(super) fn leaving(inputs: &NodeInputs<'_>) -> BTreeSet<Daemon> {
    let stays = inputs.role.quorum();
    now(inputs).into_iter().filter(|daemon| Some(*daemon) != stays).collect()
}

/// The daemons that this plan takes out of their quorum: by a stop or a restart in another role, or by discarding their
/// data while they run.
pub(super) fn ends(inputs: &NodeInputs<'_>, plan: &Plan) -> BTreeSet<Daemon> {
    let is_due = |verb: Verb, daemon: Daemon| {
        plan.actions().any(|planned| planned.action.is(verb, daemon.unit()))
    };
    // Discarded data (`of` is `None`) may hold this instance's vote; data of another instance does not.
    let is_discarded = |daemon: Daemon| {
        let of_server = |data: &Data| data.daemon == daemon && data.of_server;
        inputs.desired.moves.iter().any(|moved| moved.daemon == daemon && moved.of.is_none())
            && inputs.observed.data.iter().any(of_server)
            && inputs.observed.is_up(daemon.unit()) == Some(true)
    };
    let leaving = &inputs.desired.identity.leaving;
    let goes = |daemon: &Daemon| {
        leaving.contains(daemon) && (is_due(Verb::Stop, *daemon) || is_due(Verb::Restart, *daemon))
            || is_discarded(*daemon)
    };
    now(inputs).into_iter().filter(goes).collect()
}
