//! READ: the checks that a member of a cluster passes. A check is a record: what it needs, a probe that asks, and a verdict
//! that is pure. The gates are the checks of this room; `cos-agent doctor` asks them, and many more of the same kind.

pub mod advice;
mod check;
pub mod checks;
mod finding;
pub mod report;
pub mod servers;

use crate::state::Daemon;
use crate::store::status::Identity;
use crate::system::daemon::api::ApiError;
use crate::system::daemon::consul::Consul;
use crate::system::daemon::nomad::Nomad;
use crate::system::environment::Environment;
use crate::system::listener;
use crate::system::root::Root;
pub use check::{About, Check, Group, Impact, Page};
pub use finding::{Finding, Problem};
use std::cell::Cell;
use std::time::Duration;

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
        Some(Problem::new(
            format!("a program of user ID {stranger} listens at {}", api.base()),
            format!(
                "{} listens there as user ID {user}, the owner of {}",
                daemon.unit(),
                daemon.data()
            ),
            advice::STRANGER.with(&[("name", &daemon.name())]),
        ))
    }
}
