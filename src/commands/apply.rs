//! `apply`: the whole pipeline.

use super::{say_if_frozen, system};
use crate::cli::ApplyArgs;
use crate::error::Error;
use crate::exit::ExitCode;
use crate::membership::wait::{self, Goal};
use crate::output::Output;
use crate::pipeline::{self, Outcome};
use crate::plan::UnrecordedData;
use crate::record::boots::Stopwatch;
use crate::state::Daemon;
use crate::system::System;
use crate::system::environment::Environment;
use crate::system::retry::Deadline;
use crate::system::signal;
use serde_json::json;
use std::time::Duration;

pub(super) async fn run(
    args: ApplyArgs,
    environment: Environment,
    output: Output,
) -> Result<ExitCode, Error> {
    let system = system(args.root.root.as_deref(), !args.no_start, environment);
    say_if_frozen(&system)?;
    let unrecorded_data = match (args.adopt_data, args.discard_data) {
        (true, _) => UnrecordedData::Adopt,
        (_, true) => UnrecordedData::Discard,
        _ => UnrecordedData::Refuse,
    };
    // Dropped half-way, the pipeline ends its children and removes its copies; what is written is whole.
    let converged = tokio::select! {
        converged = pipeline::converge(&system, args.root.timeout, unrecorded_data) => converged?,
        () = signal::end() => return Err(Error::Interrupted),
    };
    let Some(outcome) = converged else {
        output.data(String::new, || json!({ "schema": SCHEMA, "state": "frozen" }))?;
        return Ok(ExitCode::Done);
    };
    output.data(|| text(&outcome, system.services.is_some()), || as_json(&outcome))?;
    if system.services.is_some() && !args.no_wait {
        if let Some(unit) = never_joins(&outcome) {
            tracing::warn!("not waiting until this node has joined, because {unit} is masked");
            return Ok(ExitCode::Done);
        }
        joined(&system, args.root.timeout).await?;
    }
    Ok(ExitCode::Done)
}

/// A daemon without which no gate opens, and which an operator keeps down.
fn never_joins(outcome: &Outcome) -> Option<&'static str> {
    let daemons = [Daemon::Consul.unit(), Daemon::Nomad.unit()];
    outcome.plan.masked.iter().copied().find(|unit| daemons.contains(unit))
}

/// Waits for the gates, with the lock released: the boot unit may have to run first, and never waits itself.
async fn joined(system: &System, timeout: Duration) -> Result<(), Error> {
    let mut stopwatch = Stopwatch::start();
    tokio::select! {
        joined = wait::wait(system, Goal::Ready, Deadline::after(timeout), false, &mut stopwatch) => {
            joined?;
        }
        () = signal::end() => return Err(Error::Interrupted),
    }
    wait::record(system, stopwatch).await;
    tracing::info!("this node has joined");
    Ok(())
}

/// The version of the JSON form.
const SCHEMA: &str = "cos-agent/apply/1";

fn text(outcome: &Outcome, acts: bool) -> String {
    let degraded =
        if outcome.degraded.is_some() { "; degraded: on the facts of the last boot" } else { "" };
    // Each change was said when it was made; this is the sum.
    let changes = match outcome.plan.changes.len() {
        0 => "nothing to do".to_owned(),
        1 => "1 change".to_owned(),
        many => format!("{many} changes"),
    };
    let done = match (outcome.plan.actions.len(), acts) {
        (0, _) => changes,
        (1, true) => format!("{changes} on the disk, 1 action"),
        (many, true) => format!("{changes} on the disk, {many} actions"),
        (due, false) => format!("{changes}; {due} actions stay due"),
    };
    format!("{}{degraded}: {done}\n", outcome.node.summary())
}

fn as_json(outcome: &Outcome) -> serde_json::Value {
    let state = if outcome.degraded.is_some() { "degraded" } else { "applied" };
    let plan = outcome.plan.to_json(&outcome.node.summary());
    json!({
        "schema": SCHEMA,
        "state": state,
        "reason": outcome.degraded,
        "node": plan["node"],
        "changes": plan["changes"],
        "actions": plan["actions"],
    })
}
