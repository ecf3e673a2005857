//! A voting member of the Nomad quorum.

use super::{AgentMode, Role};
use crate::render::nomad;
use crate::state::Daemon;

/// It runs a Nomad server beside a Consul client.
pub(super) static ROLE: Role = Role {
    name: "nomad-server",
    summary: "a voting member of the Nomad quorum",
    consul: AgentMode::Client,
    nomad: Some(AgentMode::Server),
    files: &[nomad::files, nomad::unit_files],
    daemons: &[Daemon::Consul, Daemon::Nomad],
};
