//! How often the watch looks, and whether it may do anything about what it sees.

use crate::facts;
use crate::store::status::{self, Identity};
use crate::system::System;
use std::time::Duration;

/// How often a healthy node is looked at: a few calls to loopback.
pub(super) const INTERVAL: Duration = Duration::from_secs(15);
/// How soon what is not well yet is looked at again, at first.
pub(super) const FIRST_INTERVAL: Duration = Duration::from_secs(1);

/// Whether this machine is still the node that is looked after, and nobody froze the agent during an incident.
pub(super) fn may_act(system: &System, node: &Identity) -> bool {
    !facts::is_frozen(&system.root).unwrap_or(false) && is_still(system, node)
}

/// Whether no `apply` has made another node of this machine.
pub(super) fn is_still(system: &System, node: &Identity) -> bool {
    status::load(&system.root).node.is_none_or(|now| now == *node)
}
