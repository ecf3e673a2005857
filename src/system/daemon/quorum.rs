//! What Consul and Nomad report about their servers, through endpoints that both have.

use super::api::{Answer, Api, ApiError};
use serde::Deserialize;

/// What a server knows of its quorum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quorum {
    /// The cluster has no leader.
    Leaderless,
    /// The servers as the leader sees them.
    Servers(Vec<Server>),
    /// ACLs denied the request.
    Denied(String),
    /// The agent gave no usable answer; the reason.
    Unknown(String),
}

/// A server as the leader sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Server {
    /// The node name; in Nomad followed by a dot and the region.
    pub name: String,
    /// Whether it answers and follows the log.
    pub healthy: bool,
    /// Whether it has a vote.
    pub voter: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AutopilotHealth {
    /// `null` until a new leader has checked its servers.
    servers: Option<Vec<Server>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RaftConfiguration {
    servers: Vec<Peer>,
}

/// A server in the Raft configuration, whether it lives or not.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Peer {
    /// Its Raft ID.
    #[serde(rename = "ID", default)]
    pub id: String,
    /// Its address and RPC port.
    pub address: String,
    /// Whether it has a vote.
    pub voter: bool,
}

impl Answer {
    /// The leader in an answer to `/v1/status/leader`, if there is one. A client that knows no server answers 500, which
    /// also means that there is no leader.
    pub(super) fn leader(&self) -> Result<Option<String>, ApiError> {
        if self.status == 500 {
            return Ok(None);
        }
        Ok(Some(self.json::<String>()?).filter(|leader| !leader.is_empty()))
    }
}

impl Api {
    /// What an agent knows without asking others: `leader` is an address or empty, `peers` are the addresses in its
    /// Raft log. Needs no token, and with `stale` no leader (<https://developer.hashicorp.com/nomad/api-docs/status>,
    /// <https://developer.hashicorp.com/consul/api-docs/status>).
    pub async fn status_of(&self, what: &str) -> Result<serde_json::Value, ApiError> {
        self.get(&format!("/v1/status/{what}?stale")).await?.json()
    }

    /// The servers in the Raft configuration. The peers of [`Api::status_of`] do not say which have a vote: a server that has just
    /// joined gets none for 10 s or longer. With ACLs only operators may ask; others get 403
    /// (<https://developer.hashicorp.com/nomad/api-docs/operator/raft>, the same in Consul).
    pub async fn peers(&self) -> Result<Vec<Peer>, ApiError> {
        let raft: RaftConfiguration =
            self.get("/v1/operator/raft/configuration?stale").await?.json()?;
        Ok(raft.servers)
    }

    /// The voters among them, as `address:port`.
    pub async fn voters(&self) -> Result<Vec<String>, ApiError> {
        let voters = self.peers().await?.into_iter().filter(|peer| peer.voter);
        Ok(voters.map(|peer| peer.address).collect())
    }

    /// The health of the servers. Consul and Nomad share this endpoint and its answers: 200 healthy, 429 unhealthy, 500
    /// without a leader (<https://developer.hashicorp.com/nomad/api-docs/operator/autopilot>).
    pub async fn quorum(&self) -> Quorum {
        let mut answer = match self.get("/v1/operator/autopilot/health").await {
            Ok(answer) => answer,
            Err(error) => return Quorum::Unknown(error.to_string()),
        };
        // Without a leader, ACLs refuse every token but one; the second request needs none.
        let no_leader = answer.words().to_ascii_lowercase().contains("no cluster leader");
        if answer.status == 500 && no_leader
            || answer.status >= 400
                && answer.status != 429
                && self.status_of("leader").await.is_ok_and(|leader| leader == "")
        {
            return Quorum::Leaderless;
        }
        if answer.status == 403 {
            return Quorum::Denied(answer.refusal().to_string());
        }
        if answer.status == 429 {
            answer.status = 200;
        }
        match answer.json::<AutopilotHealth>() {
            Ok(health) => Quorum::Servers(health.servers.unwrap_or_default()),
            Err(error) => Quorum::Unknown(error.to_string()),
        }
    }
}
