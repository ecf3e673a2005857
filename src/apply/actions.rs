//! The actions of a plan: each enqueued, none waited for.

use super::quorum::{self, Leave};
use super::voter::{ELECTION, Voter};
use super::{ApplyError, docker, reload, since};
use crate::facts::host::{self, TrustStore};
use crate::node::Node;
use crate::plan::{Plan, PlannedAction};
use crate::state::{AGENT, Action, DNS_LINK, DOCKER, Daemon, READY, UnitState, WATCH};
use crate::system::System;
use crate::system::command;
use crate::system::services::{Job, ServiceError, ServiceManager};
use std::path::Path;
use std::time::Duration;

/// Of units that run or will: both take a stop.
const STARTED: &[UnitState] = &[UnitState::Up, UnitState::Queued];
/// What Debian's tool leaves behind when it is killed: the next run would append to it, and would make no hash links for
/// certificates that it had linked already. Made empty rather than removed, it stays a mark until a run has ended.
pub(super) const UNFINISHED: &str = "/etc/ssl/certs/ca-certificates.crt.new";
/// Longest time for a tool of the system: `update-ca-certificates` takes seconds on a small instance.
const TOOL_TIMEOUT: Duration = Duration::from_secs(120);

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

/// How an action ended.
enum Ended {
    Done,
    /// There was nothing to do.
    Nothing,
    /// It stays due until somebody does what this says.
    Left(String),
}

/// Where actions are carried out.
struct Run<'a> {
    system: &'a System,
    services: &'a dyn ServiceManager,
    plan: &'a Plan,
    node: &'a Node,
    patience: Duration,
}

/// Carries out actions in their order. One that fails stays due and does not keep the others from happening: a trust
/// store that cannot be rebuilt is no reason for a node without Consul.
pub(super) async fn run(
    system: &System,
    services: &dyn ServiceManager,
    plan: &Plan,
    node: &Node,
) -> Ran {
    let mut ran = Ran::default();
    // What this very run restarts is away for a moment, and that is no reason to put anything off.
    let restarts = |planned: &PlannedAction| planned.action == Action::Restart(Daemon::Consul);
    let patience = if plan.actions.iter().any(restarts) { ELECTION } else { Duration::ZERO };
    let run = Run { system, services, plan, node, patience };
    for planned in &plan.actions {
        let ended = match planned.action {
            Action::DaemonReload if !reload::is_needed(services, plan, planned).await => {
                Ok(Ended::Nothing)
            }
            _ => run.one(planned).await,
        };
        match ended {
            Ok(Ended::Done) => tracing::info!("{}", planned.words()),
            Ok(Ended::Nothing) => tracing::info!("nothing to do for: {}", planned.words()),
            Ok(Ended::Left(note)) => {
                ran.left.push(planned.action);
                ran.notes.push(note);
            }
            Err(error) => {
                // All of it is in the report of the run, once.
                let words = error.to_string();
                tracing::error!("{}: {}", planned.words(), words.lines().next().unwrap_or(""));
                ran.left.push(planned.action);
                ran.error.get_or_insert(error);
            }
        }
    }
    ran
}

impl Run<'_> {
    async fn one(&self, planned: &PlannedAction) -> Result<Ended, ApplyError> {
        let services = self.services;
        let (job, unit) = match planned.action {
            Action::UpdateTrustStore => return update_trust_store(self.system).await,
            Action::RestartDocker => return self.restart_docker().await,
            Action::Restart(daemon) => return self.restart(daemon).await,
            // Between the look and the writing somebody else may have started it, with the old file.
            Action::Start(daemon) if planned.is_new => match self.state(daemon.unit()).await? {
                UnitState::Up => return self.restart(daemon).await,
                UnitState::Queued => return Ok(Ended::Nothing),
                _ => (Job::Start, daemon.unit()),
            },
            Action::Start(daemon) => (Job::Start, daemon.unit()),
            Action::Stop(daemon) => return self.stop(daemon).await,
            Action::StopDnsLink => return self.if_any_of(STARTED, Job::Stop, DNS_LINK).await,
            // What does not run reads its file when it starts.
            Action::RestartResolved => {
                let unit = "systemd-resolved.service";
                return self.if_any_of(&[UnitState::Up], Job::Restart, unit).await;
            }
            Action::RestartDnsmasq => {
                return self.if_any_of(&[UnitState::Up], Job::Restart, "dnsmasq.service").await;
            }
            Action::StartDocker => (Job::Start, DOCKER),
            // One that is green for another role, or runs by an agent that was replaced, begins anew.
            Action::StartReady => (Job::Restart, READY),
            Action::StartWatch => (Job::Restart, WATCH),
            Action::Reload(daemon) => (Job::Reload, daemon.unit()),
            Action::DaemonReload => (Job::DaemonReload, ""),
            Action::EnableAgent => (Job::Enable, AGENT),
            Action::RestartDnsLink => (Job::Restart, DNS_LINK),
        };
        services.run(job, unit).await?;
        Ok(Ended::Done)
    }

    async fn state(&self, unit: &str) -> Result<UnitState, ServiceError> {
        let states = self.services.states(&[unit]).await?;
        Ok(states.get(unit).copied().unwrap_or(UnitState::Unknown))
    }

    async fn if_any_of(
        &self,
        states: &[UnitState],
        job: Job,
        unit: &str,
    ) -> Result<Ended, ApplyError> {
        if !states.contains(&self.state(unit).await?) {
            return Ok(Ended::Nothing);
        }
        self.services.run(job, unit).await?;
        Ok(Ended::Done)
    }

    async fn restart_docker(&self) -> Result<Ended, ApplyError> {
        // To ask docker for containers would start it where it comes by its socket.
        if self.state(DOCKER).await? != UnitState::Up
            || since::has_started(self.services, self.plan, DOCKER).await?
        {
            return Ok(Ended::Nothing);
        }
        if let Some(note) = docker::is_left(self.system, self.services).await? {
            return Ok(Ended::Left(note));
        }
        self.services.run(Job::Restart, DOCKER).await?;
        Ok(Ended::Done)
    }

    async fn restart(&self, daemon: Daemon) -> Result<Ended, ApplyError> {
        if since::has_started(self.services, self.plan, daemon.unit()).await? {
            return Ok(Ended::Nothing);
        }
        self.take_away(Job::Restart, daemon).await
    }

    async fn stop(&self, daemon: Daemon) -> Result<Ended, ApplyError> {
        match self.state(daemon.unit()).await? {
            UnitState::Up => self.take_away(Job::Stop, daemon).await,
            _ => self.if_any_of(STARTED, Job::Stop, daemon.unit()).await,
        }
    }

    /// Restarts or stops a daemon, if its quorum can do without it.
    async fn take_away(&self, job: Job, daemon: Daemon) -> Result<Ended, ApplyError> {
        if let Some(voter) = Voter::of(self.system, self.plan, self.node, daemon) {
            let verb = if job == Job::Stop { "stop" } else { "restart" };
            // Consul itself has not restarted yet.
            let patience = if daemon == Daemon::Consul { Duration::ZERO } else { self.patience };
            if let Leave::Denied(note) = quorum::may_go(&voter, verb, patience).await? {
                return Ok(Ended::Left(note));
            }
        }
        self.services.run(job, daemon.unit()).await?;
        Ok(Ended::Done)
    }
}

async fn update_trust_store(system: &System) -> Result<Ended, ApplyError> {
    // Another root has a trust store of its own, which this host's tool must not touch.
    if !system.root.is_host() {
        return Ok(Ended::Nothing);
    }
    let Some(store) = host::look(&system.root)?.trust_store else { return Ok(Ended::Nothing) };
    let (program, args): (&str, &[&str]) = match store {
        TrustStore::UpdateCaTrust => ("/usr/bin/update-ca-trust", &["extract"]),
        TrustStore::UpdateCaCertificates if system.root.stat(UNFINISHED)?.is_some() => {
            system.root.write(UNFINISHED, b"", 0o644)?;
            ("/usr/sbin/update-ca-certificates", &["--fresh"])
        }
        TrustStore::UpdateCaCertificates => ("/usr/sbin/update-ca-certificates", &[]),
    };
    let output = command::run(Path::new(program), args, &system.environment.path, TOOL_TIMEOUT)
        .await
        .map_err(ApplyError::ToolMissing)?;
    if output.success() {
        Ok(Ended::Done)
    } else {
        Err(ApplyError::Tool { command: program.to_owned(), words: output.words() })
    }
}
