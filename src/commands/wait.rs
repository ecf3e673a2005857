//! `wait`: waits until this node is a member of its cluster. cos-agent-ready.service runs it.

use super::output::Output;
use super::{Units, open};
use crate::commands::cli::{WaitArgs, WaitFor};
use crate::error::Error;
use crate::exit::ExitCode;
use crate::membership::ready;
use crate::membership::wait::{self, Goal, Joined, OnFailure};
use crate::store::boots::Stopwatch;
use crate::system::environment::Environment;
use crate::system::retry::Deadline;
use crate::system::signal;
use serde_json::json;

pub(super) async fn run(
    args: WaitArgs,
    environment: Environment,
    output: Output,
) -> Result<ExitCode, Error> {
    let system = open(None, Units::Leave, environment)?;
    let goal = match args.goal {
        WaitFor::Ready => Goal::Ready,
        WaitFor::Consul => Goal::Consul,
        WaitFor::Nomad => Goal::Nomad,
    };
    let on_failure = if args.keep_waiting { OnFailure::KeepWaiting } else { OnFailure::End };
    let deadline = Deadline::after(args.timeout);
    let waiting = async {
        if args.launch_hook {
            return ready::ready(&system, deadline, on_failure).await;
        }
        let mut stopwatch = Stopwatch::start();
        let joined = wait::wait(&system, goal, deadline, on_failure, &mut stopwatch).await?;
        if goal == Goal::Ready {
            wait::save(&system, stopwatch).await;
        }
        Ok(joined)
    };
    let joined = tokio::select! {
        joined = waiting => joined?,
        // The ready unit dies of SIGTERM: systemd counts that as a stop, and exit code 75 as a failure.
        () = signal::end(), if !args.launch_hook => return Err(Error::Interrupted),
    };
    let seconds = deadline.elapsed().as_secs_f64();
    output.data(|| text(&joined, seconds), || as_json(&joined, seconds))?;
    Ok(ExitCode::Done)
}

fn text(joined: &Joined, seconds: f64) -> String {
    let node = &joined.node;
    format!("{} has joined {} as {} ({seconds:.1} s)\n", node.instance, node.cluster, node.role)
}

fn as_json(joined: &Joined, seconds: f64) -> serde_json::Value {
    let gates: Vec<&str> = joined.gates.iter().map(|gate| gate.check.id).collect();
    json!({ "schema": "cos-agent/wait/1", "node": joined.node, "open": gates, "seconds": seconds })
}
