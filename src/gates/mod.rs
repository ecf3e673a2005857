//! READ: what is wrong with this node. A check is a record: what it needs, a probe that asks, and a verdict that is
//! pure. Those that are gates say together whether the node is a member of its cluster.

pub mod checks;
pub mod report;
pub mod servers;

use crate::role::Role;
use crate::state::Daemon;
use crate::store::status::Identity;
use crate::system::daemon::api::ApiError;
use crate::system::daemon::consul::Consul;
use crate::system::daemon::nomad::Nomad;
use crate::system::environment::Environment;
use crate::system::listener;
use crate::system::root::Root;
use futures_util::future::LocalBoxFuture;
use std::cell::Cell;
use std::time::Duration;

/// One thing that can be wrong.
pub struct Check {
    /// Its name for ever: scripts and runbooks use it.
    pub id: &'static str,
    /// What is true when it passes.
    pub title: &'static str,
    /// The roles that it is asked of.
    pub roles: &'static [Role],
    /// The checks without which it says nothing.
    pub needs: &'static [&'static str],
    /// Whether the node is no member while it fails.
    pub gate: bool,
    /// Asks, and judges.
    pub probe: Probe,
    /// Returns when the answer may have changed, where an API tells; else it is asked again.
    pub changed: Option<Changed>,
}

/// Asks the machine and hands the answers to a verdict.
pub type Probe = for<'a> fn(&'a Context) -> LocalBoxFuture<'a, Finding>;
/// Waits for a change.
pub type Changed = for<'a> fn(&'a Context) -> LocalBoxFuture<'a, ()>;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// All is well, and what was seen.
    Pass(String),
    /// Something has to happen elsewhere first; nothing is wrong with this node.
    Waiting(Problem),
    /// Something is wrong.
    Fail(Problem),
}

/// What is wrong. A problem without a way out cannot be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What was found.
    pub found: String,
    /// What was expected.
    pub expected: String,
    /// What to do.
    pub hint: String,
}

impl Problem {
    /// A problem.
    pub fn new(
        found: impl Into<String>,
        expected: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { found: found.into(), expected: expected.into(), hint: hint.into() }
    }
}

/// What probes ask.
pub struct Context {
    /// Who the node is.
    pub node: Identity,
    /// Its Consul agent.
    pub consul: Consul,
    /// Its Nomad agent.
    pub nomad: Nomad,
    /// Its files.
    pub root: Root,
    /// Whether Nomad's ACLs hide this node from whoever brings no token.
    pub is_hidden: Cell<bool>,
}

impl Context {
    /// For a node whose daemons answer within `timeout`.
    pub fn new(
        node: Identity,
        root: &Root,
        environment: &Environment,
        timeout: Duration,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            node,
            consul: Consul::local(environment, timeout)?,
            nomad: Nomad::local(environment, timeout)?,
            root: root.clone(),
            is_hidden: Cell::new(false),
        })
    }

    /// What is wrong where another user's program listens in the place of a daemon: nothing that it says counts, and it is
    /// told no secret. The data of a daemon is its user's.
    fn stranger(&self, daemon: Daemon) -> Option<Problem> {
        let api = match daemon {
            Daemon::Consul => &self.consul.api,
            Daemon::Nomad => &self.nomad.api,
        };
        let user = self.root.stat_target(daemon.data()).ok()??.uid;
        // Root could read every secret anyway, and an operator may run a daemon as root.
        let trusted = [user, 0];
        let owners = listener::owners(api.address()?);
        let stranger = owners.into_iter().find(|owner| !trusted.contains(owner))?;
        let name = daemon.name();
        Some(Problem::new(
            format!("a program of user {stranger} listens at {}", api.base()),
            format!("{} listens there, as user {user}, who owns {}", daemon.unit(), daemon.data()),
            format!("`ss -ltnp` names the program: stop it, then `systemctl restart {name}`"),
        ))
    }
}

/// An agent that was silent for less may just have had no processor; a restart would only cost it more.
const HANGS: Duration = Duration::from_secs(8);

/// What it is that a server's vote is not known: its ACLs hide the servers' list from whoever brings no token. It holds the
/// launch hook, because a server that may have no vote has not joined.
fn hidden_vote(name: &str) -> Problem {
    Problem::new(
        "unknown, because ACLs hide the Raft peers: whether this server has a vote".to_owned(),
        "this server is one of the voters".to_owned(),
        format!(
            "allow `operator` read to the anonymous token of {name}; then look at `{name} operator raft list-peers`"
        ),
    )
}

/// The problem of an agent that runs as something else than this node.
fn other_configuration(daemon: Daemon, found: &str, expected: &str) -> Problem {
    let (name, folder) = (daemon.name(), daemon.folder());
    Problem::new(
        format!("{name} runs as {found}"),
        format!("{name} runs as {expected}"),
        format!(
            "it has another configuration: `cos-agent plan` shows what differs in the agent's own file, and `ls -la {folder}` \
             who else sets something; then `systemctl restart {name}`"
        ),
    )
}

/// What is not known of a daemon that takes HTTPS alone.
fn unknown_by_tls(daemon: Daemon) -> Problem {
    let name = daemon.name();
    Problem::new(
        format!("unknown, because {name} takes HTTPS alone: what this node is to it"),
        format!("{name} answers by HTTP on loopback"),
        format!(
            "take `tls.http` out of the files in {} and out of `{name}.extra`",
            daemon.folder()
        ),
    )
}

/// The problem of an agent that does not answer as it should.
fn silent(unit: &str, error: &ApiError) -> Problem {
    let name = unit.trim_end_matches(".service");
    let hint = match error {
        ApiError::Unreachable { .. } => {
            format!("`systemctl status {name}` and `journalctl -b -u {name} -n 50`")
        }
        // Without a leader an agent holds some questions for 7 s; who asks in a hurry cannot tell that from a hang.
        ApiError::Silent { after, .. } if *after < HANGS => {
            "it is busy, hangs, or has no leader to ask; `cos-agent wait --timeout 30s` tells which"
                .to_owned()
        }
        ApiError::Silent { .. } => {
            format!("it hangs: `journalctl -b -u {name} -n 50`, then `systemctl restart {name}`")
        }
        ApiError::Status { status: 403, .. } => {
            "its ACLs refuse the question, which comes without a token; membership cannot be proved so".to_owned()
        }
        ApiError::Status { .. } | ApiError::Malformed { .. } => {
            "is it another program that listens there? `ss -ltnp`".to_owned()
        }
    };
    Problem::new(error.to_string(), format!("the API of {name} answers"), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_to_restart_an_agent_that_was_silent_for_a_moment() {
        let hint = |millis| {
            let after = Duration::from_millis(millis);
            let (base, path) = (String::new(), String::new());
            silent("consul.service", &ApiError::Silent { base, path, after }).hint
        };
        assert!(hint(70).contains("busy") && !hint(70).contains("restart"), "{}", hint(70));
        assert!(hint(10_000).contains("systemctl restart consul"), "{}", hint(10_000));
    }
}
