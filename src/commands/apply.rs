//! `apply`: the whole pipeline, and the wait for the join.

use super::output::Output;
use super::{Units, system, warn_if_frozen};
use crate::apply::pause::{self, Next};
use crate::commands::cli::ApplyArgs;
use crate::error::Error;
use crate::exit::ExitCode;
use crate::membership::wait::{self, Goal, OnFailure};
use crate::pipeline::{self, Converged, Outcome};
use crate::plan::node::UnrecordedData;
use crate::state::Daemon;
use crate::store::boots::Stopwatch;
use crate::store::status;
use crate::system::System;
use crate::system::environment::Environment;
use crate::system::retry::Deadline;
use crate::system::signal;
use crate::text::count;
use serde_json::json;
use std::time::Duration;

pub(super) async fn run(
    args: ApplyArgs,
    environment: Environment,
    output: Output,
) -> Result<ExitCode, Error> {
    let units = if args.no_start { Units::Leave } else { Units::Manage };
    let system = system(args.root.root.as_deref(), units, environment);
    // If the look fails, the pipeline reports that.
    let _ = warn_if_frozen(&system);
    let unrecorded_data = match (args.adopt_data, args.discard_data) {
        (true, _) => UnrecordedData::Adopt,
        (_, true) => UnrecordedData::Discard,
        _ => UnrecordedData::Refuse,
    };
    let before = status::load(&system.root);
    // A pipeline that is dropped half-way ends its children and removes its copies. Each file is old or new, never half.
    let converged = tokio::select! {
        converged = pipeline::converge(&system, args.root.timeout, unrecorded_data) => converged,
        () = signal::end() => return Err(Error::Interrupted),
    };
    let unanswered = match &converged {
        Ok(Converged::Done(outcome)) => outcome.unanswered(),
        _ => None,
    };
    // A frozen agent changes nothing.
    if args.no_wait && !matches!(converged, Ok(Converged::Frozen)) {
        let next = match &converged {
            Err(Error::Apply(error)) => Next::after(error),
            Err(_) => Next::Later,
            Ok(_) if unanswered.is_some() => Next::Later,
            Ok(_) => Next::Never,
        };
        set_delay(&system, next).await;
    }
    // At a terminal the error is printed in full each time.
    let known = before.problem.as_ref().filter(|_| args.no_wait);
    let Converged::Done(outcome) = converged.map_err(|error| error.or_the_same(known))? else {
        output.data(String::new, || json!({ "schema": SCHEMA, "state": "frozen" }))?;
        return Ok(ExitCode::Done);
    };
    output.data(|| text(&outcome, system.services.is_some()), || as_json(&outcome))?;
    // A joined node needs no answer of the parameter store. The boot unit does not wait for the join, so it must try again.
    if system.services.is_some() && !args.no_wait {
        if let Some(unit) = never_joins(&outcome) {
            tracing::warn!("not waiting for the join, because {unit} is masked");
            return Ok(ExitCode::Done);
        }
        joined(&system, args.root.timeout).await?;
    } else if let Some(unanswered) = unanswered {
        // In full once, in one line when it is repeated, as for a failure.
        let notes = outcome.granted.notes(&outcome.node);
        let is_known = !notes.is_empty() && notes.iter().all(|note| before.notes.contains(note));
        let error = Error::from(unanswered);
        return Err(if is_known { error.as_the_same() } else { error });
    }
    Ok(ExitCode::Done)
}

/// Tells systemd after which delay to start the unit again.
async fn set_delay(system: &System, next: Next) {
    let Some(services) = system.services.as_deref() else { return };
    if let Err(error) = pause::set(system, services, next).await {
        tracing::warn!("cannot change the delay before the next attempt: {error}");
    }
}

/// The unit of a daemon that is masked: no gate opens without it.
fn never_joins(outcome: &Outcome) -> Option<&'static str> {
    outcome.plan.masked.iter().copied().find(|unit| Daemon::of_unit(unit).is_some())
}

/// Waits for the gates. The lock is released, because the boot unit may have to run first; it never waits itself.
async fn joined(system: &System, timeout: Duration) -> Result<(), Error> {
    let mut stopwatch = Stopwatch::start();
    tokio::select! {
        joined = wait::wait(system, Goal::Ready, Deadline::after(timeout), OnFailure::End, &mut stopwatch) => {
            joined?;
        }
        () = signal::end() => return Err(Error::Interrupted),
    }
    wait::save(system, stopwatch).await;
    tracing::info!("this node has joined");
    Ok(())
}

/// The version of the JSON form.
const SCHEMA: &str = "cos-agent/apply/2";

fn text(outcome: &Outcome, acts: bool) -> String {
    // Each change was logged when it was made.
    let changes = match outcome.plan.changes().count() {
        0 => "no changes".to_owned(),
        number => count(number, "change"),
    };
    let number = outcome.plan.actions().count();
    let actions = count(number, "action");
    let done = match (number, acts) {
        (0, _) => changes,
        (_, true) => format!("{changes} on disk, {actions}"),
        (_, false) => format!("{changes}; {actions} left for the next `apply`"),
    };
    format!("{}: {done}\n", outcome.summary())
}

fn as_json(outcome: &Outcome) -> serde_json::Value {
    let plan = outcome.plan.to_json(&outcome.summary());
    json!({
        "schema": SCHEMA,
        "state": "applied",
        "node": plan["node"],
        "changes": plan["changes"],
        "actions": plan["actions"],
        "notes": plan["notes"],
    })
}
