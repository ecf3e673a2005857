//! A server that votes in a quorum, and what its agent reports about the other servers.

use crate::node::{Duty, Node};
use crate::plan::Plan;
use crate::state::Daemon;
use crate::system::System;
use crate::system::daemon::api::Api;
use crate::system::daemon::quorum::{Quorum, Server};
use crate::text::count;
use std::time::Duration;
use tokio::time::Instant;

/// An election takes seconds. A cluster that has no leader for longer than this has no quorum to lose.
pub(super) const ELECTION: Duration = Duration::from_secs(20);
/// Longest time for an answer. Agents without a leader answer after about 7 s (`rpc_hold_timeout`).
pub(super) const ANSWER: Duration = Duration::from_secs(10);
/// The pause before a question is repeated.
pub(super) const AGAIN: Duration = Duration::from_secs(1);

/// The state of the other servers.
pub(super) enum Others {
    /// They keep the quorum.
    Enough,
    /// The cluster has no leader.
    Leaderless,
    /// A leader was just elected and has not checked any server yet.
    Electing,
    /// They would lose the quorum, or it cannot be verified that they keep it: the reason.
    AtRisk(String),
    /// ACLs deny the question: the answer of the agent.
    Denied(String),
}

/// A server that votes in a quorum.
pub(super) struct Voter<'a> {
    pub(super) system: &'a System,
    pub(super) daemon: Daemon,
    own: &'a str,
    /// The tags do not say how many servers there should be, so this one may be alone, without a quorum to lose.
    may_be_alone: bool,
    /// The tags say that it is the only server.
    pub(super) is_said_to_be_alone: bool,
}

impl<'a> Voter<'a> {
    /// A daemon of this node, if it votes in a quorum. The role that it has had so far counts, because a change of tags
    /// takes no vote away.
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
        let own = node.instance.id.as_str();
        let (may_be_alone, is_said_to_be_alone) = (servers.is_none(), servers == Some(1));
        let voter = Self { system, daemon, own, may_be_alone, is_said_to_be_alone };
        plan.votes.contains(&daemon).then_some(voter)
    }

    /// Asks the agent once.
    pub(super) async fn ask(&self, timeout: Duration) -> Others {
        let silent = |problem: &dyn std::fmt::Display| {
            Others::AtRisk(format!(
                "its agent did not report the health of the other servers: {problem}"
            ))
        };
        let agent = match Api::local(self.daemon, &self.system.environment, timeout) {
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

    /// Whether the agent reports another voter. An agent that does not answer or has no leader reports none, because a
    /// server that is alone by its tags must be able to restart out of that state.
    pub(super) async fn sees_another(&self) -> bool {
        let Ok(agent) = Api::local(self.daemon, &self.system.environment, ANSWER) else {
            return false;
        };
        match agent.quorum().await {
            Quorum::Servers(servers) => another_votes(&servers, self.own),
            _ => false,
        }
    }

    /// Asks the agent, and repeats the question for as long as an election takes.
    pub(super) async fn ask_patiently(&self) -> Others {
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

/// The reason where the leader's autopilot reports no server.
pub(super) const NOBODY_SEEN: &str = "the leader has not checked the health of the servers yet";

/// Whether a server has this name; Nomad appends its region to it.
fn is_of(server: &Server, own: &str) -> bool {
    server.name == own || server.name.starts_with(&format!("{own}."))
}

/// Whether the healthy voters besides this node are a majority of all voters.
fn others_keep_quorum(servers: &[Server], own: &str, may_be_alone: bool) -> Result<(), String> {
    let is_own = |server: &Server| is_of(server, own);
    let voters = || servers.iter().filter(|server| server.voter);
    if may_be_alone && voters().all(is_own) {
        return Ok(());
    }
    let others = voters().filter(|server| server.healthy && !is_own(server)).count();
    let majority = voters().count() / 2 + 1;
    if others >= majority {
        Ok(())
    } else {
        let all = voters().filter(|server| !is_own(server)).count();
        let (all, verb) = (count(all, "other voter"), if others == 1 { "is" } else { "are" });
        Err(format!(
            "{others} of {all} {verb} healthy, and {majority} are needed to keep quorum without this server"
        ))
    }
}

/// Whether a server other than this one votes.
fn another_votes(servers: &[Server], own: &str) -> bool {
    servers.iter().any(|server| server.voter && !is_of(server, own))
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
    fn only_a_voter_other_than_this_server_is_another() {
        assert!(another_votes(&servers(&[true, false]), "i-0"));
        assert!(!another_votes(&servers(&[true]), "i-0"), "itself");
        let mut two = servers(&[true, true]);
        two[1].voter = false;
        assert!(!another_votes(&two, "i-0"), "the other is not a voter yet");
        assert!(another_votes(&two, "i-1"));
    }

    #[test]
    fn a_server_of_an_earlier_role_may_have_been_alone() {
        let keep = |healthy: &[bool]| others_keep_quorum(&servers(healthy), "i-0", true).is_ok();
        assert!(keep(&[true]));
        assert!(!keep(&[true, true]));
        assert!(keep(&[true, true, true]));
    }
}
