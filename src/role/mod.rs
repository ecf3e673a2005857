//! PURE: the roles, one file each, data only.
//!
//! To add one: a file here with its `SPEC`, a variant of [`Role`] with its line in [`Role::ALL`] and [`Role::spec`], its duty in
//! `node::Duty`, and a case in `tests/golden/`.

mod consul_server;
mod nomad_client;
mod nomad_server;

use crate::state::Daemon;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a node is: the value of the tag `cos:role`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A voting member of the Consul quorum.
    ConsulServer,
    /// A voting member of the Nomad quorum.
    NomadServer,
    /// A worker.
    NomadClient,
}

/// Whether an agent is one of the quorum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentMode {
    /// One of the quorum.
    Server,
    /// Not one of the quorum.
    Client,
}

/// What a role is and runs.
#[derive(Debug)]
pub struct Spec {
    /// The value of the tag `cos:role`.
    pub name: &'static str,
    /// What it does in the cluster: a verb and a few words.
    pub summary: &'static str,
    /// How it runs Consul.
    pub consul: AgentMode,
    /// How it runs Nomad; `None` if it does not.
    pub nomad: Option<AgentMode>,
    /// Its daemons, in the order in which they start.
    pub daemons: &'static [Daemon],
}

impl Role {
    /// All roles.
    pub const ALL: &[Self] = &[Self::ConsulServer, Self::NomadServer, Self::NomadClient];
    /// The roles that run Nomad.
    pub const WITH_NOMAD: &[Self] = &[Self::NomadServer, Self::NomadClient];

    /// What it is and runs.
    pub fn spec(self) -> &'static Spec {
        match self {
            Self::ConsulServer => &consul_server::SPEC,
            Self::NomadServer => &nomad_server::SPEC,
            Self::NomadClient => &nomad_client::SPEC,
        }
    }

    /// The value of the tag `cos:role`.
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// How it runs Nomad; `None` if it does not.
    pub fn nomad(self) -> Option<AgentMode> {
        self.spec().nomad
    }

    /// Its daemons, in the order in which they start.
    pub fn daemons(self) -> &'static [Daemon] {
        self.spec().daemons
    }

    /// The daemon in whose quorum it votes; `None` for clients.
    pub fn quorum(self) -> Option<Daemon> {
        match (self.spec().consul, self.nomad()) {
            (AgentMode::Server, _) => Some(Daemon::Consul),
            (_, Some(AgentMode::Server)) => Some(Daemon::Nomad),
            _ => None,
        }
    }

    /// The role with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.name() == name)
    }

    /// The names of all roles.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().map(|role| role.name())
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// The programs that a role runs; all programs while the role is unknown.
pub fn programs(role: Option<Role>) -> Vec<&'static str> {
    let daemons = role.map_or([Daemon::Consul, Daemon::Nomad].as_slice(), Role::daemons);
    daemons.iter().map(|daemon| daemon.program()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_written_by_the_name_of_its_tag() {
        for role in Role::ALL {
            assert_eq!(serde_json::json!(role), role.name());
            assert_eq!(Role::named(role.name()), Some(*role));
        }
        assert_eq!(Role::named("consul-servre"), None);
    }
}
