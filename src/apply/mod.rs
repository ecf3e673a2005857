//! WRITE: the only executor of a [`Plan`].
//!
//! Validate everything, write everything, then act. A crash can come between any two steps: the manifest names what
//! is being written and which actions are due before the first byte is written, and the next run plans from there.

mod actions;
mod error;
mod memory;
pub mod pause;
mod quorum;
mod reload;
pub mod resume;
mod validate;

pub use error::ApplyError;
pub use memory::{Remember, forget_formation, read_formation, read_manifest};

use crate::node::Node;
use crate::plan::manifest::Manifest;
use crate::plan::{Change, Plan, identity};
use crate::state::{Daemon, Place};
use crate::system::System;
use crate::system::retry::{Backoff, Deadline};
use crate::system::root::{FileError, Lock, NewFile, Root, owner_ids};
use crate::system::services::Job;
use std::time::Duration;

/// Held while a plan is made and carried out; user data and unit may run `apply` at the same moment.
const LOCK: &str = "/run/cos-agent/lock";

/// Waits for the lock of this node; whether somebody else had it at first.
pub async fn lock(system: &System, deadline: Deadline) -> Result<(Lock, bool), ApplyError> {
    let mut waited = false;
    let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(500));
    loop {
        if let Some(lock) = system.root.try_lock(LOCK)? {
            // What a killed run left behind holds copies of configuration.
            validate::sweep(&system.root)?;
            memory::sweep(&system.root)?;
            return Ok((lock, waited));
        }
        let wait = backoff.delay();
        if !deadline.allows(wait) {
            return Err(ApplyError::Locked { waited: deadline.elapsed() });
        }
        waited = true;
        tokio::time::sleep(wait).await;
    }
}

/// Carries out a plan.
pub async fn apply(
    system: &System,
    node: &Node,
    plan: &Plan,
    remember: &Remember<'_>,
) -> Result<(), ApplyError> {
    programs_are_there(system, plan)?;
    validate::all(system, plan).await?;
    if !plan.is_empty() {
        memory::write_manifest(system, &plan.during)?;
        change_disk(system, plan).await?;
        // What the daemons write from here on is this instance's, even if an action fails.
        if plan.during.instance != plan.after.instance {
            let instance = plan.after.instance.clone();
            let moved = Manifest { instance, ..plan.during.clone() };
            memory::write_manifest(system, &moved)?;
        }
    }
    let mut after = plan.after.clone();
    let mut error = None;
    match &system.services {
        Some(services) => {
            let ran = actions::run(system, services.as_ref(), plan, node).await;
            after.pending = ran.left;
            error = ran.error;
        }
        // Rendered only: what has to happen stays due until units may be touched, if it is of a machine that runs.
        None => after.pending.clone_from(&plan.during.pending),
    }
    memory::finish(system, &after, remember)?;
    error.map_or(Ok(()), Err)
}

fn programs_are_there(system: &System, plan: &Plan) -> Result<(), ApplyError> {
    if system.services.is_none() || !system.root.is_host() {
        return Ok(());
    }
    for daemon in [Daemon::Consul, Daemon::Nomad] {
        let program = daemon.program();
        if plan.after.files.contains_key(daemon.file()) && system.root.stat(program)?.is_none() {
            return Err(ApplyError::NoProgram { program });
        }
    }
    Ok(())
}

async fn change_disk(system: &System, plan: &Plan) -> Result<(), ApplyError> {
    let root = &system.root;
    for change in &plan.changes {
        match change {
            Change::Guard { real, mode, ids, .. } => {
                root.set_attributes(real, *mode, Some(*ids))?;
            }
            Change::MoveAside { daemon, to, place, .. } => {
                if let Some(services) = &system.services {
                    services.run(Job::Stop, daemon.unit()).await?;
                }
                move_aside(root, *daemon, to, place)?;
            }
            Change::Sweep { path } => root.sweep(path)?,
            Change::MakeFolder(folder) => {
                let owner = owner_ids(folder.owner.user, folder.owner.group);
                root.make_directory(folder.path, folder.mode, owner)?;
            }
            Change::Write(_) | Change::Remove { .. } => continue,
        }
        said(change);
    }
    let files: Vec<NewFile<'_>> = plan
        .writes()
        .map(|write| NewFile {
            path: &write.path,
            bytes: &write.bytes,
            mode: write.mode,
            owner: write.ids,
        })
        .collect();
    root.write_all(&files)?;
    for change in &plan.changes {
        match change {
            Change::Remove { path, .. } => root.remove(path)?,
            Change::Write(_) => {}
            _ => continue,
        }
        said(change);
    }
    Ok(())
}

fn move_aside(root: &Root, daemon: Daemon, to: &str, place: &Place) -> Result<(), FileError> {
    if *place == Place::Plain {
        return root.rename(daemon.data(), to);
    }
    let into = to.rsplit('/').next().unwrap_or(to);
    let user = owner_ids(daemon.name(), daemon.name()).map(|(uid, _)| uid);
    root.move_inside(daemon.data(), into, |name| !identity::is_data(name), user)
}

fn said(change: &Change) {
    tracing::info!("{}: {}", change.path(), change.words());
}
