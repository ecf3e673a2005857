//! Whether docker may restart. A restart ends its containers, so docker must not restart while a task runs.

use super::ApplyError;
use crate::state::{DOCKER, Daemon, UnitState};
use crate::system::System;
use crate::system::command;
use crate::system::daemon::nomad::Nomad;
use crate::system::systemd::services::ServiceManager;
use std::time::Duration;

/// The command-line client of docker.
const PROGRAM: &str = "/usr/bin/docker";
/// Longest time for a list of containers.
const LIST_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest time for an answer of Nomad.
const ANSWER: Duration = Duration::from_secs(10);

/// Why docker is left to the operator; `None` if it may restart.
pub(super) async fn is_left(
    system: &System,
    services: &dyn ServiceManager,
) -> Result<Option<String>, ApplyError> {
    let reason = match may_get_tasks(system, services).await? {
        Some(reason) => reason,
        None => match may_have_containers(system).await {
            Some(reason) => reason,
            None => return Ok(None),
        },
    };
    Ok(Some(format!(
        "{DOCKER} must restart to read /etc/docker/daemon.json, but a restart ends its containers, and {reason}. Drain this \
         node (`nomad node drain -enable -self`), run `systemctl restart {DOCKER}` and `cos-agent apply`, then make the node \
         eligible again (`nomad node eligibility -enable -self`). A reboot has the same effect"
    )))
}

/// Why Nomad may start a container after the containers are listed and before docker restarts; `None` if it cannot.
async fn may_get_tasks(
    system: &System,
    services: &dyn ServiceManager,
) -> Result<Option<String>, ApplyError> {
    let unit = Daemon::Nomad.unit();
    match services.states(&[unit]).await?.get(unit) {
        // A masked unit may still run.
        Some(UnitState::Up | UnitState::Masked) => {}
        _ => return Ok(None),
    }
    let asked = async { Nomad::local(&system.environment, ANSWER)?.is_eligible().await };
    Ok(match asked.await {
        Ok(false) => None,
        Ok(true) => Some("Nomad may place tasks on this node at any time".to_owned()),
        Err(problem) => {
            Some(format!("Nomad did not report whether it may place tasks on this node: {problem}"))
        }
    })
}

/// Why containers may be running. Only a complete and empty list proves that none are.
async fn may_have_containers(system: &System) -> Option<String> {
    let program = match system.root.resolve(PROGRAM) {
        Ok(program) => program,
        Err(problem) => return Some(format!("{problem}: {}", problem.source)),
    };
    let listed =
        command::run(&program, &["ps", "--quiet"], &system.environment.path, LIST_TIMEOUT).await;
    match listed {
        Ok(output) if output.success() && output.stdout.trim().is_empty() => None,
        Ok(output) if output.success() => Some("containers are running".to_owned()),
        Ok(output) => Some(format!(
            "`docker ps` did not list the containers: {}",
            output.words().lines().last().unwrap_or("a signal ended it")
        )),
        Err(problem) => Some(format!("`docker ps` did not list the containers: {problem}")),
    }
}
