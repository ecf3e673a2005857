//! A voting member of the Consul quorum.

use super::{AgentMode, Spec};
use crate::state::Daemon;

/// It runs Consul alone.
pub(super) static SPEC: Spec = Spec {
    name: "consul-server",
    summary: "votes in the Consul quorum",
    consul: AgentMode::Server,
    nomad: None,
    daemons: &[Daemon::Consul],
};
