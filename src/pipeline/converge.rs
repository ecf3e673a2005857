//! The whole pipeline: what `apply` does.

use super::grant::granted;
use super::planning::plan_after;
use super::survey::{Survey, survey_timed};
use super::{Converged, Outcome, recorder};
use crate::apply::{self, ApplyError, ToStore, resume};
use crate::error::Error;
use crate::facts::{self, FREEZE, Glimpse};
use crate::plan::node::UnrecordedData;
use crate::plan::node::resume::NotResumed;
use crate::store::boots::Stopwatch;
use crate::system::System;
use crate::system::environment;
use crate::system::retry::Deadline;
use std::time::Duration;

/// Fails unless root runs it. Only root may change the host; another root directory needs no such check.
pub fn must_be_root(system: &System) -> Result<(), Error> {
    if system.root.is_host() && !environment::is_root() {
        return Err(ApplyError::NotRoot.into());
    }
    Ok(())
}

/// Makes the machine match its plan, and records the result.
pub async fn converge(
    system: &System,
    timeout: Duration,
    unrecorded_data: UnrecordedData,
) -> Result<Converged<Outcome>, Error> {
    let mut stopwatch = Stopwatch::start();
    let mut seen = None;
    let result = match facts::is_frozen(&system.root) {
        Ok(true) => Ok(Converged::Frozen),
        Ok(false) => {
            must_be_root(system)?;
            let deadline = Deadline::after(timeout);
            run(system, deadline, unrecorded_data, &mut stopwatch, &mut seen).await
        }
        Err(error) => Err(error.into()),
    };
    let is_news = match &result {
        Ok(Converged::Frozen) => {
            let why = format!("the agent is frozen ({FREEZE} exists)");
            // A person who stops a daemon of a frozen node wants it to stay down, so only the first run of a boot starts
            // daemons.
            let again = !recorder::is_known(system) && keep_running(system, &why, seen).await;
            return if again { Err(Error::Frozen) } else { result };
        }
        // Another run is at work, and its result counts.
        Err(Error::Apply(ApplyError::Locked { .. })) => return result,
        Ok(Converged::Done(outcome)) => !outcome.plan.is_empty(),
        Err(error) => {
            recorder::failed(system, error, &mut stopwatch).await;
            if error.is_before_any_start() {
                keep_running(system, "`apply` failed", seen).await;
            }
            true
        }
    };
    recorder::ended(system, stopwatch, is_news).await;
    result
}

/// Starts the daemons of the recorded node with their last configuration when no plan can be made or carried out, so that
/// what ran before a reboot runs after it. Returns whether another try can help.
async fn keep_running(system: &System, why: &str, seen: Option<Glimpse>) -> bool {
    let Some(services) = system.services.as_deref() else { return false };
    match resume::resume(system, services, seen).await {
        Ok(Ok(resumed)) => {
            recorder::resumed(system, &resumed.node, &resumed.notes, why).await;
            resumed.refused
        }
        // On a first boot nothing ran before.
        Ok(Err(NotResumed::FirstBoot)) => false,
        Ok(Err(reason)) => {
            tracing::warn!("{why}, and no daemon was started: {reason}");
            matches!(reason, NotResumed::Unknown { .. })
        }
        Err(error) => {
            tracing::error!("{why}, and the daemons could not be started: {error}");
            true
        }
    }
}

/// One run. It takes the lock as soon as it knows the node.
async fn run(
    system: &System,
    deadline: Deadline,
    unrecorded_data: UnrecordedData,
    stopwatch: &mut Stopwatch,
    seen: &mut Option<Glimpse>,
) -> Result<Converged<Outcome>, Error> {
    let before = apply::load_manifest(system)?;
    let mut found = survey_timed(system, deadline, stopwatch, seen).await?;
    let (_lock, waited) = apply::lock(system, deadline).await?;
    // Somebody may have frozen the agent while this run waited for the lock.
    if facts::is_frozen(&system.root)? {
        return Ok(Converged::Frozen);
    }
    stopwatch.lap("lock", 0, "ok");
    let manifest = apply::load_manifest(system)?;
    if waited || manifest != before {
        // The run that held the lock may have applied newer tags than those of this survey.
        found = survey_timed(system, deadline, stopwatch, seen).await?;
    }
    let Survey { facts, node, versions } = found;
    let granted = granted(system, &node, &manifest, unrecorded_data).await?;
    stopwatch.lap("guard", 0, "ok");
    let plan = plan_after(system, &node, &granted, &manifest, unrecorded_data).await?;
    stopwatch.lap("plan", 0, "ok");
    recorder::known(system, &node).await;
    let to_store = ToStore { facts: &facts, versions: &versions };
    let ran = apply::apply(system, &node, &plan, &to_store).await?;
    let notes = [plan.notes.as_slice(), &ran.notes].concat();
    recorder::noted(system, &granted.notes(&node), &notes).await;
    if let Some(error) = ran.error {
        return Err(error.into());
    }
    stopwatch.lap("apply", 0, "ok");
    let changes = (!plan.is_empty()).then(|| plan.changes().count());
    recorder::applied(system, changes).await;
    Ok(Converged::Done(Outcome { node, granted, plan }))
}
