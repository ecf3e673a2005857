//! The local Consul agent: its members, the leader, and how to make it join.

use super::api::{Api, ApiError};
use crate::state::Daemon;
use crate::system::environment::Environment;
use serde::Deserialize;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

/// The port of the servers' RPC (<https://developer.hashicorp.com/consul/docs/install/ports>).
pub const RPC: u16 = 8300;
/// The port of every agent's gossip, over TCP and UDP.
pub const SERF: u16 = 8301;
/// The port of every agent's DNS server.
pub const DNS: u16 = 8600;

/// The agent of this host.
pub struct Consul {
    /// Its API.
    pub api: Api,
    /// The index of the last answer about a node, to wait on.
    index: Cell<u64>,
}

/// A member of the gossip pool as this agent sees it (<https://developer.hashicorp.com/consul/api-docs/agent#list-members>).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Member {
    /// Its node name.
    pub name: String,
    /// Its address.
    pub addr: Ipv4Addr,
    /// Serf's number: 1 alive, 2 leaving, 3 left, 4 failed.
    pub status: u8,
    /// Its Serf tags: `role` is `consul` on servers, `expect` is the number of servers that it waits for.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Member {
    /// Whether its Serf status is `alive`.
    pub fn is_alive(&self) -> bool {
        self.status == 1
    }

    /// Whether it has left the pool on its own, or was removed from it.
    pub fn has_left(&self) -> bool {
        self.status == 3
    }

    /// Whether it is a server.
    pub fn is_server(&self) -> bool {
        self.tags.get("role").is_some_and(|role| role == "consul")
    }

    /// The version of the agent, and the revision behind a colon, such as `1.14.4:86d2e3a9`.
    pub fn build(&self) -> Option<&str> {
        self.tags.get("build").map(String::as_str)
    }

    /// How many servers it expects to form the cluster with.
    pub fn expect(&self) -> Option<u8> {
        self.tags.get("expect")?.parse().ok()
    }
}

/// What an agent reports about itself (<https://developer.hashicorp.com/consul/api-docs/agent#read-configuration>).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Itself {
    /// As a member of the pool.
    pub member: Member,
    /// What it runs as.
    pub config: RunsAs,
}

/// What an agent runs as.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RunsAs {
    /// Its datacenter.
    pub datacenter: String,
    /// Whether it is a server.
    pub server: bool,
}

/// A check of a service of this agent (<https://developer.hashicorp.com/consul/api-docs/agent/check#list-checks>).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ServiceCheck {
    /// Its name.
    pub name: String,
    /// `passing`, `warning` or `critical`.
    pub status: String,
    /// What its last run said.
    #[serde(default)]
    pub output: String,
    /// The name of its service; empty for a check of the node.
    #[serde(default)]
    pub service_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Service {
    service: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CatalogNode {
    node: Option<CatalogAddress>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CatalogAddress {
    address: String,
}

impl Consul {
    /// A client whose calls last no longer than `timeout`.
    pub fn local(environment: &Environment, timeout: Duration) -> Result<Self, ApiError> {
        let api = Api::local(Daemon::Consul, environment, timeout)?;
        Ok(Self { api, index: Cell::new(0) })
    }

    /// What the agent reports about itself.
    pub async fn itself(&self) -> Result<Itself, ApiError> {
        self.api.get("/v1/agent/self").await?.json()
    }

    /// All members that this agent knows.
    pub async fn members(&self) -> Result<Vec<Member>, ApiError> {
        self.api.get("/v1/agent/members").await?.json()
    }

    /// The address of the leader, if there is one.
    pub async fn leader(&self) -> Result<Option<String>, ApiError> {
        self.api.get("/v1/status/leader").await?.leader()
    }

    /// The names of the services that are registered with this agent.
    pub async fn services(&self) -> Result<BTreeSet<String>, ApiError> {
        let found: BTreeMap<String, Service> = self.api.get("/v1/agent/services").await?.json()?;
        Ok(found.into_values().map(|service| service.service).collect())
    }

    /// The checks of this agent.
    pub async fn checks(&self) -> Result<Vec<ServiceCheck>, ApiError> {
        let found: BTreeMap<String, ServiceCheck> =
            self.api.get("/v1/agent/checks").await?.json()?;
        Ok(found.into_values().collect())
    }

    /// The address of a node in the catalog, `None` if the catalog has no such node.
    pub async fn catalog_address(&self, name: &str) -> Result<Option<String>, ApiError> {
        let answer = self.api.get(&format!("/v1/catalog/node/{name}")).await?;
        self.index.set(answer.index.unwrap_or(0));
        // The answer for an unknown node is `null`.
        let node: Option<CatalogNode> = answer.json()?;
        Ok(node.and_then(|node| node.node).map(|node| node.address))
    }

    /// Returns when the catalog's entry of a node has changed since the last request for it, or after 30 s. Never
    /// returns if the last answer had no index.
    pub async fn catalog_changed(&self, name: &str) {
        match self.index.get() {
            0 => std::future::pending().await,
            index => drop(self.api.changed(&format!("/v1/catalog/node/{name}"), index, None).await),
        }
    }

    /// Makes the agent join the pool through one of its members.
    pub async fn join(&self, address: Ipv4Addr) -> Result<(), ApiError> {
        let answer = self.api.put(&format!("/v1/agent/join/{address}"), String::new()).await?;
        if answer.status == 200 { Ok(()) } else { Err(answer.refusal()) }
    }
}
