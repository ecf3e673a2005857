//! Renders, observes and compares: what would have to change.

use crate::apply;
use crate::error::Error;
use crate::node::{Granted, Node};
use crate::observe;
use crate::plan::Plan;
use crate::plan::manifest::Manifest;
use crate::plan::node::{self, NodeInputs, UnrecordedData};
use crate::render;
use crate::state::{DesiredState, Observed, UnitState};
use crate::system::System;

/// Plans for a node on this machine, with the manifest that is on disk.
pub async fn plan(
    system: &System,
    node: &Node,
    granted: &Granted,
    unrecorded_data: UnrecordedData,
) -> Result<Plan, Error> {
    plan_after(system, node, granted, &apply::load_manifest(system)?, unrecorded_data).await
}

/// Plans for a node on this machine, with the manifest of the last run.
pub(super) async fn plan_after(
    system: &System,
    node: &Node,
    granted: &Granted,
    manifest: &Manifest,
    unrecorded_data: UnrecordedData,
) -> Result<Plan, Error> {
    let desired = render::desired(node, granted)?;
    let written = manifest.files.keys().map(String::as_str);
    let observed = observe::observe(system, &desired, written).await?;
    planned(node, desired, &observed, manifest, unrecorded_data)
}

/// Plans for a node on an empty machine, from facts that were saved elsewhere.
pub fn plan_from_nothing(node: &Node, granted: &Granted) -> Result<Plan, Error> {
    let desired = render::desired(node, granted)?;
    // On a first boot, no unit that the plan starts runs yet.
    let started = desired.units.iter().filter(|unit| unit.wanted.runs());
    let units = started.map(|unit| (unit.name.to_owned(), UnitState::Down)).collect();
    let observed = Observed { units: Some(units), ..Observed::default() };
    planned(node, desired, &observed, &Manifest::default(), UnrecordedData::Refuse)
}

fn planned(
    of: &Node,
    desired: DesiredState,
    observed: &Observed,
    manifest: &Manifest,
    unrecorded_data: UnrecordedData,
) -> Result<Plan, Error> {
    let inputs = NodeInputs {
        desired,
        observed,
        manifest,
        role: of.duty.role(),
        instance: &of.instance.id,
        notes: &of.notes,
        unrecorded_data,
    };
    Ok(node::plan(inputs)?)
}
