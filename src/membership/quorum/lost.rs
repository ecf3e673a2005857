//! Whether a cluster is lost: what must be certain before `reform` gives it up.

use super::GuardError;
use crate::membership::join::discovery;
use crate::node::Node;
use crate::state::Daemon;
use crate::system::System;
use crate::system::aws::ec2::Peer;
use crate::system::daemon::api::{Api, ApiError};
use crate::system::daemon::endpoint::Endpoint;
use crate::system::retry::Deadline;
use futures_util::future::join_all;
use serde_json::Value;
use std::time::Duration;

/// Longest time for one answer of an agent: without a leader it holds some questions for about 7 s.
const API_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time for EC2's list of servers.
const EC2_TIMEOUT: Duration = Duration::from_secs(15);

/// What to do if it cannot be verified that the other servers have no leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswered {
    /// Refuse, because the cluster may be alive.
    Refuse,
    /// Go on, because the operator knows that those servers are lost.
    AssumeLost,
}

/// Fails unless the cluster is lost, and changes nothing. Asks the agent of this node, then EC2 for the other running
/// servers, and each of those for a leader. Returns what could not be verified and the operator vouched for, one
/// sentence each.
pub async fn must_be_lost(
    system: &System,
    node: &Node,
    daemon: Daemon,
    unanswered: Unanswered,
) -> Result<Vec<String>, GuardError> {
    must_be_lost_here(system, daemon).await?;
    let others = match discovery::others(system, node, daemon, Deadline::after(EC2_TIMEOUT)).await {
        Ok(others) => others,
        Err(source) if unanswered == Unanswered::Refuse => {
            return Err(GuardError::NotListed { daemon, source });
        }
        Err(error) => {
            return Ok(vec![format!("EC2 did not list the other servers: {}", error.trouble())]);
        }
    };
    let asked = others.iter().map(async |peer| (name(peer), leader(system, daemon, peer).await));
    let mut silent = Vec::new();
    for (name, said) in join_all(asked).await {
        match said {
            Ok(Some(leader)) => {
                return Err(GuardError::HasLeader { daemon, leader, told_by: Some(name) });
            }
            Ok(None) => {}
            Err(problem) => silent.push(format!("cannot ask {name} for its leader: {problem}")),
        }
    }
    if silent.is_empty() || unanswered == Unanswered::AssumeLost {
        return Ok(silent);
    }
    Err(GuardError::OthersSilent { daemon, silent })
}

/// Checks the local agent and the disk. An agent that does not answer may only be stopped, so then the data on the disk
/// decides.
async fn must_be_lost_here(system: &System, daemon: Daemon) -> Result<(), GuardError> {
    let mut silence = None;
    for what in ["leader", "peers"] {
        let asked =
            async { Api::local(daemon, &system.environment, API_TIMEOUT)?.status_of(what).await };
        match asked.await {
            Ok(Value::String(leader)) if !leader.is_empty() => {
                return Err(GuardError::HasLeader { daemon, leader, told_by: None });
            }
            Ok(Value::Array(peers)) if !peers.is_empty() => {
                let peers =
                    peers.iter().map(|peer| peer.as_str().unwrap_or("?").to_owned()).collect();
                return Err(GuardError::HasData { daemon, peers });
            }
            Ok(Value::String(_) | Value::Array(_) | Value::Null) => {}
            Ok(other) => {
                let problem = format!("expected a leader and peers, found {other}");
                let path = format!("/v1/status/{what}");
                silence = silence.or(Some(ApiError::Malformed { path, problem }));
            }
            Err(problem) => silence = silence.or(Some(problem)),
        }
    }
    let Some(problem) = silence else { return Ok(()) };
    tracing::warn!("cannot ask {} for its leader: {problem}", daemon.unit());
    if !system.root.holds_data(daemon.server_data())? {
        return Ok(());
    }
    Err(GuardError::Silent { daemon })
}

/// The leader that another server knows. A closed port proves nothing: the agent may be about to start again, with all
/// of the cluster's data.
async fn leader(system: &System, daemon: Daemon, peer: &Peer) -> Result<Option<String>, ApiError> {
    let there = Endpoint::of(daemon, &system.environment).at(peer.address);
    let api = Api::new(there, API_TIMEOUT)?;
    match api.status_of("leader").await {
        Ok(Value::String(leader)) => Ok(Some(leader).filter(|leader| !leader.is_empty())),
        Ok(other) => Err(ApiError::Malformed {
            path: "/v1/status/leader".to_owned(),
            problem: format!("expected an address, found {other}"),
        }),
        // The answer of a server without a leader.
        Err(ApiError::Status { status: 500, words, .. })
            if words.to_ascii_lowercase().contains("no cluster leader") =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// A server as people read it.
fn name(peer: &Peer) -> String {
    format!("{} at {}", peer.instance, peer.address)
}
