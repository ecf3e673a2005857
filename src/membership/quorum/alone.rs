//! A server whose tag `cos:servers` is 1 forms its cluster at once, without the vote of another server. If it is one of
//! several and its tag is wrong, that would be a second cluster, so the tags of the other servers are compared first.

use super::GuardError;
use crate::membership::join::discovery;
use crate::node::{Duty, Node, tags};
use crate::state::Daemon;
use crate::system::System;
use crate::system::aws::ec2::Peer;
use crate::system::retry::Deadline;
use std::time::Duration;

/// Longest time for EC2's list; a boot waits for it.
const EC2_TIMEOUT: Duration = Duration::from_secs(4);

/// Refuses to form a cluster alone while another server runs whose tag says that it is one of several. Servers that
/// need each other's votes are not checked here, because their daemons compare the numbers (Serf tag `expect`).
pub async fn must_be_alone(system: &System, node: &Node, daemon: Daemon) -> Result<(), GuardError> {
    let (Duty::ConsulServer { servers: 1 } | Duty::NomadServer { servers: 1, .. }) = node.duty
    else {
        return Ok(());
    };
    let unit = daemon.unit();
    let others = match discovery::others(system, node, daemon, Deadline::after(EC2_TIMEOUT)).await {
        Ok(others) => others,
        Err(error) => {
            tracing::warn!(
                "cannot compare `cos:servers` (1 on this node) with the tags of other servers: {}; {unit} may form a \
                 cluster alone",
                error.trouble()
            );
            return Ok(());
        }
    };
    let differing: Vec<String> = others.iter().filter_map(differs).collect();
    if differing.is_empty() {
        return Ok(());
    }
    Err(GuardError::ServersDiffer { cluster: node.cluster.to_string(), differing })
}

/// A server whose tag says that it is one of several, in words.
fn differs(peer: &Peer) -> Option<String> {
    let servers = peer.tags.get(tags::SERVERS).filter(|servers| *servers != "1")?;
    Some(format!("{} at {} has `{servers}`", peer.instance, peer.address))
}
