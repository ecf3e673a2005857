//! Waiting until this node is a member: its gates, asked until they are open.

mod error;

use crate::facts;
use crate::gates::checks::{self, Gate};
use crate::gates::report::{self, Asked};
use crate::gates::{Context, Problem};
use crate::role::Role;
use crate::store::boots::Stopwatch;
use crate::store::status::{self, Identity, State};
use crate::system::System;
use crate::system::environment;
use crate::system::retry::{Deadline, Retry};
pub use error::WaitError;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Longest time for one answer: without a leader the agents hold a question for about 7 s (`rpc_hold_timeout`).
const ANSWER: Duration = Duration::from_secs(10);
/// The first and the longest pause before a gate is asked again.
const AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));
/// Longest wait for a change that an API reports; then all gates are asked again.
const CHANGE: Duration = Duration::from_secs(2);

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// All gates of the role.
    Ready,
    /// The gates of Consul.
    Consul,
    /// The gates of Nomad.
    Nomad,
}

/// What a failed `apply` means to the wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// It ends the wait.
    End,
    /// Somebody is known to correct it, so the wait goes on.
    KeepWaiting,
}

/// What was waited for, when it is there.
pub struct Joined {
    /// Who the node is.
    pub node: Identity,
    /// The gates, all open.
    pub gates: Vec<Asked>,
}

impl Goal {
    fn checks(self, role: Role) -> Vec<&'static Gate> {
        let mut gates = checks::gates(role);
        gates.retain(|gate| match self {
            Self::Ready => true,
            Self::Consul => gate.id.starts_with("consul-"),
            Self::Nomad => gate.id.starts_with("nomad-"),
        });
        gates
    }
}

/// Waits until the gates are open. The times at which gates opened go to the stopwatch.
pub async fn wait(
    system: &System,
    goal: Goal,
    deadline: Deadline,
    on_failure: OnFailure,
    stopwatch: &mut Stopwatch,
) -> Result<Joined, WaitError> {
    let mut progress = Progress::default();
    let mut retry = Retry::new(AGAIN.0, AGAIN.1, deadline);
    let mut context: Option<Context> = None;
    let mut last: Option<(&'static Gate, Problem)> = None;
    loop {
        let status = status::load(&system.root);
        let failure = status
            .problem
            .filter(|_| status.state == State::Failed && on_failure == OnFailure::End);
        let Some(node) = status.node else {
            if let Some(failure) = failure {
                return Err(WaitError::ApplyFailed(failure));
            }
            retry.pause().await.ok_or_else(|| not_applied(system, deadline))?;
            continue;
        };
        if context.as_ref().is_none_or(|context| context.node != node) {
            context = Some(Context::new(node.clone(), &system.root, &system.environment, ANSWER)?);
        }
        let Some(asking) = &context else { continue };
        let gates = goal.checks(node.role);
        if gates.is_empty() {
            return Err(WaitError::NoGates { role: node.role.to_string() });
        }
        // An agent that hangs must not hold the wait beyond its deadline. Without a leader Nomad answers only after
        // seconds, so it is not asked while a gate of Consul is closed, and Consul's gates are seen opening at once.
        let asked = report::ask_to_first_problem(asking, &gates);
        let Ok(asked) = timeout(deadline.left(), asked).await else {
            return Err(match &last {
                Some((check, problem)) => {
                    WaitError::closed(check.id, check.title, problem, deadline)
                }
                None => WaitError::Silent { waited: deadline.elapsed() },
            });
        };
        if progress.note(&asked, stopwatch) {
            retry.reset();
        }
        let Some((closed, problem)) = report::first_problem(&asked) else {
            return Ok(Joined { node, gates: asked });
        };
        if let Some(failure) = failure {
            return Err(WaitError::ApplyFailed(failure));
        }
        let Some(pause) = retry.delay(Duration::ZERO) else {
            return Err(WaitError::closed(closed.check.id, closed.check.title, problem, deadline));
        };
        last = Some((closed.check, problem.clone()));
        match closed.check.changed {
            Some(changed) => tokio::select! {
                // An API that returns at once without a change must not be asked without a pause.
                () = async { changed(asking).await; sleep(pause).await } => {}
                () = sleep(CHANGE.min(deadline.left())) => {}
            },
            None => sleep(pause).await,
        }
    }
}

/// The error if no `apply` has recorded the identity of this node.
fn not_applied(system: &System, deadline: Deadline) -> WaitError {
    let waited = deadline.elapsed();
    if facts::is_frozen(&system.root).unwrap_or(false) {
        WaitError::Frozen { waited }
    } else {
        WaitError::NotApplied { waited }
    }
}

/// What was logged already.
#[derive(Default)]
struct Progress {
    open: Vec<&'static str>,
    said: String,
}

impl Progress {
    /// Logs what is new, and returns whether a gate opened.
    fn note(&mut self, asked: &[Asked], stopwatch: &mut Stopwatch) -> bool {
        let mut opened = false;
        for gate in asked.iter().filter(|gate| gate.passed()) {
            if !self.open.contains(&gate.check.id) {
                self.open.push(gate.check.id);
                stopwatch.since_start(gate.check.id);
                opened = true;
            }
        }
        if let Some((gate, problem)) = report::first_problem(asked) {
            let words = format!("waiting for {}: {}", gate.check.id, problem.found);
            if words != self.said {
                tracing::info!("{words}");
                self.said = words;
            }
        }
        opened
    }
}

/// Saves when this node joined and how long the phases took. A failure is only a debug message, because users other
/// than root may not write these files.
pub async fn save(system: &System, stopwatch: Stopwatch) {
    let now = environment::rfc3339_now();
    let joined = |status: &mut status::Status| {
        status.joined.get_or_insert_with(|| now.clone());
    };
    let first = status::load(&system.root).joined.is_none();
    if !first {
        return;
    }
    let saved = async {
        status::update(&system.root, joined).await?;
        stopwatch.save(&system.root).await
    };
    if let Err(error) = saved.await {
        tracing::debug!("cannot save the time of the join: {error}: {}", error.source);
    }
}
