//! READ: what AWS answers: the way to its endpoints, the servers of this cluster, and what only EC2 knows of this instance.

use super::fact::Fact;
use super::metadata::Metadata;
use crate::facts::instance::Instance;
use crate::membership::join::discovery::{self, Found};
use crate::state::Daemon;
use crate::store::status::Identity;
use crate::system::System;
use crate::system::aws::ec2::{self, Description, Peer};
use crate::system::aws::endpoint::{self, Endpoint};
use crate::system::aws::{AwsError, CREDENTIALS, Client, Service};
use crate::system::retry::Deadline;
use futures_util::future::join;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// Longest time for an answer of EC2.
const ANSWER: Duration = Duration::from_millis(2500);

/// What AWS answers. The endpoints are `None` while the region of the instance is unknown.
pub struct Aws {
    /// The way to EC2.
    pub ec2: Fact<Option<Endpoint>>,
    /// The way to the parameter store.
    pub ssm: Fact<Option<Endpoint>>,
    /// The way to ECR's API and to this account's registry.
    pub ecr: Fact<Option<(Endpoint, Endpoint)>>,
    /// The servers of this cluster, for each daemon of this node.
    pub servers: Fact<Result<Servers, AwsError>>,
    /// What only EC2 knows of this instance; `None` if it does not know it.
    pub instance: Fact<Result<Option<Description>, AwsError>>,
}

/// The servers of a cluster, as EC2 lists them.
#[derive(Debug, Clone, Default)]
pub struct Servers {
    /// The servers of each daemon, this node among them if it is one.
    pub found: BTreeMap<Daemon, Found>,
    /// All running instances with an auto-join tag of a daemon whose servers were not found, whatever its value.
    pub tagged: Vec<Peer>,
}

impl Aws {
    /// Of this instance; nothing is asked yet.
    pub(super) fn of(
        system: &Rc<System>,
        metadata: &Fact<Metadata>,
        node: Option<Identity>,
    ) -> Self {
        let of_service = |service| {
            fact(system, metadata, async move |system: &System, metadata: &Metadata| {
                look(system, metadata, service).await
            })
        };
        Self {
            ec2: of_service(Service::Ec2),
            ssm: of_service(Service::Ssm),
            ecr: fact(system, metadata, registries),
            servers: fact(system, metadata, async move |system: &System, metadata: &Metadata| {
                servers(system, metadata, node.as_ref()).await
            }),
            instance: fact(system, metadata, description),
        }
    }
}

/// A fact that needs metadata first.
fn fact<T: 'static>(
    system: &Rc<System>,
    metadata: &Fact<Metadata>,
    ask: impl AsyncFnOnce(&System, &Metadata) -> T + 'static,
) -> Fact<T> {
    let (system, metadata) = (Rc::clone(system), metadata.clone());
    Fact::new(async move {
        let metadata = metadata.get().await;
        ask(&system, &metadata).await
    })
}

async fn description(
    system: &System,
    metadata: &Metadata,
) -> Result<Option<Description>, AwsError> {
    let (instance, client) = client(system, metadata)?;
    ec2::describe_instance(&client, &instance.id).await
}

async fn look(system: &System, metadata: &Metadata, service: Service) -> Option<Endpoint> {
    let region = metadata.instance()?.region;
    Some(endpoint::look(&service.url(&system.environment, &region), "/").await)
}

async fn registries(system: &System, metadata: &Metadata) -> Option<(Endpoint, Endpoint)> {
    let Instance { region, account, .. } = metadata.instance()?;
    let registry = format!("https://{}", region.ecr_registry(&account));
    let api = Service::Ecr.url(&system.environment, &region);
    Some(join(endpoint::look(&api, "/"), endpoint::look(&registry, "/v2/")).await)
}

/// A client for EC2 that tries each call once, with the credentials that metadata has now.
fn client(system: &System, metadata: &Metadata) -> Result<(Instance, Client), AwsError> {
    // Both are findings of other checks, which must pass before this is asked.
    let (Some(instance), Ok(credentials)) = (metadata.instance(), &metadata.credentials) else {
        return Err(AwsError::NoCredentials(CREDENTIALS));
    };
    let deadline = Deadline::after(ANSWER);
    let environment = &system.environment;
    let client = Client::with(Service::Ec2, credentials, environment, &instance.region, deadline)?;
    Ok((instance, client.single()))
}

async fn servers(
    system: &System,
    metadata: &Metadata,
    node: Option<&Identity>,
) -> Result<Servers, AwsError> {
    let Some(node) = node else { return Ok(Servers::default()) };
    let (_, client) = client(system, metadata)?;
    let vpc = metadata.vpc.as_deref().ok();
    let listed =
        discovery::list(&client, vpc.unwrap_or_default(), node.role.daemons(), &node.cluster);
    let mut found = listed.await?;
    let is_missing = |found: &Found| found.peers.iter().all(|peer| peer.instance == node.instance);
    for found in found.values_mut() {
        let all = [found.peers.as_slice(), &found.foreign].concat();
        *found = divided(all, vpc);
    }
    let keys: Vec<&str> = found
        .iter()
        .filter(|(_, found)| is_missing(found))
        .map(|(daemon, _)| discovery::auto_join_tag(*daemon))
        .collect();
    if keys.is_empty() {
        return Ok(Servers { found, tagged: Vec::new() });
    }
    // The second call only helps to explain the first, so it may fail.
    let Ok(tagged) = ec2::describe_peers(&client, &[("tag-key", &keys)]).await else {
        return Ok(Servers { found, tagged: Vec::new() });
    };
    // The daemons ask for the auto-join tag alone; the call for both of them asks for the name of the cluster as well.
    for (daemon, found) in found.iter_mut().filter(|(_, found)| is_missing(found)) {
        let tag = discovery::auto_join_tag(*daemon);
        let of_cluster = tagged.iter().filter(|peer| peer.tags.get(tag) == Some(&node.cluster));
        *found = divided(of_cluster.cloned().collect(), vpc);
    }
    Ok(Servers { found, tagged })
}

/// The servers of this VPC, and the others; all are of this VPC while metadata does not name it.
fn divided(all: Vec<Peer>, vpc: Option<&str>) -> Found {
    let is_here = |peer: &Peer| vpc.is_none_or(|vpc| peer.vpc == vpc);
    let (peers, foreign) = all.into_iter().partition(is_here);
    Found { peers, foreign }
}
