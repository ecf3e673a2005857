//! READ: the servers of this cluster as EC2 lists them, by the tags that the daemons' own auto-join uses.

use crate::facts::instance::Instance;
use crate::facts::tags as tag_reading;
use crate::node::{Node, tags};
use crate::state::Daemon;
use crate::system::System;
use crate::system::aws::{AwsError, Client};
use crate::system::ec2::{self, Peer};
use crate::system::imds::{Imds, ImdsError};
use crate::system::retry::Deadline;
use std::collections::BTreeMap;

/// Which servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Those of Consul.
    Consul,
    /// Those of Nomad.
    Nomad,
}

impl Kind {
    /// The auto-join tag, whose value is the cluster's name.
    fn tag(self) -> &'static str {
        match self {
            Self::Consul => tags::CONSUL_SERVER,
            Self::Nomad => tags::NOMAD_SERVER,
        }
    }
}

impl From<Daemon> for Kind {
    fn from(daemon: Daemon) -> Self {
        match daemon {
            Daemon::Consul => Self::Consul,
            Daemon::Nomad => Self::Nomad,
        }
    }
}

/// What EC2 lists of one kind of server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The servers of this VPC, this node among them if it is one.
    pub peers: Vec<Peer>,
    /// Running instances of other VPCs that carry the same tag. The daemons' auto-join tries them too.
    pub foreign: Vec<Peer>,
}

/// Asks EC2 again and again, until the deadline of the metadata client.
pub async fn find(
    system: &System,
    imds: &Imds,
    instance: &Instance,
    kind: Kind,
    cluster: &str,
) -> Result<Found, AwsError> {
    let client = tag_reading::connect(system, imds, instance).await?;
    let mut found = list(&client, &vpc(imds).await?, &[kind], cluster).await?;
    Ok(found.remove(&kind).unwrap_or_default())
}

/// Asks EC2 once, in one call for all of these kinds.
pub async fn find_once(
    system: &System,
    imds: &Imds,
    instance: &Instance,
    kinds: &[Kind],
    cluster: &str,
) -> Result<BTreeMap<Kind, Found>, AwsError> {
    let client = tag_reading::connect(system, imds, instance).await?.single();
    list(&client, &vpc(imds).await?, kinds, cluster).await
}

/// One question about one kind or several.
async fn list(
    client: &Client,
    vpc: &str,
    kinds: &[Kind],
    cluster: &str,
) -> Result<BTreeMap<Kind, Found>, AwsError> {
    let (tag, keys): (_, Vec<&str>) = match kinds {
        // Exactly what the daemon's own auto-join asks for.
        [kind] => (format!("tag:{}", kind.tag()), Vec::new()),
        // Filters of several tags find what has all of them, and no server is of both kinds. Every node has the cluster's
        // name besides; what carries an auto-join tag alone is seen by the servers of that kind.
        _ => (format!("tag:{}", tags::CLUSTER), kinds.iter().map(|kind| kind.tag()).collect()),
    };
    let (of_cluster, with_key) = ([cluster], ("tag-key", &keys[..]));
    let mut filters = vec![(tag.as_str(), &of_cluster[..])];
    filters.extend(Some(with_key).filter(|_| !keys.is_empty()));
    let listed = ec2::describe_peers(client, &filters).await?;
    let of = |kind: Kind| {
        let has_tag = |peer: &&Peer| peer.tags.get(kind.tag()).is_some_and(|v| v == cluster);
        // What one kind alone was asked for has its tag.
        let peers = listed.iter().filter(|peer| keys.is_empty() || has_tag(peer)).cloned();
        let (peers, foreign) = peers.partition(|peer| peer.vpc == vpc);
        (kind, Found { peers, foreign })
    };
    Ok(kinds.iter().map(|kind| of(*kind)).collect())
}

/// The other running servers of a daemon in this server's VPC.
pub async fn others(
    system: &System,
    node: &Node,
    daemon: Daemon,
    deadline: Deadline,
) -> Result<Vec<Peer>, AwsError> {
    let imds = Imds::new(&system.environment, deadline)?;
    let found = find(system, &imds, &node.instance, daemon.into(), node.cluster.as_str()).await?;
    Ok(found.peers.into_iter().filter(|peer| peer.instance != node.instance.id).collect())
}

/// A foreign instance as people read it.
pub fn foreign_words(peer: &Peer) -> String {
    format!(
        "{} at {} carries the auto-join tag of this cluster in another VPC, {}: it is left out; take the tag away, or give its cluster another name",
        peer.instance, peer.address, peer.vpc
    )
}

/// The VPC of the first interface.
async fn vpc(imds: &Imds) -> Result<String, ImdsError> {
    let missing = |path: &str| ImdsError::Status { path: path.to_owned(), status: 404 };
    let mac = imds.text("meta-data/mac").await?.ok_or_else(|| missing("meta-data/mac"))?;
    let path = format!("meta-data/network/interfaces/macs/{}/vpc-id", mac.trim());
    let vpc = imds.text(&path).await?.ok_or_else(|| missing(&path))?;
    Ok(vpc.trim().to_owned())
}
