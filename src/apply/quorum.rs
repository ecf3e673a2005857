//! Whether a server may go away for a moment: only while the others can do without it, and one at a time.

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

/// Servers that nobody can give a turn wait for a random time below this one, so that not all restart at once.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Whether a server may go away for a moment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// It may go.
    Given,
    /// ACLs refuse the question, and this is what to do about it.
    Denied(String),
}

/// A server restarts or stops only while the other servers keep the quorum, and only one at a time: all could see each
/// other healthy in the same moment. So a change of a whole fleet at once restarts one after the other. What was asked
/// before the turn was ours is old by then, and is asked again. A Consul that does not say whose turn it is, is asked
/// again for as long as `patience`.
pub(super) async fn may_go(
    voter: &Voter<'_>,
    verb: &'static str,
    patience: Duration,
) -> Result<Leave, ApplyError> {
    let unit = voter.daemon.unit();
    let at_risk = |reason: String| Err(ApplyError::QuorumAtRisk { unit, verb, reason });
    // Tags that say 1 do not take the vote from a server that has companions.
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
    // A Consul without a leader gives no turns, its own included.
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

/// Asks for the turn. A Consul that this very run has restarted may know neither its leader nor its ACLs for a while.
async fn take_turn(voter: &Voter<'_>, patience: Duration) -> Turn {
    let started = Instant::now();
    let mut request = Request::of(voter.daemon.unit());
    loop {
        // Anew each time: a connection to an agent that restarts is of no use.
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

/// Whether the others can still do without this server, now that nobody else goes.
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

/// Whether this node may change as planned: a server that gets another role stays what it is, whole, while the others
/// cannot do without it, and so does one whose data would be moved from below it.
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
