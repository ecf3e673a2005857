//! A worker: runs the jobs of one Nomad datacenter.

use super::{AgentMode, Role};
use crate::render::{docker, nomad};
use crate::state::Daemon;

/// It runs a Nomad client beside a Consul client, and pulls images.
pub(super) static ROLE: Role = Role {
    name: "nomad-client",
    summary: "a worker that runs the jobs of one Nomad datacenter",
    consul: AgentMode::Client,
    nomad: Some(AgentMode::Client),
    files: &[nomad::files, nomad::unit_files, docker::credential_helpers, docker::resolver],
    daemons: &[Daemon::Consul, Daemon::Nomad],
};
