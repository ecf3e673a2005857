//! Carries out the actions of a plan: it enqueues each job and does not wait for it to finish.

use super::ended::Ended;
use super::quorum::{self, Leave};
use super::voter::{ELECTION, Voter};
use super::{ApplyError, docker, reload, since, tools};
use crate::node::Node;
use crate::plan::{Plan, PlannedAction};
use crate::state::{Action, DOCKER, Daemon, UnitState, Verb};
use crate::system::System;
use crate::system::systemd::services::{Job, ServiceError, ServiceManager};
use std::time::Duration;

/// The result of the actions.
#[derive(Default)]
pub struct Ran {
    /// The actions that stay due.
    pub(super) left: Vec<Action>,
    /// Notes for people on actions that stay due without an error, one sentence each.
    pub notes: Vec<String>,
    /// The error of the first action that failed.
    pub error: Option<ApplyError>,
}

/// What the actions need.
struct Run<'a> {
    system: &'a System,
    services: &'a dyn ServiceManager,
    plan: &'a Plan,
    node: &'a Node,
    patience: Duration,
}

/// Carries out actions in their order. An action that fails stays due, and the others run all the same: a node whose trust
/// store cannot be rebuilt still gets its Consul.
pub(super) async fn run(
    system: &System,
    services: &dyn ServiceManager,
    plan: &Plan,
    node: &Node,
) -> Ran {
    let mut ran = Ran::default();
    // Consul is away for a moment while this run restarts it. That must not postpone another restart, so the run waits.
    let restarts = |planned: &PlannedAction| planned.action == Action::restart(Daemon::Consul);
    let patience = if plan.actions().any(restarts) { ELECTION } else { Duration::ZERO };
    let run = Run { system, services, plan, node, patience };
    for planned in plan.actions() {
        let ended = match planned.action {
            Action::DaemonReload if !reload::is_needed(services, plan, planned).await => {
                Ok(Ended::Nothing)
            }
            _ => run.one(planned).await,
        };
        match ended {
            Ok(Ended::Done) => tracing::info!("{}", planned.done()),
            Ok(Ended::Nothing) => tracing::info!("not needed: {}", planned.words()),
            Ok(Ended::Left(note)) => {
                ran.left.push(planned.action.clone());
                ran.notes.push(note);
            }
            Err(error) => {
                // The log gets the first line only, because the report of the run has the whole error.
                let words = error.to_string();
                tracing::error!(
                    "cannot {}: {}",
                    planned.words(),
                    words.lines().next().unwrap_or("")
                );
                ran.left.push(planned.action.clone());
                ran.error.get_or_insert(error);
            }
        }
    }
    ran
}

impl Run<'_> {
    async fn one(&self, planned: &PlannedAction) -> Result<Ended, ApplyError> {
        let (verb, unit) = match &planned.action {
            // The tools of this host must not touch another root directory; only `install` works on one.
            Action::Run(_) if !self.system.root.is_host() => return Ok(Ended::Nothing),
            Action::Run(tool) => {
                let store = self.node.host.trust_store;
                return tools::run(self.system, store, *tool).await;
            }
            Action::DaemonReload => (Job::DaemonReload, ""),
            Action::Unit(Verb::Enable, unit) => (Job::Enable, unit.as_ref()),
            Action::Unit(Verb::Disable, unit) => (Job::Disable, unit.as_ref()),
            Action::Unit(Verb::Reload, unit) => (Job::Reload, unit.as_ref()),
            Action::Unit(Verb::Stop, unit) => return self.stop(unit).await,
            // A unit that does not run reads its file when it starts.
            Action::Unit(Verb::TryRestart, unit) => match self.state(unit).await? {
                UnitState::Up => return self.restart(unit).await,
                _ => return Ok(Ended::Nothing),
            },
            Action::Unit(Verb::Restart, unit) => return self.restart(unit).await,
            // Somebody else may have started the unit with the old file, after the observation and before the write.
            Action::Unit(Verb::Start, unit) if planned.is_new => match self.state(unit).await? {
                UnitState::Up => return self.restart(unit).await,
                UnitState::Queued => return Ok(Ended::Nothing),
                _ => (Job::Start, unit.as_ref()),
            },
            Action::Unit(Verb::Start, unit) => (Job::Start, unit.as_ref()),
        };
        self.services.run(verb, unit).await?;
        Ok(Ended::Done)
    }

    async fn state(&self, unit: &str) -> Result<UnitState, ServiceError> {
        let states = self.services.states(&[unit]).await?;
        Ok(states.get(unit).copied().unwrap_or(UnitState::Unknown))
    }

    async fn restart(&self, unit: &str) -> Result<Ended, ApplyError> {
        if since::has_started(self.services, self.plan, unit).await? {
            return Ok(Ended::Nothing);
        }
        self.take_away(Job::Restart, unit).await
    }

    async fn stop(&self, unit: &str) -> Result<Ended, ApplyError> {
        match self.state(unit).await? {
            UnitState::Up => self.take_away(Job::Stop, unit).await,
            UnitState::Queued => {
                self.services.run(Job::Stop, unit).await?;
                Ok(Ended::Done)
            }
            _ => Ok(Ended::Nothing),
        }
    }

    /// Restarts or stops a unit, if the quorum of a server or the containers of docker allow it.
    async fn take_away(&self, job: Job, unit: &str) -> Result<Ended, ApplyError> {
        let denied = match Daemon::of_unit(unit) {
            Some(daemon) => self.may_leave_quorum(job, daemon).await?,
            // `docker ps` would start docker through its socket, but here docker runs already.
            None if unit == DOCKER => docker::is_left(self.system, self.services).await?,
            None => None,
        };
        if let Some(note) = denied {
            return Ok(Ended::Left(note));
        }
        self.services.run(job, unit).await?;
        Ok(Ended::Done)
    }

    /// The note for people where a server stays because they have to act first; `None` if it may go.
    async fn may_leave_quorum(
        &self,
        job: Job,
        daemon: Daemon,
    ) -> Result<Option<String>, ApplyError> {
        let Some(voter) = Voter::of(self.system, self.plan, self.node, daemon) else {
            return Ok(None);
        };
        let verb = if job == Job::Stop { "stop" } else { "restart" };
        // Consul's own restart is still to come, so there is nothing to wait for.
        let patience = if daemon == Daemon::Consul { Duration::ZERO } else { self.patience };
        match quorum::may_go(&voter, verb, patience).await? {
            Leave::Given => Ok(None),
            Leave::Denied(note) => Ok(Some(note)),
        }
    }
}

/// Stops a unit before its data is moved. It does not ask the quorum, because `quorum::may_change` did so before the first
/// step.
pub(super) async fn stop(system: &System, planned: &PlannedAction) -> Result<(), ApplyError> {
    if let (Some(services), Some(unit)) = (&system.services, planned.action.of_unit()) {
        services.run(Job::Stop, unit).await?;
        tracing::info!("{}", planned.done());
    }
    Ok(())
}
