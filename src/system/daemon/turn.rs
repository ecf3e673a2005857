//! Turns: one node in the whole cluster at a time, by a session of Consul that holds a key.

use super::api::ApiError;
use super::consul::Consul;
use serde::Deserialize;
use std::time::Duration;
use tokio::time::Instant;

/// How long a turn lasts at least: the shortest time that Consul takes for a session. Consul may keep it twice as long.
const TURN: Duration = Duration::from_secs(10);
/// The keys of turns begin with this.
pub const KEYS: &str = "cos-agent/restart/";

/// A turn that is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    session: String,
    /// Until then nobody else has it.
    pub until: Instant,
}

/// Whether this node may go next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Nobody else goes while it lasts.
    Ours(Held),
    /// Another node is at it.
    Taken,
    /// Consul has no leader, and without one it keeps no turns.
    Leaderless,
    /// Consul's ACLs refuse sessions or the key.
    Denied(String),
    /// Consul did not say.
    Unknown(String),
}

#[derive(Deserialize)]
struct Session {
    #[serde(rename = "ID")]
    id: String,
}

/// Asks for the turn of a name in the whole cluster: a lock that ends by itself. Whoever has gone does not give it back:
/// waiting to do that would be waiting for a daemon that is started only when we have ended.
///
/// One session serves all attempts while it lasts: a servers' election may lose the answer to a lock that was given, and
/// with a second session this node would wait for its own first one.
pub struct Request<'a> {
    name: &'a str,
    session: Option<Held>,
}

impl<'a> Request<'a> {
    /// Of the turn of this name.
    pub fn of(name: &'a str) -> Self {
        Self { name, session: None }
    }

    /// Asks once, by any client of the local agent.
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

    /// Asks no more: what was begun and not answered is given back, and what cannot be given back ends by itself.
    pub async fn give_up(&mut self, consul: &Consul) {
        if let Some(held) = self.session.take() {
            let _ = consul.give_back(&held).await;
        }
    }

    async fn try_once(&mut self, consul: &Consul) -> Result<Option<Held>, ApiError> {
        let held = match self.session.take() {
            Some(held) if Instant::now() < held.until => held,
            Some(over) => {
                // Consul may keep it for longer than we may rely on it.
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
    /// Gives a turn back that was not made use of, so that the next node need not wait for its end.
    pub async fn give_back(&self, held: &Held) -> Result<(), ApiError> {
        let path = format!("/v1/session/destroy/{}", held.session);
        self.api.put(&path, String::new()).await.map(drop)
    }

    /// The session has no node check, or a restart of this very Consul would end it
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
