//! The installed Consul and Nomad as programs: their version, their validator, and the health of their quorum.

use super::command::{self, CommandError, Output};
use super::http;
use super::root::Root;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// A cold page-in of a 100 MB binary from EBS took 13 s on a loaded instance (awslabs/amazon-eks-ami 1751).
const VERSION_TIMEOUT: Duration = Duration::from_secs(60);
/// The validators read files only; what takes longer hangs.
const VALIDATE_TIMEOUT: Duration = Duration::from_secs(60);
/// Leaderless agents answer after about 7 s (`rpc_hold_timeout`).
const HEALTH_TIMEOUT: Duration = Duration::from_secs(10);

/// The first line that `PROGRAM version` prints, such as `Nomad v1.10.5`.
pub async fn version_line(root: &Root, program: &str, path: &str) -> Result<String, CommandError> {
    let output = command::run(&root.path(program), &["version"], path, VERSION_TIMEOUT).await?;
    Ok(output.stdout.lines().next().unwrap_or_default().trim().to_owned())
}

/// Runs a validator (`consul validate`, `nomad config validate`) over a folder.
pub async fn validate(
    root: &Root,
    program: &str,
    verb: &[&str],
    folder: &str,
    path: &str,
) -> Result<Output, CommandError> {
    let folder = root.path(folder).to_string_lossy().into_owned();
    let args: Vec<&str> = verb.iter().copied().chain([folder.as_str()]).collect();
    command::run(&root.path(program), &args, path, VALIDATE_TIMEOUT).await
}

/// What a server knows of its quorum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quorum {
    /// The cluster has no leader.
    Leaderless,
    /// The servers as the leader sees them.
    Servers(Vec<Server>),
    /// The agent did not say.
    Unknown(String),
}

/// A server as the leader sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Server {
    /// Consul's node name; Nomad's with the region behind a dot.
    pub name: String,
    /// Whether it answers and follows the log.
    pub healthy: bool,
    /// Whether it has a vote.
    pub voter: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AutopilotHealth {
    servers: Vec<Server>,
}

/// Asks an agent. Consul and Nomad share this endpoint and its answers: 200 healthy, 429 not, 500 without a leader
/// (<https://developer.hashicorp.com/nomad/api-docs/operator/autopilot>).
pub async fn quorum(api: &str) -> Quorum {
    let unknown = |error: reqwest::Error| Quorum::Unknown(http::plain_words(&error));
    let client = match http::plain_client(HEALTH_TIMEOUT) {
        Ok(client) => client,
        Err(error) => return unknown(error),
    };
    let response = match client.get(format!("{api}/v1/operator/autopilot/health")).send().await {
        Ok(response) => response,
        Err(error) => return unknown(error),
    };
    let status = response.status().as_u16();
    let body = http::read_body(response, 1024 * 1024).await.unwrap_or_default();
    match status {
        200 | 429 => match serde_json::from_slice::<AutopilotHealth>(&body) {
            Ok(health) => Quorum::Servers(health.servers),
            Err(error) => {
                Quorum::Unknown(format!("its health report is not what the API documents: {error}"))
            }
        },
        500 if String::from_utf8_lossy(&body)
            .to_ascii_lowercase()
            .contains("no cluster leader") =>
        {
            Quorum::Leaderless
        }
        // Without a leader, ACLs refuse every token but one, and this question needs none.
        _ if status_of(api, "leader").await.is_ok_and(|leader| leader == "") => Quorum::Leaderless,
        status => Quorum::Unknown(format!("its health report answers {status}")),
    }
}

/// What an agent knows by itself: `leader`, an address or nothing, or `peers`, the addresses in its Raft log. Needs no
/// token, and with `stale` no leader
/// (<https://developer.hashicorp.com/nomad/api-docs/status>, <https://developer.hashicorp.com/consul/api-docs/status>).
pub async fn status_of(api: &str, what: &str) -> Result<Value, String> {
    let path = format!("/v1/status/{what}");
    let client = http::plain_client(HEALTH_TIMEOUT).map_err(|error| http::plain_words(&error))?;
    let sent = client.get(format!("{api}{path}?stale")).send().await;
    let response = sent.map_err(|error| http::plain_words(&error))?;
    let status = response.status().as_u16();
    let body = http::read_body(response, 64 * 1024).await.map_err(|error| error.to_string())?;
    match serde_json::from_slice(&body) {
        Ok(value) if status == 200 => Ok(value),
        _ => Err(format!("{path} answers {status}, expected 200 with JSON")),
    }
}

/// How long a turn lasts: the shortest that Consul takes for a session. Consul may keep it for twice as long.
const TURN: &str = "10s";

/// Whether this node may go next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Nobody else goes while it lasts.
    Ours,
    /// Another node is at it.
    Taken,
    /// Consul did not say.
    Unknown(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Session {
    #[serde(rename = "ID")]
    id: String,
}

/// Takes the turn of a name in the whole cluster: a lock of Consul that nobody gives back and that ends by itself.
/// Waiting to give it back would be waiting for a daemon that is started only when we have ended.
///
/// The session has no node check, or a restart of this very Consul would end it
/// (<https://developer.hashicorp.com/consul/api-docs/session>).
pub async fn take_turn(consul_api: &str, name: &str) -> Turn {
    match try_turn(consul_api, name).await {
        Ok(true) => Turn::Ours,
        Ok(false) => Turn::Taken,
        Err(problem) => Turn::Unknown(problem),
    }
}

async fn try_turn(api: &str, name: &str) -> Result<bool, String> {
    let client = http::plain_client(HEALTH_TIMEOUT).map_err(|error| http::plain_words(&error))?;
    let put = async |path: String, body: String| {
        let sent = client.put(format!("{api}/v1/{path}")).body(body).send().await;
        let response = sent.map_err(|error| http::plain_words(&error))?;
        let status = response.status().as_u16();
        let body = http::read_body(response, 64 * 1024).await.map_err(|error| error.to_string())?;
        if status == 200 { Ok(body) } else { Err(format!("/v1/{path} answers {status}")) }
    };
    let wanted = serde_json::json!({
        "Name": format!("cos-agent restart of {name}"),
        "TTL": TURN,
        "LockDelay": "0s",
        "Behavior": "delete",
        "Checks": [],
        "NodeChecks": [],
    });
    let session = put("session/create".to_owned(), wanted.to_string()).await?;
    let session: Session = serde_json::from_slice(&session)
        .map_err(|error| format!("its session is not what the API documents: {error}"))?;
    let taken =
        put(format!("kv/cos-agent/restart/{name}?acquire={}", session.id), String::new()).await?;
    let ours = taken.trim_ascii() == b"true";
    if !ours {
        put(format!("session/destroy/{}", session.id), String::new()).await?;
    }
    Ok(ours)
}
