//! Whether a server may go away for a moment: only one at a time, and only while the other servers keep the quorum.

use super::voter::{AGAIN, ANSWER, NOBODY_SEEN, Others, Voter};
use super::{ApplyError, denied};
use crate::node::Node;
use crate::plan::Plan;
use crate::state::Daemon;
use crate::system::System;
use crate::system::daemon::consul::Consul;
use crate::system::daemon::turn::{Held, Request, Turn};
use std::time::Duration;
use tokio::time::Instant;

/// Where the cluster has no leader and no server can get the restart lock, each server waits a random time below this one,
/// so that they do not all restart at once.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Whether a server may go away for a moment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// It may go.
    Given,
    /// ACLs deny the question; this note says what to do about it.
    Denied(String),
}

/// Whether a server may restart or stop: only while the other servers keep the quorum, and only one at a time, because all
/// could see each other healthy at the same moment. So a change of a whole fleet restarts one server after the other. The
/// first answer is old once this server has the restart lock, so it is asked for again. If Consul cannot say who has the
/// lock, the request is repeated for as long as `patience`.
pub(super) async fn may_go(
    voter: &Voter<'_>,
    verb: &'static str,
    patience: Duration,
) -> Result<Leave, ApplyError> {
    let unit = voter.daemon.unit();
    let at_risk = |reason: String| Err(ApplyError::QuorumAtRisk { unit, verb, reason });
    // A server whose tags say that it is the only one may still see another voter, and then its vote counts.
    if voter.is_said_to_be_alone && !voter.sees_another().await {
        return Ok(Leave::Given);
    }
    let is_leaderless = match voter.ask_patiently().await {
        Others::Enough => false,
        Others::Leaderless => true,
        Others::Denied(problem) => {
            return Ok(Leave::Denied(denied::health(voter.daemon, verb, &problem)));
        }
        Others::AtRisk(reason) => return at_risk(reason),
        Others::Electing => return at_risk(NOBODY_SEEN.to_owned()),
    };
    // Consul without a leader gives no restart lock, not even for itself.
    let turn = if is_leaderless && voter.daemon == Daemon::Consul {
        Turn::Leaderless
    } else {
        take_turn(voter, patience).await
    };
    match turn {
        Turn::Ours(held) => match last_look(voter, &held, is_leaderless).await {
            Ok(()) => Ok(Leave::Given),
            Err(reason) => {
                give_back(voter, &held).await;
                at_risk(reason)
            }
        },
        Turn::Taken => at_risk("another server is restarting".to_owned()),
        _ if is_leaderless => {
            let pause = fastrand::u64(..LONGEST_PAUSE.as_secs() * 1000);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            match voter.ask(ANSWER).await {
                Others::Leaderless => Ok(Leave::Given),
                _ => at_risk("its cluster has just elected a leader".to_owned()),
            }
        }
        Turn::Denied(problem) => Ok(Leave::Denied(denied::turn(voter.daemon, verb, &problem))),
        Turn::Leaderless => {
            at_risk("Consul has no leader, so cos-agent cannot take the lock that lets one server restart at a time".to_owned())
        }
        Turn::Unknown(problem) => {
            at_risk(format!("the lock in Consul that lets one server restart at a time is unavailable: {problem}"))
        }
    }
}

/// Asks for the restart lock. A Consul that this run has just restarted may know neither its leader nor its ACLs for a
/// while.
async fn take_turn(voter: &Voter<'_>, patience: Duration) -> Turn {
    let started = Instant::now();
    let mut request = Request::of(voter.daemon.unit());
    loop {
        // A new client each time, because a connection to a restarting agent is useless.
        let consul = Consul::local(&voter.system.environment, ANSWER);
        let turn = match &consul {
            Ok(consul) => request.take(consul).await,
            Err(error) => Turn::Unknown(error.to_string()),
        };
        match turn {
            Turn::Ours(_) | Turn::Taken => return turn,
            _ if started.elapsed() < patience => tokio::time::sleep(AGAIN).await,
            _ => {
                if let Ok(consul) = &consul {
                    request.give_up(consul).await;
                }
                return turn;
            }
        }
    }
}

/// Checks again that the others keep the quorum without this server, now that it has the lock and no other server can go.
async fn last_look(voter: &Voter<'_>, held: &Held, was_leaderless: bool) -> Result<(), String> {
    let left = held.until.saturating_duration_since(Instant::now());
    match tokio::time::timeout(left, voter.ask(left)).await {
        Ok(Others::Enough) => Ok(()),
        Ok(Others::Leaderless) if was_leaderless => Ok(()),
        Ok(Others::Leaderless) => Err("its cluster has just lost its leader".to_owned()),
        Ok(Others::Electing) => Err(NOBODY_SEEN.to_owned()),
        Ok(Others::AtRisk(reason)) => Err(reason),
        Ok(Others::Denied(problem)) => {
            Err(format!("its agent did not report the health of the other servers: {problem}"))
        }
        Err(_) => {
            Err("its agent did not report the health of the other servers in time".to_owned())
        }
    }
}

async fn give_back(voter: &Voter<'_>, held: &Held) {
    let given = match Consul::local(&voter.system.environment, ANSWER) {
        Ok(consul) => consul.give_back(held).await,
        Err(error) => Err(error),
    };
    if let Err(error) = given {
        tracing::debug!(
            "cannot release the restart lock of {}, which expires: {error}",
            voter.daemon.unit()
        );
    }
}

/// Whether this node may change as planned. While the others cannot do without a server, it must not get another role or
/// lose its data, and nothing else of the plan is carried out.
pub(super) async fn may_change(
    system: &System,
    plan: &Plan,
    node: &Node,
) -> Result<(), ApplyError> {
    for daemon in plan.ends.iter().copied() {
        let Some(voter) = Voter::of(system, plan, node, daemon) else { continue };
        let needed = |reason: String| {
            let unit = daemon.unit();
            let change = if plan.after.leaving.contains(&daemon) {
                format!("this node becomes a {}", node.duty.role())
            } else {
                format!("{} is discarded", daemon.data())
            };
            Err(ApplyError::StillNeeded { unit, change, reason })
        };
        if voter.is_said_to_be_alone && !voter.sees_another().await {
            continue;
        }
        match voter.ask_patiently().await {
            Others::Enough | Others::Leaderless => {}
            Others::Electing => return needed(NOBODY_SEEN.to_owned()),
            Others::AtRisk(reason) => return needed(reason),
            Others::Denied(problem) => return needed(denied::question(daemon, &problem)),
        }
    }
    Ok(())
}
