//! Asks the quorum guard what a node may do beyond its facts and tags.

use crate::apply;
use crate::error::Error;
use crate::membership::quorum::parameter;
use crate::membership::quorum::{alone, guard};
use crate::node::{Granted, Node};
use crate::plan::manifest::Manifest;
use crate::plan::node::UnrecordedData;
use crate::state::Formation;
use crate::system::System;

/// What the quorum guard found before, without a new call; the default if the guard is off.
pub fn recall(system: &System, node: &Node) -> Result<Granted, Error> {
    recalled(system, node, &apply::load_manifest(system)?)
}

fn recalled(system: &System, node: &Node, manifest: &Manifest) -> Result<Granted, Error> {
    let formation = if parameter::is_off(node) {
        Formation::default()
    } else {
        apply::load_formation(system, manifest, node)?
    };
    Ok(Granted { formation })
}

/// Asks the quorum guard, with the manifest that is on disk.
pub async fn guard(
    system: &System,
    node: &Node,
    unrecorded_data: UnrecordedData,
) -> Result<Granted, Error> {
    granted(system, node, &apply::load_manifest(system)?, unrecorded_data).await
}

/// Asks the quorum guard. It calls AWS for a server without data, and again in each later run until AWS has answered.
pub(super) async fn granted(
    system: &System,
    node: &Node,
    manifest: &Manifest,
    unrecorded_data: UnrecordedData,
) -> Result<Granted, Error> {
    let mut granted = recalled(system, node, manifest)?;
    let Some(daemon) = node.duty.quorum().filter(|_| guard::may_ask(system)) else {
        return Ok(granted);
    };
    let is_empty = guard::is_empty(system, daemon, manifest, node, unrecorded_data)?;
    let may_found = is_empty || granted.formation.unanswered.is_some();
    match (parameter::is_off(node), may_found) {
        (false, true) => {
            granted.formation = guard::ask(system, node, &granted.formation, daemon).await;
        }
        (true, true) => {
            tracing::info!("the quorum guard is off: {} may form a new cluster", daemon.unit());
        }
        (_, false) => {}
    }
    if may_found && !granted.formation.join_only {
        alone::must_be_alone(system, node, daemon).await?;
    }
    Ok(granted)
}
