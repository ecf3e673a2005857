//! PURE: compares the desired with the observed state, using the manifest of the last run. The result is a [`Plan`], which
//! `plan` shows and `apply` carries out. The agent changes nothing outside a plan.
//!
//! This core compares files, directories and units, and does not depend on roles. The part of the plan that only a node has
//! (its role, its quorum, its data and the operator's files) is in [`node`].

mod actions;
mod compare;
mod diff;
pub mod display;
mod due;
mod error;
mod files;
mod guard;
pub mod image;
pub mod keys;
pub mod manifest;
pub mod node;
mod operator_file;
mod redact;
mod removals;
mod step;
mod units;

pub use crate::state::sha256;
use crate::state::{Action, Daemon, DesiredState, Moment, Observed, UnitState, Verb};
pub(crate) use actions::holds;
pub use error::PlanError;
use manifest::Manifest;
use std::collections::{BTreeMap, BTreeSet};
pub use step::{Change, Ownership, Phase, PlannedAction, Step, What, Why, Write};

/// Everything that `apply` will do, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Whether no plan has been applied for this instance before.
    pub is_first: bool,
    /// The steps, phase by phase.
    pub steps: Vec<Step>,
    /// The units that this node should run but that an operator has masked.
    pub masked: Vec<&'static str>,
    /// Actions that stay due while their unit is masked.
    pub held: Vec<PlannedAction>,
    /// Notes for people about this machine, one sentence each; `apply` puts them into the status.
    pub notes: Vec<String>,
    /// The daemons in whose quorum this instance votes before this plan.
    pub votes: BTreeSet<Daemon>,
    /// Those of `votes` that this plan takes out of their quorum.
    pub ends: BTreeSet<Daemon>,
    /// The manifest while the plan is carried out.
    pub during: Manifest,
    /// The manifest once the plan is carried out.
    pub after: Manifest,
}

/// The inputs of a plan.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// The desired state.
    pub desired: &'a DesiredState,
    /// The observed state.
    pub observed: &'a Observed,
    /// The manifest of the last run.
    pub manifest: &'a Manifest,
}

impl Plan {
    /// Compares the desired with the observed state.
    pub fn between(inputs: &Inputs<'_>) -> Result<Self, PlanError> {
        let Inputs { desired, observed, manifest } = *inputs;
        let is_first = manifest.instance != desired.identity.instance;
        // Access comes first, so that nobody else can reach what is moved or written afterwards.
        let mut changes = guard::changes(inputs)?;
        changes.extend(desired.moves.iter().cloned().map(Change::MoveAside));
        changes.extend(observed.leftovers.iter().map(|path| Change::Sweep { path: path.clone() }));
        for directory in &desired.directories {
            changes.extend(compare::directory_change(directory, inputs)?);
        }
        let mut after = manifest::of(inputs);
        let mut notes = Vec::new();
        for file in &desired.files {
            if compare::is_masked(&file.path, observed) {
                continue;
            }
            let compared = files::file_change(file, inputs)?;
            notes.extend(compared.notes);
            let copy = compared.write.as_ref().and_then(|write| compare::kept_copy(write, inputs));
            changes.extend(copy);
            changes.extend(compared.write.map(Change::Write));
            after.files.extend(compared.written.map(|written| (file.path.clone(), written)));
        }
        changes.extend(removals::changes(inputs)?);
        let mut actions = actions::due(inputs, &changes);
        let (masked, held) = (units::masked(inputs), units::hold(&mut actions, inputs));
        let all = || actions.iter().chain(&held);
        after.since = since(inputs, all());
        let during = manifest::during(inputs, &after, all());
        let mut steps = stops(inputs);
        if observed.is_off {
            // A machine that is off has no running units, and this host's tools do not work on another root.
            actions.clear();
        }
        steps.extend(changes.into_iter().map(Step::from));
        let act = |planned| Step { phase: Phase::Act, what: What::Action(planned) };
        steps.extend(actions.into_iter().map(act));
        steps.sort_by_key(|step| step.phase);
        Ok(Self { is_first, steps, masked, held, notes, during, after, ..Self::default() })
    }

    /// Whether the plan has no steps.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The changes to the disk.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.steps.iter().filter_map(|step| match &step.what {
            What::Change(change) => Some(change),
            What::Action(_) => None,
        })
    }

    /// The actions after the disk has changed, without the stops before it.
    pub fn actions(&self) -> impl Iterator<Item = &PlannedAction> {
        self.steps.iter().filter_map(|step| match &step.what {
            What::Action(planned) if step.phase == Phase::Act => Some(planned),
            _ => None,
        })
    }

    /// The files that are written.
    pub fn writes(&self) -> impl Iterator<Item = &Write> {
        self.changes().filter_map(|change| match change {
            Change::Write(write) => Some(write),
            _ => None,
        })
    }
}

/// The stops of daemons whose data is moved. A daemon that waits for its next start is stopped too. systemd refuses to stop
/// a unit that it does not know, so such a unit is left out.
fn stops(inputs: &Inputs<'_>) -> Vec<Step> {
    let is_known =
        |unit: &str| inputs.observed.state(unit).is_some_and(|state| state != UnitState::Unknown);
    let moved = inputs.desired.moves.iter().map(|moved| moved.daemon);
    let stop = |daemon: Daemon| PlannedAction {
        action: Action::unit(Verb::Stop, daemon.unit()),
        because: vec![format!("{} is moved aside", daemon.data())],
        is_new: false,
    };
    let step = |planned| Step { phase: Phase::Stop, what: What::Action(planned) };
    moved.filter(|daemon| is_known(daemon.unit())).map(stop).map(step).collect()
}

/// Unit name → since when its restart is due, for restarts that an earlier run made due.
fn since<'a>(
    inputs: &Inputs<'_>,
    planned: impl Iterator<Item = &'a PlannedAction>,
) -> BTreeMap<String, Moment> {
    let old: BTreeSet<&str> = planned
        .filter(|planned| !planned.is_new)
        .filter_map(|planned| planned.action.of_unit())
        .collect();
    let since = inputs.manifest.since.iter().filter(|(unit, _)| old.contains(unit.as_str()));
    since.map(|(unit, moment)| (unit.clone(), moment.clone())).collect()
}
