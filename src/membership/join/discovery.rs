//! READ: the servers of this cluster as EC2 lists them, by the tags that the daemons' own auto-join uses.

use crate::facts::instance::Instance;
use crate::node::{Node, tags};
use crate::state::Daemon;
use crate::system::System;
use crate::system::aws::ec2::{self, Peer};
use crate::system::aws::{AwsError, Client, Service};
use crate::system::imds::{Imds, ImdsError};
use crate::system::retry::Deadline;
use std::collections::BTreeMap;

/// The auto-join tag of a daemon's servers, whose value is the cluster's name.
pub fn auto_join_tag(daemon: Daemon) -> &'static str {
    match daemon {
        Daemon::Consul => tags::CONSUL_SERVER,
        Daemon::Nomad => tags::NOMAD_SERVER,
    }
}

/// The servers of one daemon as EC2 lists them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The servers of this VPC, this node among them if it is one.
    pub peers: Vec<Peer>,
    /// Running instances of other VPCs that carry the same tag. The daemons' auto-join tries them too.
    pub foreign: Vec<Peer>,
}

/// Asks EC2 and retries until the deadline of the metadata client.
pub async fn find(
    system: &System,
    imds: &Imds,
    instance: &Instance,
    daemon: Daemon,
    cluster: &str,
) -> Result<Found, AwsError> {
    let client = connect(system, imds, instance).await?;
    let mut found = list(&client, &vpc(imds).await?, &[daemon], cluster).await?;
    Ok(found.remove(&daemon).unwrap_or_default())
}

/// Asks EC2 once, in one call for the servers of all of these daemons.
pub async fn find_once(
    system: &System,
    imds: &Imds,
    instance: &Instance,
    daemons: &[Daemon],
    cluster: &str,
) -> Result<BTreeMap<Daemon, Found>, AwsError> {
    let client = connect(system, imds, instance).await?.single();
    list(&client, &vpc(imds).await?, daemons, cluster).await
}

/// A client for EC2 in the region of an instance.
async fn connect(system: &System, imds: &Imds, instance: &Instance) -> Result<Client, AwsError> {
    Client::of(Service::Ec2, imds, &system.environment, &instance.region).await
}

/// One request for the servers of one daemon or of several, by a client for EC2.
pub async fn list(
    client: &Client,
    vpc: &str,
    daemons: &[Daemon],
    cluster: &str,
) -> Result<BTreeMap<Daemon, Found>, AwsError> {
    let (tag, keys): (_, Vec<&str>) = match daemons {
        // Exactly what the daemon's own auto-join asks for.
        [daemon] => (format!("tag:{}", auto_join_tag(*daemon)), Vec::new()),
        // Filters on several tags match only instances that have all of them, and no node is a server of both daemons.
        // So the filter is the tag with the cluster's name, which every node has. An instance that has only an
        // auto-join tag is found by the servers of that daemon.
        _ => {
            (format!("tag:{}", tags::CLUSTER), daemons.iter().copied().map(auto_join_tag).collect())
        }
    };
    let (of_cluster, with_key) = ([cluster], ("tag-key", &keys[..]));
    let mut filters = vec![(tag.as_str(), &of_cluster[..])];
    filters.extend(Some(with_key).filter(|_| !keys.is_empty()));
    let listed = ec2::describe_peers(client, &filters).await?;
    let of = |daemon: Daemon| {
        let has_tag =
            |peer: &&Peer| peer.tags.get(auto_join_tag(daemon)).is_some_and(|v| v == cluster);
        // With one tag as the filter, all listed instances have it.
        let peers = listed.iter().filter(|peer| keys.is_empty() || has_tag(peer)).cloned();
        let (peers, foreign) = peers.partition(|peer| peer.vpc == vpc);
        (daemon, Found { peers, foreign })
    };
    Ok(daemons.iter().map(|daemon| of(*daemon)).collect())
}

/// The other running servers of a daemon in this server's VPC.
pub async fn others(
    system: &System,
    node: &Node,
    daemon: Daemon,
    deadline: Deadline,
) -> Result<Vec<Peer>, AwsError> {
    let imds = Imds::new(&system.environment, deadline)?;
    let found = find(system, &imds, &node.instance, daemon, node.cluster.as_str()).await?;
    Ok(found.peers.into_iter().filter(|peer| peer.instance != node.instance.id).collect())
}

/// A foreign instance as people read it.
pub fn foreign_words(peer: &Peer) -> String {
    format!(
        "ignoring {} at {}: it has the auto-join tag of this cluster but is in another VPC, {}; remove the tag, or give its cluster another name",
        peer.instance, peer.address, peer.vpc
    )
}

/// The VPC of the first interface.
pub async fn vpc(imds: &Imds) -> Result<String, ImdsError> {
    let missing = |path: &str| ImdsError::Status { path: path.to_owned(), status: 404 };
    let mac = imds.text("meta-data/mac").await?.ok_or_else(|| missing("meta-data/mac"))?;
    let path = format!("meta-data/network/interfaces/macs/{}/vpc-id", mac.trim());
    let vpc = imds.text(&path).await?.ok_or_else(|| missing(&path))?;
    Ok(vpc.trim().to_owned())
}
