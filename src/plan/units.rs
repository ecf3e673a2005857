//! What the state of units makes due or unnecessary: units that should run and do not, units that run and should not, and
//! units that an operator has masked.

use super::due::{Due, Reasons, recorded};
use super::{Inputs, PlannedAction};
use crate::state::{Action, Cause, Origin, PROGRAM, Unit, UnitState, Verb, Wanted};

/// The actions that the state of the units alone makes due, each with its reason.
pub(super) fn missing(inputs: &Inputs<'_>) -> Vec<(Action, String)> {
    let mut missing = Vec::new();
    for unit in &inputs.desired.units {
        if starts(unit, inputs) {
            missing.push((Action::unit(Verb::Start, unit.name), "not running".to_owned()));
        } else if stops(unit, inputs) {
            let because = "no longer wanted on this node".to_owned();
            missing.push((Action::unit(Verb::Stop, unit.name), because));
        } else if inputs.observed.is_up(unit.name) == Some(true) {
            let causes = unit.restarts_with.iter().filter_map(|cause| has_come(*cause, inputs));
            let restart = |because| (Action::unit(Verb::Restart, unit.name), because);
            missing.extend(causes.map(restart));
        }
    }
    missing
}

fn starts(unit: &Unit, inputs: &Inputs<'_>) -> bool {
    match (unit.wanted, inputs.observed.state(unit.name)) {
        (_, None) => false,
        (Wanted::Running, Some(state)) => matches!(state, UnitState::Down | UnitState::Unknown),
        (Wanted::RunningIfInstalled, Some(state)) => state == UnitState::Down,
        _ => false,
    }
}

fn stops(unit: &Unit, inputs: &Inputs<'_>) -> bool {
    let was_written = || {
        let names = |action: &Action| action.of_unit() == Some(unit.name);
        inputs.manifest.files.values().any(|written| written.notify.iter().any(names))
    };
    // If this run may not ask systemd, the stop is recorded for a run that may.
    let comes_up = inputs.observed.comes_up(unit.name);
    unit.wanted == Wanted::Stopped
        && comes_up.unwrap_or(true)
        && match unit.origin {
            Origin::Agent => comes_up.is_some() || was_written(),
            Origin::Shared => was_written(),
            Origin::Image => false,
        }
}

/// Why a running unit has to restart; `None` if this cause does not apply.
fn has_come(cause: Cause, inputs: &Inputs<'_>) -> Option<String> {
    let manifest = inputs.manifest;
    match cause {
        Cause::Agent => (manifest.instance.is_some() && manifest.agent != inputs.observed.agent)
            .then(|| format!("{PROGRAM} was replaced")),
        Cause::Role => (manifest.role.is_some() && manifest.role != inputs.desired.identity.role)
            .then(|| "the role changed, so the node has to join again".to_owned()),
    }
}

/// Touches each unit once: a restart absorbs a reload, a unit that does not run is only started, and a unit whose start is
/// queued reads its files then. A unit that should not run is only stopped.
pub(super) fn absorb(due: &mut Due, inputs: &Inputs<'_>) {
    due.retain(|action| {
        let is_known = |name: &str| inputs.desired.units.iter().any(|unit| unit.name == name);
        action.of_unit().is_none_or(is_known)
    });
    for unit in &inputs.desired.units {
        let only = |due: &mut Due, verb: Verb| {
            due.retain(|action| action.of_unit() != Some(unit.name) || action.is(verb, unit.name));
        };
        if unit.wanted == Wanted::Stopped {
            only(due, Verb::Stop);
        } else if unit.wanted == Wanted::Enabled {
            only(due, Verb::Enable);
        } else if unit.wanted.runs() {
            due.take(Verb::Stop, unit.name);
            once(due, unit, inputs);
        }
    }
}

fn once(due: &mut Due, unit: &Unit, inputs: &Inputs<'_>) {
    let state = inputs.observed.state(unit.name);
    // The daemon is stopped while its data is moved.
    let is_moved = inputs.desired.moves.iter().any(|moved| moved.daemon.unit() == unit.name);
    let is_down = match state {
        None => false,
        Some(state) => is_moved || !matches!(state, UnitState::Up | UnitState::Masked),
    };
    let restart = if unit.origin == Origin::Image { Verb::TryRestart } else { Verb::Restart };
    let restarts = due.has(restart, unit.name) || due.has(Verb::Start, unit.name);
    let verbs =
        [Verb::Start, restart].into_iter().chain((restarts || is_down).then_some(Verb::Reload));
    let mut all = Reasons::default();
    let is_started = due.has(Verb::Start, unit.name);
    for reasons in verbs.filter_map(|verb| due.take(verb, unit.name)) {
        all.because.extend(reasons.because);
        all.is_new |= reasons.is_new;
    }
    let is_asked_to_start = state == Some(UnitState::Queued) && !is_moved;
    // A restart must not start a unit that the image lacks, or that a socket starts.
    let is_left = unit.origin == Origin::Image && is_down && !is_started;
    if !is_left && (is_asked_to_start && all.is_new || restarts && !is_asked_to_start) {
        due.put(if is_down { Verb::Start } else { restart }, unit.name, all);
    }
}

/// The units that this node should run but that an operator has masked.
pub(super) fn masked(inputs: &Inputs<'_>) -> Vec<&'static str> {
    let wanted = inputs.desired.units.iter().filter(|unit| unit.wanted.runs());
    wanted
        .map(|unit| unit.name)
        .filter(|unit| inputs.observed.state(unit) == Some(UnitState::Masked))
        .collect()
}

/// Takes out the actions for masked units, which systemd would refuse. Returns those that stay due: a unit that runs
/// although it is masked still has to restart once it is unmasked.
pub(super) fn hold(actions: &mut Vec<PlannedAction>, inputs: &Inputs<'_>) -> Vec<PlannedAction> {
    let is_masked = |planned: &mut PlannedAction| match &planned.action {
        Action::Unit(Verb::Stop, _) | Action::Run(_) | Action::DaemonReload => false,
        Action::Unit(_, unit) => inputs.observed.state(unit) == Some(UnitState::Masked),
    };
    let masked = actions.extract_if(.., is_masked);
    masked.filter(|planned| recorded(planned, inputs).is_some()).collect()
}
