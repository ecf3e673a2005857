//! WRITE: the only executor of a [`Plan`].
//!
//! Validate everything, write everything, then act. A crash can come between any two steps: the manifest names what
//! is being written and which actions are due before the first byte is written, and the next run plans from there.

mod actions;
mod denied;
mod error;
mod memory;
mod quorum;
mod reload;
mod validate;

pub use actions::Ran;
pub use error::ApplyError;
pub use memory::{Remember, forget_formation, read_manifest};

use crate::node::Node;
use crate::plan::manifest::Manifest;
use crate::plan::{Change, Plan};
use crate::state::Daemon;
use crate::system::System;
use crate::system::retry::{Backoff, Deadline};
use crate::system::root::{Lock, NewFile};
use crate::system::services::Job;
use std::time::Duration;

/// Held while a plan is made and carried out; user data and unit may run `apply` at the same moment.
const LOCK: &str = "/run/cos-agent/lock";

/// Waits for the lock of this node.
pub async fn lock(system: &System, deadline: Deadline) -> Result<Lock, ApplyError> {
    let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(500));
    loop {
        if let Some(lock) = system.root.try_lock(LOCK)? {
            // What a killed run left behind holds copies of configuration.
            validate::sweep(&system.root)?;
            return Ok(lock);
        }
        let wait = backoff.delay();
        if !deadline.allows(wait) {
            return Err(ApplyError::Locked { waited: deadline.elapsed() });
        }
        tokio::time::sleep(wait).await;
    }
}

/// Carries out a plan. An error of its own tells that the disk is not as planned; what came of the actions is returned.
pub async fn apply(
    system: &System,
    node: &Node,
    plan: &Plan,
    remember: &Remember<'_>,
) -> Result<Ran, ApplyError> {
    programs_are_there(system, plan)?;
    validate::all(system, plan).await?;
    if system.services.is_some() {
        quorum::may_change(system, plan, node).await?;
    }
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
    let mut ran = Ran::default();
    match &system.services {
        Some(services) => {
            ran = actions::run(system, services.as_ref(), plan, node).await;
            after.pending.clone_from(&ran.left);
            after.leaving.retain(|daemon| ran.leaves(*daemon));
        }
        // Rendered only: what has to happen stays due until units may be touched.
        None => after.pending.clone_from(&plan.during.pending),
    }
    memory::finish(system, &after, remember)?;
    Ok(ran)
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
            Change::MoveAside { daemon, to, .. } => {
                if let Some(services) = &system.services {
                    services.run(Job::Stop, daemon.unit()).await?;
                }
                root.rename(daemon.data(), to)?;
            }
            Change::Sweep { path } => root.sweep(path)?,
            Change::MakeFolder(folder) => {
                let owner = crate::system::root::owner_ids(folder.owner.user, folder.owner.group);
                root.make_folder(folder.path, folder.mode, owner)?;
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

fn said(change: &Change) {
    tracing::info!("{}: {}", change.path(), change.words());
}
