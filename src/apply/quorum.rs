//! Whether a server may go away for a moment: only while the others can do without it, and one at a time.

use super::{ApplyError, denied};
use crate::node::{Duty, Node};
use crate::plan::Plan;
use crate::state::Daemon;
use crate::system::System;
use crate::system::api::{Api, Quorum, Server};
use crate::system::consul::Consul;
use crate::system::turn::{Held, Turn};
use std::time::Duration;
use tokio::time::Instant;

/// An election takes seconds; a cluster that has no leader for longer has no quorum to lose.
pub(super) const ELECTION: Duration = Duration::from_secs(20);
/// Leaderless agents answer after about 7 s (`rpc_hold_timeout`).
const ANSWER: Duration = Duration::from_secs(10);
/// Servers that nobody can give a turn wait for a random time below this one, so that not all restart at once.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How often somebody is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// Whether a server may go away for a moment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// It may go.
    Given,
    /// ACLs refuse the question, and this is what to do about it.
    Denied(String),
}

/// How the other servers are.
enum Others {
    /// They keep the quorum.
    Enough,
    /// There is no leader.
    Leaderless,
    /// There is one that was just elected and has looked at nobody yet.
    Electing,
    /// They would lose the quorum, or nobody says whether they would.
    AtRisk(String),
    /// ACLs refuse the question: what was answered.
    Denied(String),
}

/// A server that votes in a quorum.
pub(super) struct Voter<'a> {
    system: &'a System,
    daemon: Daemon,
    own: &'a str,
    /// Where the tags do not say how many servers there should be, one alone has nobody to lose it.
    may_be_alone: bool,
}

impl<'a> Voter<'a> {
    /// A daemon of this node, if it votes in a quorum of several servers. The role that it has had so far counts: a change
    /// of tags takes nobody's vote.
    pub(super) fn of(
        system: &'a System,
        plan: &Plan,
        node: &'a Node,
        daemon: Daemon,
    ) -> Option<Self> {
        let servers = match (&node.duty, daemon) {
            (Duty::ConsulServer { servers }, Daemon::Consul)
            | (Duty::NomadServer { servers, .. }, Daemon::Nomad) => Some(*servers),
            _ => None,
        };
        let votes = plan.votes.contains(&daemon) && servers != Some(1);
        let own = node.instance.id.as_str();
        votes.then_some(Self { system, daemon, own, may_be_alone: servers.is_none() })
    }

    /// Asks the agent once.
    async fn ask(&self, timeout: Duration) -> Others {
        let silent = |problem: &dyn std::fmt::Display| {
            Others::AtRisk(format!("its agent does not say how the others are: {problem}"))
        };
        let base = match self.daemon {
            Daemon::Consul => &self.system.environment.consul_api,
            Daemon::Nomad => &self.system.environment.nomad_api,
        };
        let agent = match Api::new(base, timeout) {
            Ok(agent) => agent,
            Err(error) => return silent(&error),
        };
        match agent.quorum().await {
            Quorum::Leaderless => Others::Leaderless,
            Quorum::Servers(servers) if servers.is_empty() => Others::Electing,
            Quorum::Servers(servers) => {
                match others_keep_quorum(&servers, self.own, self.may_be_alone) {
                    Ok(()) => Others::Enough,
                    Err(reason) => Others::AtRisk(reason),
                }
            }
            Quorum::Denied(problem) => Others::Denied(problem),
            Quorum::Unknown(problem) => silent(&problem),
        }
    }

    /// Asks the agent, and waits for as long as an election takes.
    async fn ask_patiently(&self) -> Others {
        let started = Instant::now();
        loop {
            match self.ask(ANSWER).await {
                Others::Leaderless | Others::Electing if started.elapsed() < ELECTION => {
                    tokio::time::sleep(AGAIN).await;
                }
                Others::Electing => return Others::AtRisk(NOBODY_SEEN.to_owned()),
                others => return others,
            }
        }
    }
}

/// Of a leader whose autopilot has no word about its servers.
const NOBODY_SEEN: &str = "the leader has looked at none of the servers yet";

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
        Turn::Taken => at_risk("another server restarts at this moment".to_owned()),
        _ if is_leaderless => {
            let pause = fastrand::u64(..LONGEST_PAUSE.as_secs() * 1000);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            match voter.ask(ANSWER).await {
                Others::Leaderless => Ok(Leave::Given),
                _ => at_risk("its cluster has just got a leader".to_owned()),
            }
        }
        Turn::Denied(problem) => Ok(Leave::Denied(denied::turn(voter.daemon, verb, &problem))),
        Turn::Leaderless => {
            at_risk("Consul has no leader, so nobody says whose turn it is".to_owned())
        }
        Turn::Unknown(problem) => {
            at_risk(format!("Consul does not say whose turn it is: {problem}"))
        }
    }
}

/// Asks for the turn. A Consul that this very run has restarted may know neither its leader nor its ACLs for a while.
async fn take_turn(voter: &Voter<'_>, patience: Duration) -> Turn {
    let started = Instant::now();
    loop {
        let turn = match Consul::new(&voter.system.environment.consul_api, ANSWER) {
            Ok(consul) => consul.take_turn(voter.daemon.unit()).await,
            Err(error) => Turn::Unknown(error.to_string()),
        };
        match turn {
            Turn::Ours(_) | Turn::Taken => return turn,
            _ if started.elapsed() < patience => tokio::time::sleep(AGAIN).await,
            _ => return turn,
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
            Err(format!("its agent does not say how the others are: {problem}"))
        }
        Err(_) => Err("its turn was over before its agent said how the others are".to_owned()),
    }
}

async fn give_back(voter: &Voter<'_>, held: &Held) {
    let given = match Consul::new(&voter.system.environment.consul_api, ANSWER) {
        Ok(consul) => consul.give_back(held).await,
        Err(error) => Err(error),
    };
    if let Err(error) = given {
        tracing::debug!("the turn of {} ends by itself: {error}", voter.daemon.unit());
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
        match voter.ask_patiently().await {
            Others::Enough | Others::Leaderless => {}
            Others::Electing => return needed(NOBODY_SEEN.to_owned()),
            Others::AtRisk(reason) => return needed(reason),
            Others::Denied(problem) => return needed(denied::question(daemon, &problem)),
        }
    }
    Ok(())
}

/// Whether the healthy voters besides this node are a majority of all voters.
fn others_keep_quorum(servers: &[Server], own: &str, may_be_alone: bool) -> Result<(), String> {
    let is_own =
        |server: &Server| server.name == own || server.name.starts_with(&format!("{own}."));
    let voters = || servers.iter().filter(|server| server.voter);
    if may_be_alone && voters().all(is_own) {
        return Ok(());
    }
    let others = voters().filter(|server| server.healthy && !is_own(server)).count();
    let majority = voters().count() / 2 + 1;
    if others >= majority {
        Ok(())
    } else {
        let verb = if others == 1 { "is" } else { "are" };
        Err(format!(
            "{others} of the other voters {verb} healthy, and {majority} are needed to keep the quorum without it"
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
        let keep = |healthy: &[bool]| others_keep_quorum(&servers(healthy), "i-0", false).is_ok();
        assert!(keep(&[true, true, true]));
        assert!(keep(&[false, true, true]), "a sick one may restart");
        assert!(!keep(&[true, false, true]));
        assert!(keep(&[true, true, true, true, false]));
        assert!(!keep(&[true, false, true, true, false]));
        assert!(!keep(&[true, true]));
        assert!(!keep(&[true]), "the tags speak of more");
    }

    #[test]
    fn a_server_of_an_earlier_role_may_have_been_alone() {
        let keep = |healthy: &[bool]| others_keep_quorum(&servers(healthy), "i-0", true).is_ok();
        assert!(keep(&[true]));
        assert!(!keep(&[true, true]));
        assert!(keep(&[true, true, true]));
    }
}
