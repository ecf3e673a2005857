//! The actions of a plan: each enqueued, none waited for, and a server only while the others can do without it.

use super::{ApplyError, tool};
use crate::facts::host::{self, TrustStore};
use crate::node::{Duty, Node};
use crate::plan::PlannedAction;
use crate::state::{Action, DNS_LINK, Daemon, UnitState};
use crate::system::System;
use crate::system::command;
use crate::system::daemon::{self, Quorum};
use crate::system::services::{Job, ServiceManager};
use std::path::Path;
use std::time::Duration;

/// Longest time for a tool of the system: `update-ca-certificates` takes seconds on a small instance.
const TOOL_TIMEOUT: Duration = Duration::from_secs(120);
/// An election takes seconds; a cluster that has no leader for longer has no quorum to lose.
const ELECTION: Duration = Duration::from_secs(20);

/// Carries out actions in their order.
pub(super) async fn run(
    system: &System,
    services: &dyn ServiceManager,
    actions: &[PlannedAction],
    node: &Node,
) -> Result<(), ApplyError> {
    for planned in actions {
        match &planned.action {
            Action::UpdateTrustStore => update_trust_store(system).await?,
            Action::RestartDocker if container_runs(system).await => {
                tracing::warn!("{}: a container runs, so it is left to you", planned.words());
                continue;
            }
            Action::Restart(daemon) => {
                may_restart(system, *daemon, node).await?;
                services.run(Job::Restart, daemon.unit()).await?;
            }
            Action::Stop(daemon) => services.run(Job::Stop, daemon.unit()).await?,
            Action::Start(daemon) => services.run(Job::Start, daemon.unit()).await?,
            Action::Reload(daemon) => services.run(Job::Reload, daemon.unit()).await?,
            Action::DaemonReload => services.run(Job::DaemonReload, "").await?,
            Action::StopDnsLink => services.run(Job::Stop, DNS_LINK).await?,
            Action::RestartResolved => {
                services.run(Job::Restart, "systemd-resolved.service").await?
            }
            Action::RestartDnsmasq => services.run(Job::Restart, "dnsmasq.service").await?,
            Action::RestartDnsLink => services.run(Job::Restart, DNS_LINK).await?,
            Action::RestartDocker => restart_docker(services).await?,
        }
        tracing::info!("{}", planned.words());
    }
    Ok(())
}

async fn update_trust_store(system: &System) -> Result<(), ApplyError> {
    // Another root has a trust store of its own, which this host's tool must not touch.
    if !system.root.is_host() {
        return Ok(());
    }
    let Some(store) = host::look(&system.root)?.trust_store else { return Ok(()) };
    let (program, args): (&str, &[&str]) = match store {
        TrustStore::UpdateCaTrust => ("/usr/bin/update-ca-trust", &["extract"]),
        TrustStore::UpdateCaCertificates => ("/usr/sbin/update-ca-certificates", &[]),
    };
    let output = command::run(&tool(system, program), args, &system.environment.path, TOOL_TIMEOUT)
        .await
        .map_err(ApplyError::ToolMissing)?;
    if output.success() {
        Ok(())
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

/// A docker that does not run reads its file when it starts.
async fn restart_docker(services: &dyn ServiceManager) -> Result<(), ApplyError> {
    let unit = "docker.service";
    let up = services.states(&[unit]).await?.get(unit) == Some(&UnitState::Up);
    if up {
        services.run(Job::Restart, unit).await?;
    }
    Ok(())
}

/// A server restarts only while the other servers keep the quorum, so that a change of a whole fleet at once
/// restarts one after the other.
async fn may_restart(system: &System, daemon: Daemon, node: &Node) -> Result<(), ApplyError> {
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
    let started = tokio::time::Instant::now();
    loop {
        match daemon::quorum(api).await {
            Quorum::Servers(servers) => {
                return match others_keep_quorum(&servers, &node.instance.id) {
                    Ok(()) => Ok(()),
                    Err(reason) => at_risk(reason),
                };
            }
            Quorum::Unknown(problem) => {
                return at_risk(format!("its agent does not say how the others are: {problem}"));
            }
            Quorum::Leaderless if started.elapsed() > ELECTION => return Ok(()),
            Quorum::Leaderless => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
}

/// Whether the healthy voters besides this node are a majority of all voters.
fn others_keep_quorum(servers: &[daemon::Server], own: &str) -> Result<(), String> {
    let is_own =
        |server: &daemon::Server| server.name == own || server.name.starts_with(&format!("{own}."));
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

    fn servers(healthy: &[bool]) -> Vec<daemon::Server> {
        let server = |(index, healthy): (usize, &bool)| daemon::Server {
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
