//! PURE: the roles, one file each, data only.
//!
//! To add one: a file here with its `ROLE`, a line in [`ROLES`], its duty in `node::Duty`, its tags in `node::tags`,
//! and a case in `tests/golden/`.

mod consul_server;
mod nomad_client;
mod nomad_server;

use crate::node::Node;
use crate::render::Renderer;
use crate::state::Daemon;

/// Whether an agent is one of the quorum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentMode {
    /// One of the quorum.
    Server,
    /// Everybody else.
    Client,
}

/// What a role runs and which files it has.
#[derive(Debug)]
pub struct Role {
    /// The value of the tag `cos:role`.
    pub name: &'static str,
    /// What it is, in a few words.
    pub summary: &'static str,
    /// How it runs Consul.
    pub consul: AgentMode,
    /// How it runs Nomad, if it does.
    pub nomad: Option<AgentMode>,
    /// Its files, beyond `render::BASE`.
    pub files: &'static [Renderer],
    /// Its daemons, in the order of their start.
    pub daemons: &'static [Daemon],
}

/// All roles.
pub static ROLES: &[&Role] = &[&consul_server::ROLE, &nomad_server::ROLE, &nomad_client::ROLE];

impl Role {
    /// The role of a node.
    pub fn of(node: &Node) -> &'static Self {
        named(node.duty.role()).unwrap_or(&nomad_client::ROLE)
    }

    /// The daemon in whose quorum it votes.
    pub fn quorum(&self) -> Option<Daemon> {
        match (self.consul, self.nomad) {
            (AgentMode::Server, _) => Some(Daemon::Consul),
            (_, Some(AgentMode::Server)) => Some(Daemon::Nomad),
            _ => None,
        }
    }
}

/// The role of this name.
pub fn named(name: &str) -> Option<&'static Role> {
    ROLES.iter().copied().find(|role| role.name == name)
}

/// The programs that a role runs; all of them while the role is not known.
pub fn programs(role: Option<&str>) -> Vec<&'static str> {
    let daemons = role
        .and_then(named)
        .map_or([Daemon::Consul, Daemon::Nomad].as_slice(), |role| role.daemons);
    daemons.iter().map(|daemon| daemon.program()).collect()
}
