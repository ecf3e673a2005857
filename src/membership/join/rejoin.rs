//! Makes daemons join servers that they did not find. Consul and Nomad report "join completed" after finding only
//! themselves, and never try again; their APIs accept a join at any time, without a restart.

use super::discovery::{self, Found};
use crate::facts::{self, GatherError};
use crate::gates::Context;
use crate::gates::servers::{self, Servers};
use crate::state::Daemon;
use crate::store::status::Identity;
use crate::system::System;
use crate::system::aws::ec2::Peer;
use crate::system::daemon::api::ApiError;
use crate::system::imds::Imds;
use crate::system::retry::Deadline;
use crate::text::count;
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Longest time for metadata and EC2; the next round asks again.
const DISCOVERY: Duration = Duration::from_secs(20);

/// A pool of servers as this node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// The daemon of the servers.
    pub daemon: Daemon,
    /// The addresses of the live servers that this node knows.
    pub known: BTreeSet<Ipv4Addr>,
    /// How many servers form the cluster.
    pub expected: usize,
    /// Whether there is a leader.
    pub has_leader: bool,
    /// How many nodes gossip with this one, dead ones too; `None` if the daemon does not tell.
    pub members: Option<usize>,
    /// A server that expects another number of servers than the tag of this node says, in words.
    pub differing: Option<String>,
}

/// A daemon's name as people write it.
pub fn title(daemon: Daemon) -> &'static str {
    match daemon {
        Daemon::Consul => "Consul",
        Daemon::Nomad => "Nomad",
    }
}

impl Pool {
    /// Whether a server or the leader is missing, so that a join may help.
    pub fn is_short(&self) -> bool {
        self.known.len() < self.expected || !self.has_leader
    }

    /// `Consul: 2 of 3 servers, no leader`; `Nomad: 3 servers` if the expected number is unknown.
    pub fn words(&self) -> String {
        let leader = if self.has_leader { "" } else { ", no leader" };
        let servers = match (self.known.len(), self.expected) {
            (known, 0 | 1) => count(known, "server"),
            (known, expected) => format!("{known} of {expected} servers"),
        };
        format!("{}: {servers}{leader}", title(self.daemon))
    }
}

/// The daemons whose servers a node knows.
pub fn daemons(node: &Identity) -> &'static [Daemon] {
    if node.nomad_datacenter.is_some() {
        &[Daemon::Consul, Daemon::Nomad]
    } else {
        &[Daemon::Consul]
    }
}

/// The pools of this node, as far as its daemons answer.
pub async fn pools(context: &Context) -> Vec<Pool> {
    let pools = daemons(&context.node).iter().map(|daemon| pool(context, *daemon));
    join_all(pools).await.into_iter().flatten().collect()
}

/// The pool of one daemon.
pub async fn pool(context: &Context, daemon: Daemon) -> Result<Pool, ApiError> {
    match (daemon, context.node.quorum()) {
        (Daemon::Consul, _) => consul_pool(context).await,
        (Daemon::Nomad, Some(Daemon::Nomad)) => nomad_server_pool(context).await,
        (Daemon::Nomad, _) => nomad_client_pool(context).await,
    }
}

async fn consul_pool(context: &Context) -> Result<Pool, ApiError> {
    let members = context.consul.members().await?;
    let servers = servers::of_consul(&members, context.node.consul_servers());
    let alive = members.iter().filter(|member| member.is_server() && member.is_alive());
    let known = alive.map(|member| member.addr).collect();
    // A member that left will not ask EC2; a dead one may only be cut off, and asks too.
    let members = Some(members.iter().filter(|member| !member.has_left()).count());
    let has_leader = context.consul.leader().await?.is_some();
    let Servers { expected, differing, .. } = servers;
    Ok(Pool { daemon: Daemon::Consul, known, expected, has_leader, members, differing })
}

async fn nomad_server_pool(context: &Context) -> Result<Pool, ApiError> {
    let members = context.nomad.members().await?;
    let servers = servers::of_nomad(&members, context.node.nomad_servers());
    let known =
        members.iter().filter(|member| member.is_alive()).map(|member| member.addr).collect();
    let has_leader = context.nomad.leader().await?.is_some();
    let Servers { expected, differing, .. } = servers;
    Ok(Pool { daemon: Daemon::Nomad, known, expected, has_leader, members: None, differing })
}

/// A client does not gossip. It has a list of servers, which heartbeats keep up to date once one server has answered.
async fn nomad_client_pool(context: &Context) -> Result<Pool, ApiError> {
    let has_leader = context.nomad.leader().await?.is_some();
    let list = context.nomad.servers().await.unwrap_or_default();
    let known = list.iter().filter_map(|server| server.rsplit_once(':')?.0.parse().ok()).collect();
    let (expected, members, differing) = (1, None, None);
    Ok(Pool { daemon: Daemon::Nomad, known, expected, has_leader, members, differing })
}

/// Why EC2 did not list the servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undiscovered {
    /// What failed and what to do about it; the same problem always has the same words.
    pub words: String,
    /// Whether EC2 was reached but throttled the request or failed.
    pub is_busy: bool,
}

/// EC2's lists for these pools, by one request without retries: many nodes may ask at the same time, and the watch
/// repeats a throttled request after growing pauses.
pub async fn discover(
    system: &System,
    node: &Identity,
    daemons: &[Daemon],
) -> Result<BTreeMap<Daemon, Found>, Undiscovered> {
    let plain = |words| Undiscovered { words, is_busy: false };
    let imds = Imds::new(&system.environment, Deadline::after(DISCOVERY));
    let imds = imds.map_err(|error| plain(error.trouble()))?;
    let instance = facts::identity(&imds).await.map_err(|error| match error {
        GatherError::Metadata(error) => plain(error.trouble()),
        other => plain(chain(&other)),
    })?;
    let found = discovery::find_once(system, &imds, &instance, daemons, &node.cluster).await;
    found.map_err(|error| Undiscovered { words: error.trouble(), is_busy: error.is_busy() })
}

/// Makes the daemon join the servers that it does not know. Returns the result in words, `None` if nothing was missing.
pub async fn join(context: &Context, pool: &Pool, peers: &[Peer]) -> Option<String> {
    let missing = missing(pool, peers, &context.node.instance);
    if missing.is_empty() {
        return None;
    }
    let name = title(pool.daemon);
    let is_client = pool.daemon == Daemon::Nomad && context.node.nomad_servers().is_none();
    if is_client {
        let all: Vec<Ipv4Addr> = peers.iter().map(|peer| peer.address).collect();
        return Some(match context.nomad.set_servers(&all).await {
            Ok(()) => format!("{name}: set {}", count(all.len(), "server")),
            Err(error) => format!("{name}: cannot set the servers: {error}"),
        });
    }
    // In parallel: an address that does not answer delays only its own join, by 10 s.
    let joins = join_all(missing.iter().map(async |address| match pool.daemon {
        Daemon::Consul => context.consul.join(*address).await,
        Daemon::Nomad => context.nomad.join(&[*address]).await.map(|_| ()),
    }));
    let words: Vec<String> = joins
        .await
        .into_iter()
        .zip(&missing)
        .map(|(joined, address)| match joined {
            Ok(()) => format!("joined {address}"),
            Err(error) => format!("cannot join {address}: {error}"),
        })
        .collect();
    Some(format!("{name}: {}", words.join("; ")))
}

/// The servers that EC2 lists and the daemon does not see alive; never this node itself.
fn missing(pool: &Pool, peers: &[Peer], own: &str) -> Vec<Ipv4Addr> {
    let others = peers.iter().filter(|peer| peer.instance != own);
    others.map(|peer| peer.address).filter(|address| !pool.known.contains(address)).collect()
}

/// An error with its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(instance: &str, last: u8) -> Peer {
        Peer {
            instance: instance.to_owned(),
            address: [10, 0, 0, last].into(),
            vpc: "v".to_owned(),
            tags: BTreeMap::new(),
        }
    }

    fn pool(known: &[u8], expected: usize) -> Pool {
        let known = known.iter().map(|last| [10, 0, 0, *last].into()).collect();
        let (daemon, has_leader) = (Daemon::Consul, true);
        Pool { daemon, known, expected, has_leader, members: None, differing: None }
    }

    #[test]
    fn what_is_listed_and_not_known_is_joined_but_never_itself() {
        let listed = [peer("i-1", 1), peer("i-2", 2), peer("i-3", 3)];
        let expected: [Ipv4Addr; 1] = [[10, 0, 0, 3].into()];
        assert_eq!(missing(&pool(&[1, 2], 3), &listed, "i-1"), expected);
        assert!(missing(&pool(&[1, 2, 3], 3), &listed, "i-1").is_empty());
        assert_eq!(missing(&pool(&[], 3), &listed, "i-3").len(), 2, "without its own");
    }

    #[test]
    fn a_pool_is_short_of_servers_or_of_a_leader() {
        assert!(pool(&[1, 2], 3).is_short());
        assert!(!pool(&[1, 2, 3], 3).is_short());
        assert!(!pool(&[1, 2, 3, 4], 3).is_short());
        assert!(Pool { has_leader: false, ..pool(&[1, 2, 3], 3) }.is_short());
    }
}
