//! Whether a server may restart now: only while the others can do without it, and one at a time.

use super::ApplyError;
use crate::node::{Duty, Node};
use crate::state::Daemon;
use crate::system::System;
use crate::system::api::{Api, Quorum, Server};
use crate::system::consul::{Consul, Turn};
use std::time::Duration;

/// An election takes seconds; a cluster that has no leader for longer has no quorum to lose.
pub(super) const ELECTION: Duration = Duration::from_secs(20);
/// Leaderless agents answer after about 7 s (`rpc_hold_timeout`).
const ANSWER: Duration = Duration::from_secs(10);

/// A server restarts only while the other servers keep the quorum, and only one at a time: all could see each other
/// healthy in the same moment. So a change of a whole fleet at once restarts one after the other. A Consul that does not
/// say whose turn it is, is asked again for as long as `patience`.
pub(super) async fn may_restart(
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
