//! READ: what is wrong with this node. A check is a record: what it needs, a probe that asks, and a verdict that is
//! pure. The node is a member of its cluster if all checks that are gates pass.

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

/// A check for one thing that can be wrong.
pub struct Check {
    /// Its name, which never changes: scripts and runbooks use it.
    pub id: &'static str,
    /// What is true when it passes.
    pub title: &'static str,
    /// The roles on which it runs.
    pub roles: &'static [Role],
    /// The checks that must pass before it is asked.
    pub needs: &'static [&'static str],
    /// Whether the node is not a member while it fails.
    pub gate: bool,
    /// Asks the machine and judges the answers.
    pub probe: Probe,
    /// Returns when the answer may have changed, if an API reports that; otherwise the check is repeated after a pause.
    pub changed: Option<Changed>,
}

/// Asks the machine and judges the answers.
pub type Probe = for<'a> fn(&'a Context) -> LocalBoxFuture<'a, Finding>;
/// Waits for a change.
pub type Changed = for<'a> fn(&'a Context) -> LocalBoxFuture<'a, ()>;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Nothing is wrong; what was seen.
    Pass(String),
    /// Something must happen elsewhere first; nothing is wrong with this node.
    Waiting(Problem),
    /// Something is wrong.
    Fail(Problem),
}

/// What is wrong. Every problem has a hint.
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

/// What probes work with.
pub struct Context {
    /// Who the node is.
    pub node: Identity,
    /// Its Consul agent.
    pub consul: Consul,
    /// Its Nomad agent.
    pub nomad: Nomad,
    /// Its files.
    pub root: Root,
    /// Whether Nomad's ACLs hide this node from requests without a token.
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

    /// The problem that another user's program listens in the place of a daemon: its answers must not be trusted, and
    /// it must not get a secret. The owner of a daemon's data directory is the user of the daemon.
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
            format!("a program of user ID {stranger} listens at {}", api.base()),
            format!(
                "{} listens there as user ID {user}, the owner of {}",
                daemon.unit(),
                daemon.data()
            ),
            format!(
                "find the program with `ss -ltnp` and stop it, then run `systemctl restart {name}`"
            ),
        ))
    }
}

/// An agent that was silent for less time may only have waited for the CPU, and a restart would make that worse.
const HANGS: Duration = Duration::from_secs(8);

/// The problem of a server whose vote is unknown because ACLs hide the list of Raft peers from requests without a token. It
/// holds the launch hook, because a server that may have no vote has not joined.
fn hidden_vote(name: &str) -> Problem {
    Problem::new(
        "cannot verify that this server has a vote, because ACLs hide the Raft peers".to_owned(),
        "this server is a voter".to_owned(),
        format!(
            "grant `operator` read to the anonymous token of {name}; `{name} operator raft list-peers` shows the voters"
        ),
    )
}

/// The problem that an agent runs with another identity than this node.
fn other_configuration(daemon: Daemon, found: &str, expected: &str) -> Problem {
    let (name, directory) = (daemon.name(), daemon.directory());
    Problem::new(
        format!("{name} runs as {found}"),
        format!("{name} runs as {expected}"),
        format!(
            "it runs with another configuration: `cos-agent plan` shows what differs in the file of cos-agent, `ls -la {directory}` \
             lists the other files; correct them, then run `systemctl restart {name}`"
        ),
    )
}

/// The problem of a daemon that accepts only HTTPS, so that nothing about this node can be verified.
fn unknown_by_tls(daemon: Daemon) -> Problem {
    let name = daemon.name();
    Problem::new(
        format!("cannot ask {name} about this node, because it accepts only HTTPS"),
        format!("{name} answers HTTP on loopback"),
        format!(
            "remove `tls.http` from the files in {} and from `{name}.extra` in the settings",
            daemon.directory()
        ),
    )
}

/// The problem of an agent that does not answer as it should.
fn silent(unit: &str, error: &ApiError) -> Problem {
    let name = unit.trim_end_matches(".service");
    let hint = match error {
        ApiError::Unreachable { .. } => {
            format!("run `systemctl status {name}` and `journalctl -b -u {name} -n 50`")
        }
        // Without a leader an agent holds some requests for 7 s; with a shorter timeout that looks like a hang.
        ApiError::Silent { after, .. } if *after < HANGS => {
            "it is busy, hangs, or has no leader; `cos-agent wait --timeout 30s` shows which"
                .to_owned()
        }
        ApiError::Silent { .. } => {
            format!(
                "it hangs: look at `journalctl -b -u {name} -n 50`, then run `systemctl restart {name}`"
            )
        }
        ApiError::Status { status: 403, .. } => {
            "ACLs denied the request (cos-agent sends no token), so membership cannot be verified"
                .to_owned()
        }
        ApiError::Status { .. } | ApiError::Malformed { .. } => {
            "another program may listen there: check with `ss -ltnp`".to_owned()
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
