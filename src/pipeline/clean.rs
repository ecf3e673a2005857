//! `clean`: takes everything out of an image that is of one machine. It refuses to work on a node.

use super::must_be_root;
use crate::apply::clean::{self as remove, CleanError};
use crate::apply::image;
use crate::error::Error;
use crate::observe::leftovers::Found;
use crate::state::{READY, UnitState, WATCH};
use crate::store::{self, Stored};
use crate::system::System;

/// The units that run on a node and never while an image is built.
const OF_A_NODE: [&str; 4] = ["consul.service", "nomad.service", WATCH, READY];
/// It exists while systemd runs (sd_booted(3)).
const BOOTED: &str = "/run/systemd/system";

/// Cleans an image; what was removed. `force` also cleans a machine that has been a node and on which nothing runs any more.
pub async fn clean(system: &System, force: bool) -> Result<Vec<Found>, Error> {
    must_be_root(system)?;
    if matches!(image::MANIFEST.load(&system.root)?, Stored::Absent) {
        return Err(CleanError::NotAnImage.into());
    }
    if is_booted(system)? {
        let running = running(system).await?;
        if !running.is_empty() {
            return Err(CleanError::IsNode(running).into());
        }
        // A node whose daemons an operator has stopped still has all that makes it that node.
        if !force && system.root.stat(store::MANIFEST.path)?.is_some() {
            return Err(CleanError::WasNode.into());
        }
        remove::end_journal(system).await?;
    }
    Ok(remove::clean(system)?)
}

/// Whether this is the machine itself, and not a root file system that is mounted somewhere.
fn is_booted(system: &System) -> Result<bool, Error> {
    Ok(system.services.is_some() && system.root.stat(BOOTED)?.is_some())
}

/// The units of a node that run here.
async fn running(system: &System) -> Result<Vec<&'static str>, Error> {
    let Some(services) = system.services.as_deref() else { return Ok(Vec::new()) };
    let states = services.states(&OF_A_NODE).await.map_err(CleanError::from)?;
    let is_up =
        |unit: &&'static str| matches!(states.get(*unit), Some(UnitState::Up | UnitState::Queued));
    Ok(OF_A_NODE.into_iter().filter(is_up).collect())
}
