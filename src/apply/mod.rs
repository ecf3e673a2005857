//! WRITE: the only executor of a [`Plan`].
//!
//! It validates everything, writes everything, then acts. A crash can come between any two steps: before the first byte is
//! written, the manifest names the files to be written and the actions that are due, and the next run plans from there.

mod actions;
pub mod clean;
mod denied;
mod docker;
mod ended;
mod error;
pub mod image;
pub mod manifest;
pub mod pause;
mod quorum;
mod reload;
pub mod resume;
mod since;
mod tools;
pub mod validate;
mod voter;

pub use actions::Ran;
pub use error::ApplyError;
pub use manifest::{ToStore, load_formation, load_manifest, reset_formation};

use crate::node::Node;
use crate::plan::{Change, Phase, Plan, What};
use crate::state::{Action, Daemon, MoveAside, Place, is_data};
use crate::system::System;
use crate::system::retry::{Deadline, Retry};
use crate::system::root::{FileError, Lock, NewFile, Root, owner_ids};
use std::time::Duration;

/// Held while a plan is made and carried out, because user data and the unit may run `apply` at the same moment.
pub const LOCK: &str = "/run/cos-agent/lock";

/// Waits for the lock of this node. Returns the lock, and whether another process held it at first.
pub async fn lock(system: &System, deadline: Deadline) -> Result<(Lock, bool), ApplyError> {
    let mut waited = false;
    let mut retry = Retry::new(Duration::from_millis(20), Duration::from_millis(500), deadline);
    loop {
        if let Some(lock) = system.root.try_lock(LOCK)? {
            // A killed run may have left copies of configuration behind.
            validate::sweep(&system.root)?;
            manifest::sweep(&system.root)?;
            return Ok((lock, waited));
        }
        waited = true;
        let locked = || ApplyError::Locked { waited: deadline.elapsed() };
        retry.pause().await.ok_or_else(locked)?;
    }
}

/// Carries out a plan. An error means that the disk may not be as planned. Failed actions are reported in [`Ran`] instead.
pub async fn apply(
    system: &System,
    node: &Node,
    plan: &Plan,
    to_store: &ToStore<'_>,
) -> Result<Ran, ApplyError> {
    programs_are_there(system, plan)?;
    validate::all(system, plan).await?;
    if system.services.is_some() {
        quorum::may_change(system, plan, node).await?;
    }
    let mut after = plan.after.clone();
    if !plan.is_empty() {
        let mut during = plan.during.clone();
        if system.services.is_some() {
            during.since = since::stamp(plan);
        }
        manifest::save_manifest(system, &during)?;
        change_disk(system, plan).await?;
        // From here on the daemons write this instance's data, even if an action fails.
        if during.instance != after.instance {
            during.instance.clone_from(&after.instance);
            manifest::save_manifest(system, &during)?;
        }
    }
    let mut ran = Ran::default();
    match &system.services {
        Some(services) => {
            after.since = since::stamp(plan);
            ran = actions::run(system, services.as_ref(), plan, node).await;
            ran.notes.extend(plan.masked.iter().map(|unit| {
                format!(
                    "{unit} is masked, so it was left alone; to unmask it, run `systemctl unmask {unit}`, then `cos-agent apply`"
                )
            }));
            let held = plan.held.iter().map(|planned| planned.action.clone());
            after.pending = ran.left.iter().cloned().chain(held).collect();
            after.pending.sort();
        }
        // Only files were written. The recorded actions stay due until a run may touch units.
        None => {
            after.pending.clone_from(&plan.during.pending);
            after.agent.clone_from(&plan.during.agent);
        }
    }
    after.leaving.retain(|daemon| is_due(&after.pending, daemon.unit()));
    after.since.retain(|unit, _| is_due(&after.pending, unit));
    manifest::save(system, &after, to_store)?;
    Ok(ran)
}

fn is_due(pending: &[Action], unit: &str) -> bool {
    pending.iter().any(|action| action.of_unit() == Some(unit))
}

fn programs_are_there(system: &System, plan: &Plan) -> Result<(), ApplyError> {
    if system.services.is_none() || !system.root.is_host() {
        return Ok(());
    }
    for daemon in Daemon::ALL {
        let program = daemon.program();
        if plan.after.files.contains_key(daemon.file()) && system.root.stat(program)?.is_none() {
            return Err(ApplyError::NoProgram { program });
        }
    }
    Ok(())
}

/// Carries out the phases before the actions. All files are written together, so a reader sees all old files or all new
/// ones.
async fn change_disk(system: &System, plan: &Plan) -> Result<(), ApplyError> {
    for step in plan.steps.iter().filter(|step| step.phase < Phase::Write) {
        match &step.what {
            What::Action(planned) => actions::stop(system, planned).await?,
            What::Change(change) => prepare(&system.root, change)?,
        }
    }
    let writes = plan.writes().map(|write| NewFile {
        path: &write.path,
        bytes: write.bytes.for_their_file(),
        mode: write.mode,
        owner: write.ownership.ids(),
    });
    system.root.write_all(&writes.collect::<Vec<_>>())?;
    for change in plan.changes() {
        match change {
            Change::Remove { path, .. } => system.root.remove(path)?,
            Change::Write(_) => {}
            _ => continue,
        }
        said(change);
    }
    Ok(())
}

/// Carries out a change that comes before any file is written.
fn prepare(root: &Root, change: &Change) -> Result<(), ApplyError> {
    match change {
        Change::Guard { real, mode, ids, .. } => root.set_attributes(real, *mode, Some(*ids))?,
        Change::MoveAside(moved) => move_aside(root, moved)?,
        Change::Sweep { path } => root.sweep(path)?,
        Change::MakeDirectory(directory) => {
            let owner = owner_ids(directory.owner.user, directory.owner.group);
            root.make_directory(directory.path, directory.mode, owner)?;
        }
        Change::Write(_) | Change::Remove { .. } => return Ok(()),
    }
    said(change);
    Ok(())
}

fn move_aside(root: &Root, moved: &MoveAside) -> Result<(), FileError> {
    let MoveAside { daemon, to, place, .. } = moved;
    if *place == Place::Plain {
        return root.rename(daemon.data(), to);
    }
    let into = to.rsplit('/').next().unwrap_or(to);
    let user = owner_ids(daemon.name(), daemon.name()).map(|(uid, _)| uid);
    root.move_inside(daemon.data(), into, |name| !is_data(name), user)
}

fn said(change: &Change) {
    tracing::info!("{}: {}", change.path(), change.words());
}
