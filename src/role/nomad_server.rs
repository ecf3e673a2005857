//! A voting member of the Nomad quorum.

use super::{AgentMode, Spec};
use crate::state::Daemon;

/// It runs a Nomad server beside a Consul client.
pub(super) static SPEC: Spec = Spec {
    name: "nomad-server",
    summary: "votes in the Nomad quorum",
    consul: AgentMode::Client,
    nomad: Some(AgentMode::Server),
    daemons: &[Daemon::Consul, Daemon::Nomad],
};
