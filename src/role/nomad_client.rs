//! A worker: runs the jobs of one Nomad datacenter.

use super::{AgentMode, Spec};
use crate::state::Daemon;

/// It runs a Nomad client beside a Consul client, and pulls images.
pub(super) static SPEC: Spec = Spec {
    name: "nomad-client",
    summary: "runs the jobs of its datacenter",
    consul: AgentMode::Client,
    nomad: Some(AgentMode::Client),
    daemons: &[Daemon::Consul, Daemon::Nomad],
};
