//! `install`: the pipeline of an image. It has a desired state and a manifest of its own, and needs no metadata, no tags and no
//! role.

use super::must_be_root;
use crate::apply::{self, image as installed};
use crate::error::Error;
use crate::facts::image::{Image, gather};
use crate::observe;
use crate::plan::node::conflicts;
use crate::plan::{Plan, PlanError, image};
use crate::render::image::{DISABLED, ENABLED, Page, desired};
use crate::state::{Daemon, OperatorFile};
use crate::system::System;
use crate::system::retry::Deadline;
use crate::system::systemd::enabled::enabled;
use std::time::Duration;

/// How long `install` waits for another run of the agent.
const LOCK: Duration = Duration::from_secs(30);
/// The configuration that HashiCorp's packages bring.
const PACKAGED: [&str; 2] = ["consul.hcl", "nomad.hcl"];

/// An image as it is planned.
pub struct Installation {
    /// What the machine has.
    pub image: Image,
    /// What `install` does, or would do.
    pub plan: Plan,
}

/// Plans an image.
pub async fn plan_image(
    system: &System,
    pages: &[Page],
    built: Option<&str>,
) -> Result<Installation, Error> {
    let image = gather(system).await?;
    let desired = desired(&image, pages, built);
    let manifest = installed::load(system)?;
    let written = manifest.files.keys().map(String::as_str);
    let mut observed = observe::observe(system, &desired, written).await?;
    // Tools run in another root directory too.
    observed.is_off = false;
    let (packaged, others): (Vec<OperatorFile>, Vec<OperatorFile>) =
        observed.operator_files.iter().cloned().partition(is_packaged);
    refuse(&others)?;
    let packaged: Vec<OperatorFile> = packaged.into_iter().filter(is_refused).collect();
    let mut plan = image::plan(&image::ImageInputs {
        desired: &desired,
        observed: &observed,
        manifest: &manifest,
        enabled: &enabled(&system.root)?,
        starts: ENABLED,
        stays: DISABLED,
        packaged: &packaged,
    })?;
    plan.notes.extend(image.notes.iter().cloned());
    Ok(Installation { image, plan })
}

/// Makes an image of this machine.
pub async fn install(
    system: &System,
    pages: &[Page],
    built: Option<&str>,
) -> Result<Installation, Error> {
    must_be_root(system)?;
    let (_lock, _) = apply::lock(system, Deadline::after(LOCK)).await?;
    let installation = plan_image(system, pages, built).await?;
    installed::install(system, &installation.plan, installation.image.host.trust_store).await?;
    Ok(installation)
}

fn is_packaged(file: &OperatorFile) -> bool {
    PACKAGED.iter().any(|name| file.name == *name)
        && Daemon::ALL.iter().any(|daemon| file.path.starts_with(daemon.directory()))
}

fn is_refused(file: &OperatorFile) -> bool {
    conflicts::judge(file, None, true).refused.is_some()
}

/// Another file that contradicts every role would keep each node of the image down.
fn refuse(files: &[OperatorFile]) -> Result<(), PlanError> {
    let refused = files.iter().find_map(|file| conflicts::judge(file, None, true).refused);
    refused.map_or(Ok(()), |conflict| Err(conflict.into()))
}
