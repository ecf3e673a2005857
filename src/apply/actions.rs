//! The actions of a plan: each enqueued, none waited for, and a server only while the others can do without it.

use super::ApplyError;
use crate::facts::host::{self, TrustStore};
use crate::node::{Duty, Node};
use crate::plan::PlannedAction;
use crate::state::{AGENT, Action, DNS_LINK, Daemon, READY, UnitState, WATCH};
use crate::system::System;
use crate::system::api::{Api, Quorum, Server};
use crate::system::command;
use crate::system::consul::{Consul, Turn};
use crate::system::services::{Job, ServiceManager};
use std::path::Path;
use std::time::Duration;

/// What Debian's tool leaves behind when it is killed: the next run would append to it, and would make no hash links for
/// certificates that it had linked already. Made empty rather than removed, it stays a mark until a run has ended.
const UNFINISHED: &str = "/etc/ssl/certs/ca-certificates.crt.new";
/// Longest time for a tool of the system: `update-ca-certificates` takes seconds on a small instance.
const TOOL_TIMEOUT: Duration = Duration::from_secs(120);
/// An election takes seconds; a cluster that has no leader for longer has no quorum to lose.
const ELECTION: Duration = Duration::from_secs(20);
/// Leaderless agents answer after about 7 s (`rpc_hold_timeout`).
const ANSWER: Duration = Duration::from_secs(10);

/// What came of the actions.
pub(super) struct Ran {
    /// Those that failed and stay due.
    pub(super) left: Vec<Action>,
    /// Why the first of them failed.
    pub(super) error: Option<ApplyError>,
}

/// Carries out actions in their order. One that fails stays due and does not keep the others from happening: a trust
/// store that cannot be rebuilt is no reason for a node without Consul.
pub(super) async fn run(
    system: &System,
    services: &dyn ServiceManager,
    actions: &[PlannedAction],
    node: &Node,
) -> Ran {
    let mut ran = Ran { left: Vec::new(), error: None };
    // What this very run restarts is away for a moment, and that is no reason to put anything off.
    let restarts = |planned: &PlannedAction| planned.action == Action::Restart(Daemon::Consul);
    let patience = if actions.iter().any(restarts) { ELECTION } else { Duration::ZERO };
    for planned in actions {
        match one(system, services, planned.action, node, patience).await {
            Ok(true) => tracing::info!("{}", planned.words()),
            Ok(false) => tracing::info!("nothing to do for: {}", planned.words()),
            Err(error) => {
                tracing::error!("{}: {error}", planned.words());
                ran.left.push(planned.action);
                ran.error.get_or_insert(error);
            }
        }
    }
    ran
}

/// One action; whether there was something to do.
async fn one(
    system: &System,
    services: &dyn ServiceManager,
    action: Action,
    node: &Node,
    patience: Duration,
) -> Result<bool, ApplyError> {
    let (job, unit) = match action {
        Action::UpdateTrustStore => return update_trust_store(system).await,
        Action::RestartDocker if container_runs(system).await => {
            tracing::warn!(
                "docker.service needs a restart; a container runs, so it is left to you"
            );
            return Ok(false);
        }
        Action::Restart(daemon) => {
            may_restart(system, daemon, node, patience).await?;
            (Job::Restart, daemon.unit())
        }
        // What does not run needs no stop, and what does not run reads its file when it starts.
        Action::Stop(daemon) => return if_up(services, Job::Stop, daemon.unit()).await,
        Action::StopDnsLink => return if_up(services, Job::Stop, DNS_LINK).await,
        Action::RestartResolved => {
            return if_up(services, Job::Restart, "systemd-resolved.service").await;
        }
        Action::RestartDnsmasq => return if_up(services, Job::Restart, "dnsmasq.service").await,
        Action::RestartDocker => return if_up(services, Job::Restart, "docker.service").await,
        Action::Start(daemon) => (Job::Start, daemon.unit()),
        // One that is green for another role begins anew.
        Action::StartReady => (Job::Restart, READY),
        Action::StartWatch => (Job::Start, WATCH),
        Action::Reload(daemon) => (Job::Reload, daemon.unit()),
        Action::DaemonReload => (Job::DaemonReload, ""),
        Action::EnableAgent => (Job::Enable, AGENT),
        Action::RestartDnsLink => (Job::Restart, DNS_LINK),
    };
    services.run(job, unit).await?;
    Ok(true)
}

async fn if_up(services: &dyn ServiceManager, job: Job, unit: &str) -> Result<bool, ApplyError> {
    let up = services.states(&[unit]).await?.get(unit) == Some(&UnitState::Up);
    if up {
        services.run(job, unit).await?;
    }
    Ok(up)
}

async fn update_trust_store(system: &System) -> Result<bool, ApplyError> {
    // Another root has a trust store of its own, which this host's tool must not touch.
    if !system.root.is_host() {
        return Ok(false);
    }
    let Some(store) = host::look(&system.root)?.trust_store else { return Ok(false) };
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
        Ok(true)
    } else {
        Err(ApplyError::Tool { command: program.to_owned(), words: output.words() })
    }
}

/// docker is never restarted below a task.
async fn container_runs(system: &System) -> bool {
    let docker = Path::new("/usr/bin/docker");
    if !system.root.is_host() {
        return false;
    }
    match command::run(
        docker,
        &["ps", "--quiet"],
        &system.environment.path,
        Duration::from_secs(20),
    )
    .await
    {
        // A docker that does not answer runs no container that a restart could end, or hangs, and then a person decides.
        Ok(output) => output.success() && !output.stdout.trim().is_empty(),
        Err(command::CommandError::Timeout { .. }) => true,
        Err(command::CommandError::Spawn { .. }) => false,
    }
}

/// A server restarts only while the other servers keep the quorum, and only one at a time: all could see each other
/// healthy in the same moment. So a change of a whole fleet at once restarts one after the other. A Consul that does not
/// say whose turn it is, is asked again for as long as `patience`.
async fn may_restart(
    system: &System,
    daemon: Daemon,
    node: &Node,
    patience: Duration,
) -> Result<(), ApplyError> {
    let (servers, api) = match (&node.duty, daemon) {
        (Duty::ConsulServer { servers }, Daemon::Consul) => {
            (*servers, &system.environment.consul_api)
        }
        (Duty::NomadServer { servers, .. }, Daemon::Nomad) => {
            (*servers, &system.environment.nomad_api)
        }
        _ => return Ok(()),
    };
    if servers == 1 {
        return Ok(());
    }
    let at_risk = |reason: String| Err(ApplyError::QuorumAtRisk { unit: daemon.unit(), reason });
    let unknown = |error: &dyn std::fmt::Display| {
        at_risk(format!("its agent does not say how the others are: {error}"))
    };
    let agent = match Api::new(api, ANSWER) {
        Ok(agent) => agent,
        Err(error) => return unknown(&error),
    };
    let started = tokio::time::Instant::now();
    loop {
        match agent.quorum().await {
            // A leader that was just elected has looked at nobody yet.
            Quorum::Servers(servers) if servers.is_empty() && started.elapsed() <= ELECTION => {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Quorum::Servers(servers) => {
                if let Err(reason) = others_keep_quorum(&servers, &node.instance.id) {
                    return at_risk(reason);
                }
                break;
            }
            Quorum::Unknown(problem) => return unknown(&problem),
            Quorum::Leaderless if started.elapsed() > ELECTION => return Ok(()),
            Quorum::Leaderless => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
    let started = tokio::time::Instant::now();
    loop {
        let turn = match Consul::new(&system.environment.consul_api, ANSWER) {
            Ok(consul) => consul.take_turn(daemon.unit()).await,
            Err(error) => Turn::Unknown(error.to_string()),
        };
        match turn {
            Turn::Ours => return Ok(()),
            Turn::Taken => return at_risk("another server restarts at this moment".to_owned()),
            Turn::Unknown(_) if started.elapsed() < patience => {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Turn::Unknown(problem) => {
                return at_risk(format!("Consul does not say whose turn it is: {problem}"));
            }
        }
    }
}

/// Whether the healthy voters besides this node are a majority of all voters.
fn others_keep_quorum(servers: &[Server], own: &str) -> Result<(), String> {
    let is_own =
        |server: &Server| server.name == own || server.name.starts_with(&format!("{own}."));
    let voters = servers.iter().filter(|server| server.voter).count();
    let others =
        servers.iter().filter(|server| server.voter && server.healthy && !is_own(server)).count();
    let majority = voters / 2 + 1;
    if others >= majority {
        Ok(())
    } else {
        Err(format!(
            "of {voters} voters {others} others are healthy, and {majority} are needed without it"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(healthy: &[bool]) -> Vec<Server> {
        let server = |(index, healthy): (usize, &bool)| Server {
            name: format!("i-{index}.eu-central-1"),
            healthy: *healthy,
            voter: true,
        };
        healthy.iter().enumerate().map(server).collect()
    }

    #[test]
    fn a_server_restarts_only_if_the_others_are_a_majority() {
        assert!(others_keep_quorum(&servers(&[true, true, true]), "i-0").is_ok());
        assert!(
            others_keep_quorum(&servers(&[false, true, true]), "i-0").is_ok(),
            "a sick one may restart"
        );
        assert!(others_keep_quorum(&servers(&[true, false, true]), "i-0").is_err());
        assert!(others_keep_quorum(&servers(&[true, true, true, true, false]), "i-0").is_ok());
        assert!(others_keep_quorum(&servers(&[true, false, true, true, false]), "i-0").is_err());
        assert!(others_keep_quorum(&servers(&[true, true]), "i-0").is_err());
    }
}
