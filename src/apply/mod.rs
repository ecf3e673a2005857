//! WRITE: the only executor of a [`Plan`].
//!
//! Validate everything, write everything, then act. A crash can come between any two steps: the manifest names what
//! is being written and which actions are due before the first byte is written, and the next run plans from there.

mod actions;
mod validate;

use crate::exit::ExitCode;
use crate::facts::binaries::{REMEMBERED, Versions};
use crate::facts::{Facts, LAST_GOOD};
use crate::node::{Formation, Node};
use crate::plan::manifest::{self, Manifest};
use crate::plan::{Change, Plan};
use crate::state::Daemon;
use crate::system::System;
use crate::system::command::CommandError;
use crate::system::retry::{Backoff, Deadline};
use crate::system::root::{FileError, Lock, NewFile};
use crate::system::services::{Job, ServiceError};
use std::time::Duration;

/// Held while a plan is made and carried out; user data and unit may run `apply` at the same moment.
const LOCK: &str = "/run/cos-agent/lock";

const AS_ROOT: &str = "run it as root, or with --root DIR";

/// Why a plan was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A file operation failed.
    #[error("the disk is not as it shall be")]
    File(#[from] FileError),
    /// The node itself is for root alone.
    #[error("this node can be changed by root alone")]
    NotRoot,
    /// Another `apply` runs and does not end.
    #[error("another cos-agent changes this node since more than {:.0} s", waited.as_secs_f64())]
    Locked {
        /// How long was waited.
        waited: Duration,
    },
    /// The daemon's own validator refuses the configuration.
    #[error("`{command}` refuses the new configuration:\n{words}")]
    Refused {
        /// The validator.
        command: String,
        /// Its words.
        words: String,
    },
    /// The validator could not be run.
    #[error("the new configuration cannot be validated")]
    Validator(#[source] CommandError),
    /// A daemon of this role is not installed.
    #[error("{program} is not installed, and this node runs it")]
    NoProgram {
        /// Its path.
        program: &'static str,
    },
    /// A service job was refused.
    #[error("a unit is not as it shall be")]
    Service(#[from] ServiceError),
    /// A tool of the system failed.
    #[error("`{command}` failed: {words}")]
    Tool {
        /// The command.
        command: String,
        /// Its words.
        words: String,
    },
    /// A tool of the system could not be run.
    #[error("a tool of the system cannot be run")]
    ToolMissing(#[source] CommandError),
    /// A server may not be restarted now, or the quorum would be lost.
    #[error("{unit} has to restart, but {reason}")]
    QuorumAtRisk {
        /// The unit.
        unit: &'static str,
        /// Why not now.
        reason: String,
    },
}

impl ApplyError {
    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::File(error) => error.exit_code(),
            Self::NotRoot => ExitCode::Denied,
            Self::Locked { .. } | Self::QuorumAtRisk { .. } => ExitCode::NotYet,
            Self::Refused { .. } | Self::Validator(_) | Self::NoProgram { .. } => ExitCode::Config,
            Self::Service(_) | Self::Tool { .. } | Self::ToolMissing(_) => ExitCode::Unavailable,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::File(error) if error.source.kind() == std::io::ErrorKind::PermissionDenied => {
                AS_ROOT.to_owned()
            }
            Self::NotRoot => AS_ROOT.to_owned(),
            Self::File(_) => "look for a full or read-only disk, or a file where a folder belongs; the next run goes on from here".to_owned(),
            Self::Locked { .. } => "find it with `pgrep -a cos-agent`; it holds /run/cos-agent/lock".to_owned(),
            Self::Refused { .. } => {
                "nothing was changed. An `extra` table of the settings or a file of your own in the folder is the usual \
                 cause: `cos-agent config dump`"
                    .to_owned()
            }
            Self::Validator(_) => "nothing was changed; run the validator by hand".to_owned(),
            Self::NoProgram { program } => format!("build the image with {program}; nothing was changed"),
            Self::Service(_) => "look at `systemctl status` and `journalctl -b` of the unit; the next run tries again".to_owned(),
            Self::Tool { .. } | Self::ToolMissing(_) => "the next run tries again".to_owned(),
            Self::QuorumAtRisk { unit, .. } => format!(
                "the new configuration is written and the next run restarts it; to restart it in spite of that: \
                 `systemctl restart {unit}`"
            ),
        })
    }
}

/// What is remembered when a plan has been carried out.
pub struct Remember<'a> {
    /// The facts, for a reboot without metadata. `None` when they came from there.
    pub facts: Option<&'a Facts>,
    /// The versions learnt from binaries.
    pub versions: Option<&'a Versions>,
}

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

/// What the quorum guard found, once more: in the form of a manifest that knows nothing else.
const FORMATION: &str = "/var/lib/cos-agent/formation.json";

/// The manifest of the last run. Whose the data is stands in the last good facts too, and what the quorum guard found in a
/// file of its own, so that a manifest that is lost or broken does not make a server's data nobody's, nor one that could
/// only join a founder.
pub fn read_manifest(system: &System) -> Result<Manifest, FileError> {
    let mut manifest = Manifest::read(readable(system, manifest::PATH)?.as_deref());
    if manifest.instance.is_none()
        && let Some(bytes) = readable(system, LAST_GOOD)?
    {
        manifest.instance = Facts::from_json(&bytes).ok().map(|facts| facts.instance.id);
        let found = readable(system, FORMATION)?.unwrap_or_default();
        let found: Manifest = serde_json::from_slice(&found).unwrap_or_default();
        if found.schema == manifest::SCHEMA && found.instance == manifest.instance {
            manifest.role = found.role;
            manifest.formation = found.formation;
        }
    }
    Ok(manifest)
}

/// Forgets what the quorum guard found, so that a server is rendered as if nobody had been asked. Under the lock.
pub fn forget_formation(system: &System) -> Result<(), FileError> {
    let mut manifest = read_manifest(system)?;
    if manifest.formation.is_usual() {
        return Ok(());
    }
    manifest.formation = Formation::default();
    write_manifest(system, &manifest)
}

/// Readers without rights see no record; they change nothing either.
fn readable(system: &System, path: &str) -> Result<Option<Vec<u8>>, FileError> {
    match system.root.read(path) {
        Err(error) if error.source.kind() == std::io::ErrorKind::PermissionDenied => Ok(None),
        other => other,
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
        write_manifest(system, &plan.during)?;
        change_disk(system, plan).await?;
        // What the daemons write from here on is this instance's, even if an action fails.
        if plan.during.instance != plan.after.instance {
            let instance = plan.after.instance.clone();
            let moved = Manifest { instance, ..plan.during.clone() };
            write_manifest(system, &moved)?;
        }
    }
    let mut after = plan.after.clone();
    let mut error = None;
    match &system.services {
        Some(services) => {
            let ran = actions::run(system, services.as_ref(), &plan.actions, node).await;
            after.pending = ran.left;
            error = ran.error;
        }
        // Rendered only: what has to happen stays due until units may be touched.
        None => after.pending.clone_from(&plan.during.pending),
    }
    finish(system, &after, remember)?;
    error.map_or(Ok(()), Err)
}

/// Writes what the next run needs to know, where it is not written already.
fn finish(system: &System, after: &Manifest, remember: &Remember<'_>) -> Result<(), ApplyError> {
    let mut files = manifest_files(system, after)?;
    if let Some(facts) = remember.facts {
        files.push((LAST_GOOD, json(facts)));
    }
    if let Some(versions) = remember.versions.filter(|versions| !versions.binaries.is_empty()) {
        files.push((REMEMBERED, json(versions)));
    }
    Ok(write_state(system, &files)?)
}

fn write_manifest(system: &System, manifest: &Manifest) -> Result<(), FileError> {
    write_state(system, &manifest_files(system, manifest)?)
}

/// A manifest as it is written, and beside it what the quorum guard found, where there is or was something to keep.
fn manifest_files(
    system: &System,
    manifest: &Manifest,
) -> Result<Vec<(&'static str, String)>, FileError> {
    let mut files = vec![(manifest::PATH, manifest.to_json())];
    if !manifest.formation.is_usual() || system.root.stat(FORMATION)?.is_some() {
        let found = Manifest {
            schema: manifest::SCHEMA.to_owned(),
            instance: manifest.instance.clone(),
            role: manifest.role.clone(),
            formation: manifest.formation.clone(),
            ..Manifest::default()
        };
        files.push((FORMATION, found.to_json()));
    }
    Ok(files)
}

fn json(value: &impl serde::Serialize) -> String {
    format!("{:#}\n", serde_json::to_value(value).unwrap_or_default())
}

/// State files are for root alone, but for the versions, which tell nothing that is secret.
fn write_state(system: &System, files: &[(&str, String)]) -> Result<(), FileError> {
    let mut changed = Vec::new();
    for (path, text) in files {
        if system.root.read(path)?.as_deref() != Some(text.as_bytes()) {
            let mode = if *path == REMEMBERED { 0o644 } else { 0o600 };
            changed.push(NewFile { path, bytes: text.as_bytes(), mode, owner: None });
        }
    }
    system.root.write_all(&changed)
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
