//! Carries out the plan of an image. It starts, stops and restarts nothing.

use super::ended::Ended;
use super::{ApplyError, change_disk, tools};
use crate::facts::host::TrustStore;
use crate::plan::Plan;
use crate::plan::manifest::Manifest;
use crate::state::Action;
use crate::store::{Entry, Schema, StateFile, Stored};
use crate::system::System;
use crate::system::root::FileError;

/// The record of the last `install`. It stays in the image; the record of `apply` is that of an instance.
pub static MANIFEST: StateFile<Manifest> = StateFile::of(&Entry {
    path: "/usr/share/cos/install.json",
    schema: Schema::Named("cos-agent/manifest/1"),
    mode: 0o644,
    writers: &[],
    what: "what the last `install` wrote into the image",
});

/// The record of the last `install`; an empty one if it is missing or unusable.
pub fn load(system: &System) -> Result<Manifest, FileError> {
    Ok(match MANIFEST.load(&system.root)? {
        Stored::Known(manifest) => manifest,
        Stored::Absent | Stored::Unusable(_) => Manifest::default(),
    })
}

/// Carries out a plan. A crash leaves a record of every file and of the actions that are due, and the next run continues.
pub async fn install(
    system: &System,
    plan: &Plan,
    trust_store: Option<TrustStore>,
) -> Result<(), ApplyError> {
    if plan.is_empty() {
        return Ok(());
    }
    MANIFEST.save(&system.root, &plan.during)?;
    change_disk(system, plan).await?;
    for planned in plan.actions() {
        let ended = match &planned.action {
            Action::Run(tool) => tools::run(system, trust_store, *tool).await?,
            Action::Unit(verb, unit) => tools::link(system, *verb, unit).await?,
            Action::DaemonReload => Ended::Nothing,
        };
        if matches!(ended, Ended::Done) {
            tracing::info!("{}", planned.done());
        }
    }
    Ok(MANIFEST.save(&system.root, &plan.after)?)
}
