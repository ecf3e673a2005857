//! The actions that are due, their reasons, and what the manifest records of them in case of a crash.

use super::{Inputs, PlannedAction};
use crate::state::{Action, Unit, UnitState, Verb};
use std::collections::BTreeMap;

/// Why an action is due.
#[derive(Default)]
pub(super) struct Reasons {
    pub(super) because: Vec<String>,
    /// Whether a change of this plan is among the reasons, rather than only an earlier run or the state of a unit.
    pub(super) is_new: bool,
}

/// The actions that are due, each once.
#[derive(Default)]
pub(super) struct Due(BTreeMap<Action, Reasons>);

impl Due {
    pub(super) fn add(&mut self, action: Action, because: String, is_new: bool) {
        let reasons = self.0.entry(action).or_default();
        reasons.is_new |= is_new;
        if !reasons.because.contains(&because) {
            reasons.because.push(because);
        }
    }

    pub(super) fn put(&mut self, verb: Verb, unit: &'static str, reasons: Reasons) {
        self.0.insert(Action::unit(verb, unit), reasons);
    }

    pub(super) fn has(&self, verb: Verb, unit: &'static str) -> bool {
        self.0.contains_key(&Action::unit(verb, unit))
    }

    /// Takes an action out, if it is due.
    pub(super) fn take(&mut self, verb: Verb, unit: &'static str) -> Option<Reasons> {
        self.0.remove(&Action::unit(verb, unit))
    }

    pub(super) fn retain(&mut self, is_kept: impl Fn(&Action) -> bool) {
        self.0.retain(|action, _| is_kept(action));
    }

    /// The actions in execution order: by stage, then by unit, so that a unit comes after the units that it needs.
    pub(super) fn in_order(self, units: &[Unit]) -> Vec<PlannedAction> {
        let planned =
            |(action, Reasons { because, is_new })| PlannedAction { action, because, is_new };
        let mut planned: Vec<PlannedAction> = self.0.into_iter().map(planned).collect();
        planned.sort_by_key(|planned| {
            let unit = planned.action.of_unit();
            let place = units.iter().position(|known| Some(known.name) == unit);
            (planned.action.stage(), place)
        });
        planned
    }
}

/// The action to record, so that a crash does not lose it. A start is not recorded, because the next run sees that the unit
/// does not run; so a reboot, which only starts units, writes nothing.
pub(super) fn recorded(planned: &PlannedAction, inputs: &Inputs<'_>) -> Option<Action> {
    match &planned.action {
        // The boot of a machine that is off does the other actions by itself.
        action if inputs.observed.is_off => action.outlives_a_boot().then(|| action.clone()),
        // Before the next run, this queued start may happen with the old file, so a restart is recorded.
        Action::Unit(Verb::Start, unit)
            if planned.is_new && inputs.observed.state(unit) == Some(UnitState::Queued) =>
        {
            Some(Action::Unit(Verb::Restart, unit.clone()))
        }
        Action::Unit(Verb::Start, _) => None,
        action => Some(action.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Origin, Tool, Wanted};

    fn unit(name: &'static str) -> Unit {
        Unit { name, origin: Origin::Agent, wanted: Wanted::Running, restarts_with: &[] }
    }

    #[test]
    fn actions_come_by_their_stage_and_then_by_their_unit() {
        let mut due = Due::default();
        for (verb, unit) in [
            (Verb::Start, "nomad.service"),
            (Verb::Reload, "nomad.service"),
            (Verb::Restart, "consul.service"),
            (Verb::Enable, "cos-agent.service"),
            (Verb::TryRestart, "docker.service"),
            (Verb::Stop, "nomad.service"),
            (Verb::Stop, "consul.service"),
        ] {
            due.add(Action::unit(verb, unit), String::new(), true);
        }
        due.add(Action::DaemonReload, String::new(), true);
        due.add(Action::Run(Tool::UpdateTrustStore), String::new(), true);
        let units = ["cos-agent.service", "docker.service", "consul.service", "nomad.service"];
        let ordered: Vec<String> = due
            .in_order(&units.map(unit))
            .iter()
            .map(|planned| {
                serde_json::to_value(&planned.action).unwrap().as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(
            ordered,
            [
                "stop consul.service",
                "stop nomad.service",
                "update-trust-store",
                "daemon-reload",
                "enable cos-agent.service",
                "try-restart docker.service",
                "restart consul.service",
                "reload nomad.service",
                "start nomad.service",
            ]
        );
    }
}
