//! The local Nomad agent: the leader, the servers, whether this client is registered, and how to make it join.

mod advertised;
mod node;

use super::api::{Api, ApiError};
use crate::state::Daemon;
use crate::system::environment::Environment;
pub use advertised::InConsul;
pub use node::{Driver, LastDrain, Registered};
use serde::Deserialize;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

/// The port of Nomad's RPC; Nomad lists servers with it.
pub const RPC: u16 = 4647;
/// The port of the servers' gossip, over TCP and UDP.
pub const SERF: u16 = 4648;

/// The agent of this host.
pub struct Nomad {
    /// Its API.
    pub api: Api,
    /// The index of the last answer about a node, to wait on.
    index: Cell<u64>,
}

/// A server in the gossip pool (<https://developer.hashicorp.com/nomad/api-docs/agent#list-members>).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Member {
    /// Its name: the node name, a dot and the region.
    pub name: String,
    /// Its address.
    pub addr: Ipv4Addr,
    /// `alive`, `leaving`, `left` or `failed`.
    pub status: String,
    /// Its Serf tags, such as `expect`.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Member {
    /// Whether its Serf status is `alive`.
    pub fn is_alive(&self) -> bool {
        self.status == "alive"
    }

    /// Its region.
    pub fn region(&self) -> Option<&str> {
        self.tags.get("region").map(String::as_str)
    }

    /// The version of the agent, such as `1.6.3`.
    pub fn build(&self) -> Option<&str> {
        self.tags.get("build").map(String::as_str)
    }

    /// How many servers it expects to form the cluster with.
    pub fn expect(&self) -> Option<u8> {
        self.tags.get("expect")?.parse().ok()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    members: Option<Vec<Member>>,
}

#[derive(Deserialize)]
struct Itself {
    #[serde(default)]
    stats: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Configured {
    config: RunsAs,
}

/// What an agent runs as (<https://developer.hashicorp.com/nomad/api-docs/agent#query-self>).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RunsAs {
    /// Its name.
    #[serde(rename = "NodeName")]
    pub name: String,
    /// Its datacenter.
    pub datacenter: String,
    /// Its region.
    pub region: String,
    /// Whether it is a server.
    pub server: Enabled,
    /// Whether it is a client.
    pub client: Enabled,
}

/// Whether a mode is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Enabled {
    /// Whether it is.
    pub enabled: bool,
}

#[derive(Deserialize)]
struct Joined {
    #[serde(default)]
    num_joined: u32,
    #[serde(default)]
    error: String,
}

impl Nomad {
    /// A client whose calls last no longer than `timeout`.
    pub fn local(environment: &Environment, timeout: Duration) -> Result<Self, ApiError> {
        let api = Api::local(Daemon::Nomad, environment, timeout)?;
        Ok(Self { api, index: Cell::new(0) })
    }

    /// What the agent runs as.
    pub async fn runs_as(&self) -> Result<RunsAs, ApiError> {
        Ok(self.api.get("/v1/agent/self").await?.json::<Configured>()?.config)
    }

    /// What a client reports under `stats.client`; empty on a server.
    pub async fn client_stats(&self) -> Result<BTreeMap<String, String>, ApiError> {
        let mut itself: Itself = self.api.get("/v1/agent/self").await?.json()?;
        Ok(itself.stats.remove("client").unwrap_or_default())
    }

    /// Whether the servers may place tasks on this node. With ACLs this needs `node:read`.
    pub async fn is_eligible(&self) -> Result<bool, ApiError> {
        let mut itself: Itself = self.api.get("/v1/agent/self").await?.json()?;
        // An agent that is only a server gets no tasks.
        if itself.stats.contains_key("nomad") && !itself.stats.contains_key("client") {
            return Ok(false);
        }
        let id = itself.stats.get_mut("client").and_then(|client| client.remove("node_id"));
        let id = id.ok_or_else(|| ApiError::Malformed {
            path: "/v1/agent/self".to_owned(),
            problem: "expected `stats.client.node_id`, found none".to_owned(),
        })?;
        let found = self.registered(&id, None).await?;
        // A client that is not registered yet may be registered, and get tasks, at any moment.
        Ok(found.is_none_or(|found| !found.is_ineligible()))
    }

    /// The version of the agent, such as `1.6.3`, if it says so.
    pub async fn version(&self) -> Result<Option<String>, ApiError> {
        Ok(self.api.get("/v1/agent/self").await?.json::<advertised::Answer>()?.version())
    }

    /// How the agent registers itself in Consul.
    pub async fn in_consul(&self) -> Result<InConsul, ApiError> {
        Ok(self.api.get("/v1/agent/self").await?.json::<advertised::Answer>()?.in_consul())
    }

    /// The address of the leader, if there is one. Without `stale`, a server without a leader answers only after 5 s.
    pub async fn leader(&self) -> Result<Option<String>, ApiError> {
        self.api.get("/v1/status/leader?stale").await?.leader()
    }

    /// The servers that this server knows.
    pub async fn members(&self) -> Result<Vec<Member>, ApiError> {
        let answer = self.api.get("/v1/agent/members").await?;
        Ok(answer.json::<Members>()?.members.unwrap_or_default())
    }

    /// The servers that this client uses, as `address:port`.
    pub async fn servers(&self) -> Result<Vec<String>, ApiError> {
        self.api.get("/v1/agent/servers").await?.json()
    }

    /// How the servers see a client, `None` if they do not know it. With ACLs the client may ask with its own secret.
    pub async fn registered(
        &self,
        id: &str,
        secret: Option<&str>,
    ) -> Result<Option<Registered>, ApiError> {
        let path = format!("/v1/node/{id}");
        let answer = self.api.get_with_token(&path, secret).await?;
        self.index.set(answer.index.unwrap_or(0));
        if answer.status == 404 { Ok(None) } else { answer.json().map(Some) }
    }

    /// Returns when the servers' entry of a client has changed since the last request for it, or after 30 s. Never
    /// returns if they have no entry, because such a query would be answered at once.
    pub async fn registration_changed(&self, id: &str, secret: Option<&str>) {
        match self.index.get() {
            0 => std::future::pending().await,
            index => drop(self.api.changed(&format!("/v1/node/{id}"), index, secret).await),
        }
    }

    /// Makes a server join the pool through other servers, and returns how many of them answered. Nomad reports a
    /// failure as 200 with a message in the body.
    pub async fn join(&self, addresses: &[Ipv4Addr]) -> Result<u32, ApiError> {
        let list = query(addresses, SERF);
        let answer = self.api.put(&format!("/v1/agent/join?{list}"), String::new()).await?;
        let joined: Joined = answer.json()?;
        if joined.num_joined == 0 {
            Err(answer.malformed(&joined.error))
        } else {
            Ok(joined.num_joined)
        }
    }

    /// Gives a client its list of servers.
    pub async fn set_servers(&self, addresses: &[Ipv4Addr]) -> Result<(), ApiError> {
        let list = query(addresses, RPC);
        let answer = self.api.put(&format!("/v1/agent/servers?{list}"), String::new()).await?;
        if answer.status == 200 { Ok(()) } else { Err(answer.refusal()) }
    }
}

fn query(addresses: &[Ipv4Addr], port: u16) -> String {
    let parts: Vec<String> =
        addresses.iter().map(|address| format!("address={address}:{port}")).collect();
    parts.join("&")
}
