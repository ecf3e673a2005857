//! Turns: one node in the whole cluster at a time, by a session of Consul that holds a key.

use super::api::{Answer, ApiError};
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

impl Consul {
    /// Takes the turn of a name in the whole cluster: a lock that ends by itself. Whoever has gone does not give it back:
    /// waiting to do that would be waiting for a daemon that is started only when we have ended.
    ///
    /// The session has no node check, or a restart of this very Consul would end it
    /// (<https://developer.hashicorp.com/consul/api-docs/session>).
    pub async fn take_turn(&self, name: &str) -> Turn {
        match self.try_turn(name).await {
            Ok(Some(held)) => Turn::Ours(held),
            Ok(None) => Turn::Taken,
            Err(problem) if problem.status() == Some(403) => Turn::Denied(problem.to_string()),
            Err(problem) if problem.status() == Some(500) && self.has_no_leader().await => {
                Turn::Leaderless
            }
            Err(problem) => Turn::Unknown(problem.to_string()),
        }
    }

    /// Gives a turn back that was not made use of, so that the next node need not wait for its end.
    pub async fn give_back(&self, held: &Held) -> Result<(), ApiError> {
        let path = format!("/v1/session/destroy/{}", held.session);
        self.api.put(&path, String::new()).await.map(drop)
    }

    async fn try_turn(&self, name: &str) -> Result<Option<Held>, ApiError> {
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
        let held = Held { session: session.id, until };
        let acquire = format!("/v1/kv/{KEYS}{name}?acquire={}", held.session);
        let ours = self.api.put(&acquire, String::new()).await.and_then(|ours: Answer| ours.json());
        if matches!(ours, Ok(true)) {
            return Ok(Some(held));
        }
        // What cannot be given back ends by itself.
        let _ = self.give_back(&held).await;
        ours.map(|_: bool| None)
    }

    async fn has_no_leader(&self) -> bool {
        matches!(self.leader().await, Ok(None))
    }
}
