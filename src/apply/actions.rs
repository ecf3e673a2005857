//! The actions of a plan: each enqueued, none waited for.

use super::ended::Ended;
use super::quorum::{self, Leave};
use super::voter::{ELECTION, Voter};
use super::{ApplyError, docker, reload, since, trust_store};
use crate::node::Node;
use crate::plan::{Plan, PlannedAction};
use crate::state::{Action, DOCKER, Daemon, Tool, UnitState, Verb};
use crate::system::System;
use crate::system::systemd::services::{Job, ServiceError, ServiceManager};
use std::time::Duration;

/// What came of the actions.
#[derive(Default)]
pub struct Ran {
    /// Those that stay due.
    pub(super) left: Vec<Action>,
    /// What people have to know of those that stay due without an error, a sentence each.
    pub notes: Vec<String>,
    /// Why the first of the others failed.
    pub error: Option<ApplyError>,
}

/// Where actions are carried out.
struct Run<'a> {
    system: &'a System,
    services: &'a dyn ServiceManager,
    plan: &'a Plan,
    node: &'a Node,
    patience: Duration,
}

/// Carries out actions in their order. An action that fails stays due, and the others happen all the same: a node whose
/// trust store cannot be rebuilt still gets its Consul.
pub(super) async fn run(
    system: &System,
    services: &dyn ServiceManager,
    plan: &Plan,
    node: &Node,
) -> Ran {
    let mut ran = Ran::default();
    // A Consul that this run restarts is away for a moment, which is no reason to postpone anything.
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
                // The report of the run has all of it.
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
            Action::Run(Tool::UpdateTrustStore) => {
                return trust_store::update(self.system, self.node).await;
            }
            Action::DaemonReload => (Job::DaemonReload, ""),
            Action::Unit(Verb::Enable, unit) => (Job::Enable, unit.as_ref()),
            Action::Unit(Verb::Reload, unit) => (Job::Reload, unit.as_ref()),
            Action::Unit(Verb::Stop, unit) => return self.stop(unit).await,
            // What does not run reads its file when it starts.
            Action::Unit(Verb::TryRestart, unit) => match self.state(unit).await? {
                UnitState::Up => return self.restart(unit).await,
                _ => return Ok(Ended::Nothing),
            },
            Action::Unit(Verb::Restart, unit) => return self.restart(unit).await,
            // Between the look and the writing somebody else may have started it, with the old file.
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

    /// Restarts or stops a unit, if those that need it can do without it: a server its quorum, docker its containers.
    async fn take_away(&self, job: Job, unit: &str) -> Result<Ended, ApplyError> {
        let denied = match Daemon::of_unit(unit) {
            Some(daemon) => self.may_leave_quorum(job, daemon).await?,
            // To ask docker for containers would start it where it comes by its socket; here it runs.
            None if unit == DOCKER => docker::is_left(self.system, self.services).await?,
            None => None,
        };
        if let Some(note) = denied {
            return Ok(Ended::Left(note));
        }
        self.services.run(job, unit).await?;
        Ok(Ended::Done)
    }

    /// Why a server has to stay, where somebody has to do something about that.
    async fn may_leave_quorum(
        &self,
        job: Job,
        daemon: Daemon,
    ) -> Result<Option<String>, ApplyError> {
        let Some(voter) = Voter::of(self.system, self.plan, self.node, daemon) else {
            return Ok(None);
        };
        let verb = if job == Job::Stop { "stop" } else { "restart" };
        // Consul itself has not restarted yet.
        let patience = if daemon == Daemon::Consul { Duration::ZERO } else { self.patience };
        match quorum::may_go(&voter, verb, patience).await? {
            Leave::Given => Ok(None),
            Leave::Denied(note) => Ok(Some(note)),
        }
    }
}

/// Stops a unit below which something moves, and waits for nobody's consent: whether the quorum can do without it was asked
/// before the first step.
pub(super) async fn stop(system: &System, planned: &PlannedAction) -> Result<(), ApplyError> {
    if let (Some(services), Some(unit)) = (&system.services, planned.action.of_unit()) {
        services.run(Job::Stop, unit).await?;
        tracing::info!("{}", planned.done());
    }
    Ok(())
}
