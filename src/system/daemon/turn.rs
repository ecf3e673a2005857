//! Turns: a lock for the whole cluster, made of a key in Consul that a session holds, so that one node goes at a time.

use super::api::ApiError;
use super::consul::Consul;
use serde::Deserialize;
use std::time::Duration;
use tokio::time::Instant;

/// How long a turn lasts at least: the shortest TTL that Consul allows for a session. Consul may keep the session twice
/// as long.
const TURN: Duration = Duration::from_secs(10);
/// The keys of turns begin with this.
pub const KEYS: &str = "cos-agent/restart/";

/// A turn that is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    session: String,
    /// No other node has the turn before this moment.
    pub until: Instant,
}

/// Whether this node may go next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// No other node goes while it lasts.
    Ours(Held),
    /// Another node has the turn.
    Taken,
    /// Consul has no leader, so it cannot grant turns.
    Leaderless,
    /// Consul's ACLs refuse sessions or the key.
    Denied(String),
    /// Consul gave no usable answer; the reason.
    Unknown(String),
}

#[derive(Deserialize)]
struct Session {
    #[serde(rename = "ID")]
    id: String,
}

/// Asks for the turn of a name in the whole cluster: a lock that expires. A node that used its turn does not give it
/// back, because it would have to wait for a daemon that starts only after this process has ended.
///
/// All attempts use one session while it lasts. During an election the answer to a granted lock may be lost, and with a
/// second session this node would wait for its own first one.
pub struct Request<'a> {
    name: &'a str,
    session: Option<Held>,
}

impl<'a> Request<'a> {
    /// A request for the turn of this name.
    pub fn of(name: &'a str) -> Self {
        Self { name, session: None }
    }

    /// Asks once, through any client of the local agent.
    pub async fn take(&mut self, consul: &Consul) -> Turn {
        match self.try_once(consul).await {
            Ok(Some(held)) => Turn::Ours(held),
            Ok(None) => Turn::Taken,
            Err(problem) if problem.status() == Some(403) => Turn::Denied(problem.to_string()),
            Err(problem) if problem.status() == Some(500) && consul.has_no_leader().await => {
                Turn::Leaderless
            }
            Err(problem) => Turn::Unknown(problem.to_string()),
        }
    }

    /// Stops asking. Destroys a session that is still open; one that cannot be destroyed expires.
    pub async fn give_up(&mut self, consul: &Consul) {
        if let Some(held) = self.session.take() {
            let _ = consul.give_back(&held).await;
        }
    }

    async fn try_once(&mut self, consul: &Consul) -> Result<Option<Held>, ApiError> {
        let held = match self.session.take() {
            Some(held) if Instant::now() < held.until => held,
            Some(over) => {
                // Consul may keep the session for longer than this node may rely on it.
                let _ = consul.give_back(&over).await;
                consul.begin_session(self.name).await?
            }
            None => consul.begin_session(self.name).await?,
        };
        let held = self.session.insert(held);
        let acquire = format!("/v1/kv/{KEYS}{}?acquire={}", self.name, held.session);
        if consul.api.put(&acquire, String::new()).await?.json()? {
            return Ok(Some(held.clone()));
        }
        self.give_up(consul).await;
        Ok(None)
    }
}

impl Consul {
    /// Gives back a turn that was not used, so that the next node need not wait until it expires.
    pub async fn give_back(&self, held: &Held) -> Result<(), ApiError> {
        let path = format!("/v1/session/destroy/{}", held.session);
        self.api.put(&path, String::new()).await.map(drop)
    }

    /// Creates a session without a node check; with one, a restart of this Consul would end the session
    /// (<https://developer.hashicorp.com/consul/api-docs/session>).
    async fn begin_session(&self, name: &str) -> Result<Held, ApiError> {
        let until = Instant::now() + TURN;
        let wanted = serde_json::json!({
            "Name": format!("cos-agent restart of {name}"),
            "TTL": format!("{}s", TURN.as_secs()),
            "LockDelay": "0s",
            "Behavior": "delete",
            "Checks": [],
            "NodeChecks": [],
        });
        let session: Session =
            self.api.put("/v1/session/create", wanted.to_string()).await?.json()?;
        Ok(Held { session: session.id, until })
    }

    async fn has_no_leader(&self) -> bool {
        matches!(self.leader().await, Ok(None))
    }
}
