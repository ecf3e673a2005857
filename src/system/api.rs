//! The HTTP API of a daemon on this host, as Consul and Nomad have it: JSON, and an index to wait on.

use super::http;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use std::time::Duration;

/// Largest answer that is read: the members of a cluster of thousands are far below it.
const ANSWER_CAP: usize = 8 * 1024 * 1024;
/// How long a blocking query may hold the line, in the words of the API.
const HOLD: (&str, Duration) = ("30s", Duration::from_secs(40));

/// Why a daemon gave no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// Nobody listens there.
    #[error("{base} cannot be reached: {words}")]
    Unreachable {
        /// The address.
        base: String,
        /// The system's words.
        words: String,
        /// Whether the host is there and its port is closed: no such agent runs.
        refused: bool,
    },
    /// The connection was taken and nothing came.
    #[error("{base} takes connections and has not answered {path} for {:.1} s", after.as_secs_f64())]
    Silent {
        /// The address.
        base: String,
        /// What was asked.
        path: String,
        /// How long was waited.
        after: Duration,
    },
    /// An answer that is no success.
    #[error("{path} answers {status}: {words}")]
    Status {
        /// What was asked.
        path: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of the body.
        words: String,
    },
    /// An answer that is not what the API documents.
    #[error("{path}: the answer is not what the API documents: {problem}")]
    Malformed {
        /// What was asked.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl ApiError {
    /// The HTTP status of a refusal.
    pub fn status(&self) -> Option<u16> {
        if let Self::Status { status, .. } = self { Some(*status) } else { None }
    }

    /// Whether the daemon takes HTTPS alone there: in the words of Go's own server (`net/http`, `server.go`).
    pub fn wants_https(&self) -> bool {
        matches!(self, Self::Status { status: 400, words, .. } if words.contains("HTTP request to an HTTPS server"))
    }
}

/// An answer of any status.
pub struct Answer {
    path: String,
    /// The HTTP status.
    pub status: u16,
    /// What a blocking query goes on from (<https://developer.hashicorp.com/consul/api-docs/features/blocking>).
    pub index: Option<u64>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body of a success.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        if self.status != 200 {
            return Err(self.refusal());
        }
        // In two steps, as settings are: one reader of each type less in the binary.
        serde_json::from_slice(&self.body)
            .and_then(serde_json::from_value::<T>)
            .map_err(|error| self.malformed(&error.to_string()))
    }

    /// This answer as a refusal.
    pub fn refusal(&self) -> ApiError {
        ApiError::Status { path: self.path.clone(), status: self.status, words: self.words() }
    }

    /// This answer as one that cannot be understood.
    pub fn malformed(&self, problem: &str) -> ApiError {
        ApiError::Malformed { path: self.path.clone(), problem: problem.to_owned() }
    }

    /// The beginning of the body, as one line.
    pub fn words(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        text.trim().chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

/// The API of one daemon.
pub struct Api {
    client: reqwest::Client,
    base: String,
    timeout: Duration,
}

impl Api {
    /// A client whose calls last no longer than `timeout`; blocking queries have a time of their own.
    pub fn new(base: &str, timeout: Duration) -> Result<Self, ApiError> {
        let client = http::plain_client(HOLD.1).map_err(|error| ApiError::Unreachable {
            base: base.to_owned(),
            words: http::plain_words(&error),
            refused: false,
        })?;
        Ok(Self { client, base: base.to_owned(), timeout })
    }

    /// The address, for words.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The address and port, where the base has an address.
    pub fn address(&self) -> Option<SocketAddr> {
        let base = reqwest::Url::parse(&self.base).ok()?;
        Some(SocketAddr::new(base.host_str()?.parse().ok()?, base.port_or_known_default()?))
    }

    /// Asks.
    pub async fn get(&self, path: &str) -> Result<Answer, ApiError> {
        self.send(self.client.get(format!("{}{path}", self.base)), path, self.timeout).await
    }

    /// Asks, and is answered when something has changed since `index`, or after half a minute.
    pub async fn changed(
        &self,
        path: &str,
        index: u64,
        token: Option<&str>,
    ) -> Result<Answer, ApiError> {
        let and = if path.contains('?') { '&' } else { '?' };
        let url = format!("{}{path}{and}index={index}&wait={}", self.base, HOLD.0);
        self.send(with_token(self.client.get(url), token), path, HOLD.1).await
    }

    /// Tells.
    pub async fn put(&self, path: &str, body: String) -> Result<Answer, ApiError> {
        let request = self.client.put(format!("{}{path}", self.base)).body(body);
        self.send(request, path, self.timeout).await
    }

    /// Asks with a token.
    pub async fn get_with_token(
        &self,
        path: &str,
        token: Option<&str>,
    ) -> Result<Answer, ApiError> {
        let request = with_token(self.client.get(format!("{}{path}", self.base)), token);
        self.send(request, path, self.timeout).await
    }

    async fn send(
        &self,
        request: reqwest::RequestBuilder,
        path: &str,
        timeout: Duration,
    ) -> Result<Answer, ApiError> {
        let base = self.base.clone();
        let response = match request.timeout(timeout).send().await {
            Ok(response) => response,
            Err(error) if error.is_timeout() && !error.is_connect() => {
                return Err(ApiError::Silent { base, path: path.to_owned(), after: timeout });
            }
            Err(error) => {
                let refused = http::os_error(&error) == Some(nix::libc::ECONNREFUSED);
                let words = http::plain_words(&error);
                return Err(ApiError::Unreachable { base, words, refused });
            }
        };
        let number = |name: &str| response.headers().get(name)?.to_str().ok()?.parse().ok();
        let index = number("x-consul-index").or_else(|| number("x-nomad-index"));
        let status = response.status().as_u16();
        let body = http::read_body(response, ANSWER_CAP).await.map_err(|error| {
            ApiError::Malformed { path: path.to_owned(), problem: error.to_string() }
        })?;
        Ok(Answer { path: path.to_owned(), status, index, body })
    }
}

/// A token stands in a header, where no log shows it.
fn with_token(request: reqwest::RequestBuilder, token: Option<&str>) -> reqwest::RequestBuilder {
    match token {
        Some(token) => request.header("x-nomad-token", token),
        None => request,
    }
}

/// What a server knows of its quorum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quorum {
    /// The cluster has no leader.
    Leaderless,
    /// The servers as the leader sees them.
    Servers(Vec<Server>),
    /// Its ACLs refuse the question.
    Denied(String),
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
    /// `null` until a new leader has looked at its servers.
    servers: Option<Vec<Server>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RaftConfiguration {
    servers: Vec<RaftServer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RaftServer {
    address: String,
    voter: bool,
}

impl Api {
    /// What an agent knows by itself: `leader`, an address or nothing, or `peers`, the addresses in its Raft log. Needs
    /// no token, and with `stale` no leader
    /// (<https://developer.hashicorp.com/nomad/api-docs/status>, <https://developer.hashicorp.com/consul/api-docs/status>).
    pub async fn status_of(&self, what: &str) -> Result<serde_json::Value, ApiError> {
        self.get(&format!("/v1/status/{what}?stale")).await?.json()
    }

    /// The voters, as `address:port`. The peers of [`Api::status_of`] are more: a server that has just joined has no vote
    /// for 10 s and longer. With ACLs only operators may ask: 403
    /// (<https://developer.hashicorp.com/nomad/api-docs/operator/raft>, the same in Consul).
    pub async fn voters(&self) -> Result<Vec<String>, ApiError> {
        let raft: RaftConfiguration =
            self.get("/v1/operator/raft/configuration?stale").await?.json()?;
        Ok(raft.servers.into_iter().filter(|one| one.voter).map(|one| one.address).collect())
    }

    /// How the servers are. Consul and Nomad share this endpoint and its answers: 200 healthy, 429 not, 500 without a
    /// leader (<https://developer.hashicorp.com/nomad/api-docs/operator/autopilot>).
    pub async fn quorum(&self) -> Quorum {
        let mut answer = match self.get("/v1/operator/autopilot/health").await {
            Ok(answer) => answer,
            Err(error) => return Quorum::Unknown(error.to_string()),
        };
        // Without a leader, ACLs refuse every token but one, and the second question needs none.
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
