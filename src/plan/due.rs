//! An action that is due, why, and what of it outlives a crash.

use super::{Inputs, PlannedAction};
use crate::state::{Action, DNS_LINK, Daemon, UnitState};
use std::collections::BTreeMap;

/// Why an action is due.
#[derive(Default)]
pub(super) struct Reasons {
    pub(super) because: Vec<String>,
    /// Whether a change of this plan is among the reasons.
    pub(super) is_new: bool,
}

/// The actions that are due.
pub(super) type Due = BTreeMap<Action, Reasons>;

/// What a crash must not make us forget of an action. A unit that does not run is seen to not run by the next run, so that
/// a reboot, which only starts things, writes nothing.
pub(super) fn recorded(planned: &PlannedAction, inputs: &Inputs<'_>) -> Option<Action> {
    let state = |daemon: Daemon| inputs.observed.state(daemon.unit());
    match planned.action {
        // Of a machine that is off, what its boot does not do by itself.
        action if inputs.observed.is_off => action.outlives_a_boot().then_some(action),
        // It may have started with the old file until the next run looks.
        Action::Start(daemon) if planned.is_new && state(daemon) == Some(UnitState::Queued) => {
            Some(Action::Restart(daemon))
        }
        Action::Start(_) | Action::StartReady | Action::StartWatch | Action::StartDocker => None,
        Action::RestartDnsLink if inputs.observed.is_up(DNS_LINK) == Some(false) => None,
        action => Some(action),
    }
}
