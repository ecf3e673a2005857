//! How often the watch checks this node, and whether it may act.

use crate::facts;
use crate::store::status::{self, Identity};
use crate::system::System;
use std::time::Duration;

/// How often a healthy node is checked: a few calls to loopback.
pub(super) const INTERVAL: Duration = Duration::from_secs(15);
/// The first pause before something that is not healthy is checked again.
pub(super) const FIRST_INTERVAL: Duration = Duration::from_secs(1);

/// Whether this machine is still the same node, and the agent is not frozen.
pub(super) fn may_act(system: &System, node: &Identity) -> bool {
    !facts::is_frozen(&system.root).unwrap_or(false) && is_still(system, node)
}

/// Whether this machine is still the same node: no `apply` has given it another identity.
pub(super) fn is_still(system: &System, node: &Identity) -> bool {
    status::load(&system.root).node.is_none_or(|now| now == *node)
}
