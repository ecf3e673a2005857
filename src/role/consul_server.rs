//! A voting member of the Consul quorum.

use super::{AgentMode, Role};
use crate::state::Daemon;

/// It runs Consul alone.
pub(super) static ROLE: Role = Role {
    name: "consul-server",
    summary: "a voting member of the Consul quorum",
    consul: AgentMode::Server,
    nomad: None,
    files: &[],
    daemons: &[Daemon::Consul],
};
