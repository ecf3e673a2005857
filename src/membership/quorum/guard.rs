//! The quorum guard: a server that starts without data must not form a second cluster beside, or in place of, the one
//! whose data it lost.
//!
//! Once a cluster has formed, a server records it in the parameter store. A server that starts without data reads it
//! there. It may form a cluster only if the value is `no` or the parameter does not exist. After any other answer, or
//! none, it gets no `bootstrap_expect` and waits until a leader adds it, which is always safe. The result is kept for
//! as long as the data exists; without an answer, each `apply` asks again. [`super::founding`] also checks the
//! parameter once an hour, and [`crate::membership::watch`] asks EC2 for the servers.

use super::GuardError;
use super::parameter::{self, Formed, parameter};
use crate::node::Node;
use crate::plan::manifest::Manifest;
use crate::plan::node::UnrecordedData;
use crate::plan::node::identity;
use crate::state::{Daemon, Formation};
use crate::system::System;
use crate::system::aws::Service;
use crate::system::daemon::api::{Api, ApiError};
use futures_util::future::join;
use serde_json::Value;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Longest time for one answer of the local agent: these requests need no leader, and a boot waits for them.
const API_TIMEOUT: Duration = Duration::from_secs(2);
/// How many characters of a value are shown.
const SHOWN: usize = 100;

/// What a server may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Form a new cluster with the others.
    Found,
    /// Only join the existing cluster.
    Join,
}

/// What an answer means for a server without data. If this instance has read before that the cluster has formed, only
/// `no` changes that: the parameter may be missing because it is being created again.
pub fn decision(formed: &Formed, was_formed: bool) -> Decision {
    match formed {
        Formed::No => Decision::Found,
        Formed::NoParameter if !was_formed => Decision::Found,
        Formed::NoParameter | Formed::Yes(_) | Formed::Unknown(_) => Decision::Join,
    }
}

/// Whether AWS may be asked. Below another root no server forms a cluster, so AWS is asked there only if a test names a
/// parameter store.
pub fn may_ask(system: &System) -> bool {
    system.root.is_host() || system.environment.aws_endpoints.contains_key(&Service::Ssm)
}

/// Whether a server will start without a Raft log. Other things in its directory, such as the `lost+found` of a new
/// volume or the files of a client, do not matter: only the log keeps a server from forming a cluster.
pub fn is_empty(
    system: &System,
    daemon: Daemon,
    manifest: &Manifest,
    node: &Node,
    unrecorded_data: UnrecordedData,
) -> Result<bool, GuardError> {
    match system.root.holds_data(daemon.server_data()) {
        Ok(holds) => {
            let moved = identity::is_moved(manifest, &node.instance.id, unrecorded_data);
            Ok(moved || !holds)
        }
        // A user who may not read the data, as in `plan` without root, cannot verify that there is none.
        Err(error) if error.source.kind() == std::io::ErrorKind::PermissionDenied => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Asks whether the cluster has formed; `was` is the earlier result. Takes about 5 s at most.
pub async fn ask(system: &System, node: &Node, was: &Formation, daemon: Daemon) -> Formation {
    let was_formed = was.join_only && was.unanswered.is_none();
    let (has_joined, formed) = join(
        async {
            was.unanswered.is_some() && has_joined(system, node.instance.private_ip, daemon).await
        },
        parameter::ask(system, node, daemon),
    )
    .await;
    let joins = Formation { join_only: true, unanswered: None };
    if has_joined {
        return joins;
    }
    say(node, daemon, &formed);
    match (decision(&formed, was_formed), formed) {
        (Decision::Found, _) => Formation::default(),
        (Decision::Join, Formed::Unknown(why)) if !was_formed => {
            Formation { join_only: true, unanswered: Some(why) }
        }
        (Decision::Join, _) => joins,
    }
}

/// Logs the answer and what it means.
fn say(node: &Node, daemon: Daemon, formed: &Formed) {
    let (name, unit) = (parameter(node, daemon), daemon.unit());
    match formed {
        Formed::No => tracing::info!("{name} is `no`: {unit} may form a new cluster"),
        Formed::NoParameter => tracing::warn!(
            "the parameter {name}, which Terraform creates, does not exist: {unit} may form a new cluster"
        ),
        Formed::Yes(value) => {
            let value: String = value.chars().take(SHOWN).collect();
            tracing::info!("{name} is {value:?}");
            tracing::warn!(
                "the cluster {} has already formed, so {unit} gets no bootstrap_expect and can only join; if all its \
                 servers are lost, run `cos-agent reform {}` on each new server",
                node.cluster,
                daemon.name()
            );
        }
        Formed::Unknown(why) => {
            tracing::warn!(
                "cannot read {name}: {why}; {unit} gets no bootstrap_expect and can only join"
            );
        }
    }
}

/// Whether the server is in a cluster, so that the parameter decides nothing any more.
pub(crate) async fn has_joined(system: &System, address: Ipv4Addr, daemon: Daemon) -> bool {
    let asked = async {
        let api = Api::local(daemon, &system.environment, API_TIMEOUT)?;
        let leads = api.status_of("leader").await?;
        let peers = api.status_of("peers").await?;
        let own = address.to_string();
        let is_own = |peer: &Value| {
            peer.as_str().and_then(|peer| peer.rsplit_once(':')).is_some_and(|(ip, _)| ip == own)
        };
        let is_peer = peers.as_array().is_some_and(|peers| peers.iter().any(is_own));
        Ok::<_, ApiError>(leads.as_str().is_some_and(|leader| !leader.is_empty()) && is_peer)
    };
    asked.await.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_no_and_no_parameter_found_a_cluster() {
        let value = |text: &str| Formed::Yes(text.to_owned());
        let (found, join) = (Decision::Found, Decision::Join);
        for (formed, first, was_formed) in [
            (Formed::No, found, found),
            (Formed::NoParameter, found, join),
            (value("formed 2026-01-01T00:00:00Z by i-1"), join, join),
            (value("No"), join, join),
            (Formed::Unknown("ssm:GetParameter is denied".to_owned()), join, join),
        ] {
            assert_eq!(decision(&formed, false), first, "{formed:?}");
            assert_eq!(decision(&formed, true), was_formed, "{formed:?}, known before");
        }
    }
}
