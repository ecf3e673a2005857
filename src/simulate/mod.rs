//! Try any role anywhere: an embedded metadata service that keeps EC2's rules, the unmodified pipeline, and a directory
//! in place of `/`. The tests use the same service.

pub mod fault;
pub mod instance;
pub mod overview;
pub mod service;

use crate::error::{Error, InputError};
use crate::node::{CLIENT_DATACENTERS, LEADER, tags};
use crate::pipeline::{self, Converged, Outcome};
use crate::plan::node::UnrecordedData;
use crate::system::System;
use crate::system::aws;
use crate::system::environment::Environment;
use crate::system::root::{NewFile, Root};
use crate::system::systemd::services::RecordedServices;
use fault::Fault;
use instance::Instance;
use service::Service;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// A kind of node: role, and datacenter if the role has several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeKind {
    /// The role; only the pipeline checks it.
    pub role: String,
    /// The Nomad datacenter, if the role has one.
    pub datacenter: Option<String>,
}

impl NodeKind {
    /// A role with its usual datacenter.
    pub fn of(role: &str, datacenter: Option<&str>) -> Self {
        let usual = match role {
            "nomad-server" => Some(LEADER),
            "nomad-client" => Some(CLIENT_DATACENTERS[0]),
            _ => None,
        };
        Self { role: role.to_owned(), datacenter: datacenter.or(usual).map(str::to_owned) }
    }

    /// The six kinds of node that make a COS.
    pub fn all() -> Vec<Self> {
        let clients =
            CLIENT_DATACENTERS.iter().map(|datacenter| Self::of("nomad-client", Some(datacenter)));
        [Self::of("consul-server", None), Self::of("nomad-server", None)]
            .into_iter()
            .chain(clients)
            .collect()
    }

    /// Its name, which is also that of its directory.
    pub fn name(&self) -> String {
        match &self.datacenter {
            Some(datacenter) if self.role == "nomad-client" => {
                format!("{}-{datacenter}", self.role)
            }
            _ => self.role.clone(),
        }
    }

    /// The tags that Terraform would set.
    pub fn tags(&self, cluster: &str, servers: &str) -> BTreeMap<String, String> {
        let mut tags = BTreeMap::from([
            ("Name".to_owned(), format!("{cluster}-{}", self.name())),
            (tags::CLUSTER.to_owned(), cluster.to_owned()),
            (tags::ROLE.to_owned(), self.role.clone()),
        ]);
        if let Some(datacenter) = &self.datacenter {
            tags.insert(tags::DATACENTER.to_owned(), datacenter.clone());
        }
        let join = match self.role.as_str() {
            "consul-server" => tags::CONSUL_SERVER,
            "nomad-server" => tags::NOMAD_SERVER,
            _ => return tags,
        };
        tags.insert(tags::SERVERS.to_owned(), servers.to_owned());
        tags.insert(join.to_owned(), cluster.to_owned());
        tags
    }
}

/// A simulated node.
pub struct Simulation<'a> {
    /// The instance that the metadata service describes.
    pub instance: Instance,
    /// What the service does wrong.
    pub faults: Vec<Fault>,
    /// The directory in place of `/`.
    pub root: &'a Path,
    /// How long the agent waits.
    pub timeout: Duration,
}

/// Runs the pipeline against the metadata service of an instance.
pub async fn run(
    simulation: Simulation<'_>,
    mut environment: Environment,
) -> Result<Outcome, Error> {
    let service = Service::start(simulation.instance, simulation.faults)
        .await
        .map_err(|source| Error::Io { operation: "serve the metadata", source })?;
    environment.metadata_endpoint = Some(service.endpoint());
    // Nothing of a simulation may leave this machine. Without a parameter store the quorum guard makes no call.
    let played = aws::Service::ALL.into_iter().filter(|one| *one != aws::Service::Ssm);
    environment.aws_endpoints = played.map(|one| (one, service.endpoint())).collect();
    let services = Box::new(RecordedServices::default());
    let system = System {
        root: Root::at(simulation.root),
        services: Some(services),
        keeps_record: false,
        environment,
    };
    match pipeline::converge(&system, simulation.timeout, UnrecordedData::Refuse).await? {
        Converged::Done(outcome) => Ok(outcome),
        Converged::Frozen => Err(InputError::FrozenRoot.into()),
    }
}

/// Adds the files to a root directory that make it look like a host with systemd-resolved and Debian's trust store, and
/// the versions of the daemons. Existing files are kept.
pub fn furnish(root: &Path, consul: &str, nomad: &str) -> Result<(), Error> {
    let root = Root::at(root);
    let versions = format!("[consul]\nversion = \"{consul}\"\n\n[nomad]\nversion = \"{nomad}\"\n");
    let things = [
        ("/usr/lib/cos-agent/config.d/00-simulate.toml", versions.as_str()),
        ("/run/systemd/resolve/stub-resolv.conf", "nameserver 127.0.0.53\n"),
        ("/usr/sbin/update-ca-certificates", "#!/bin/sh\n"),
    ];
    for (path, text) in things {
        if root.stat(path)?.is_none() {
            root.write_all(&[NewFile { path, bytes: text.as_bytes(), mode: 0o644, owner: None }])?;
        }
    }
    Ok(())
}
