//! The HTTP API of a daemon, as Consul and Nomad have it: JSON, and an index to wait on.

use super::endpoint::Endpoint;
use crate::state::Daemon;
use crate::system::environment::Environment;
use crate::system::http;
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use std::time::Duration;

/// Largest answer that is read, in bytes: the members of a cluster of thousands are far below it.
const ANSWER_CAP: usize = 8 * 1024 * 1024;
/// How long a blocking query may take: as the API's parameter `wait`, and the timeout of the client.
const HOLD: (&str, Duration) = ("30s", Duration::from_secs(40));

/// Why a daemon gave no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The address cannot be reached.
    #[error("cannot reach {base}: {words}")]
    Unreachable {
        /// The address.
        base: String,
        /// The system's words.
        words: String,
        /// Whether the connection was refused: the host is up, but no agent listens on the port.
        refused: bool,
    },
    /// The connection was accepted, but no answer came.
    #[error("{base} accepts connections but has not answered {path} for {:.1} s", after.as_secs_f64())]
    Silent {
        /// The address.
        base: String,
        /// What was asked.
        path: String,
        /// How long the request waited.
        after: Duration,
    },
    /// An answer with another status than 200.
    #[error("{path} answered {status}: {words}")]
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

    /// Whether the daemon accepts only HTTPS there, by the words of Go's own server (`net/http`, `server.go`).
    pub fn wants_https(&self) -> bool {
        matches!(self, Self::Status { status: 400, words, .. } if words.contains("HTTP request to an HTTPS server"))
    }
}

/// An answer of any status.
pub struct Answer {
    path: String,
    /// The HTTP status.
    pub status: u16,
    /// The index from which a blocking query continues
    /// (<https://developer.hashicorp.com/consul/api-docs/features/blocking>).
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
        // In two steps, as for settings: the binary then holds one reader fewer for each type.
        serde_json::from_slice(&self.body)
            .and_then(serde_json::from_value::<T>)
            .map_err(|error| self.malformed(&error.to_string()))
    }

    /// The error for an answer with this status.
    pub fn refusal(&self) -> ApiError {
        ApiError::Status { path: self.path.clone(), status: self.status, words: self.words() }
    }

    /// The error for an answer that is not what the API documents.
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
    endpoint: Endpoint,
    timeout: Duration,
}

impl Api {
    /// A client for a daemon of this host.
    pub fn local(
        daemon: Daemon,
        environment: &Environment,
        timeout: Duration,
    ) -> Result<Self, ApiError> {
        Self::new(Endpoint::of(daemon, environment), timeout)
    }

    /// A client whose calls last no longer than `timeout`; blocking queries have a time of their own.
    pub fn new(endpoint: Endpoint, timeout: Duration) -> Result<Self, ApiError> {
        let client = http::daemon_client(HOLD.1, endpoint.ca.as_deref()).map_err(|error| {
            let words = http::plain_words(&error);
            ApiError::Unreachable { base: endpoint.url.clone(), words, refused: false }
        })?;
        Ok(Self { client, endpoint, timeout })
    }

    /// Scheme, address and port, as shown in messages.
    pub fn base(&self) -> &str {
        &self.endpoint.url
    }

    /// The address and port, `None` if the URL has a host name.
    pub fn address(&self) -> Option<SocketAddr> {
        let base = reqwest::Url::parse(self.base()).ok()?;
        Some(SocketAddr::new(base.host_str()?.parse().ok()?, base.port_or_known_default()?))
    }

    /// Sends a GET request.
    pub async fn get(&self, path: &str) -> Result<Answer, ApiError> {
        self.get_with_token(path, None).await
    }

    /// Sends a GET request with this token, or with that of the endpoint.
    pub async fn get_with_token(
        &self,
        path: &str,
        token: Option<&str>,
    ) -> Result<Answer, ApiError> {
        let request = self.client.get(format!("{}{path}", self.base()));
        self.send(request, path, token, self.timeout).await
    }

    /// Sends a blocking query, which is answered when something has changed since `index`, or after 30 s.
    pub async fn changed(
        &self,
        path: &str,
        index: u64,
        token: Option<&str>,
    ) -> Result<Answer, ApiError> {
        let and = if path.contains('?') { '&' } else { '?' };
        let url = format!("{}{path}{and}index={index}&wait={}", self.base(), HOLD.0);
        self.send(self.client.get(url), path, token, HOLD.1).await
    }

    /// Sends a PUT request.
    pub async fn put(&self, path: &str, body: String) -> Result<Answer, ApiError> {
        let request = self.client.put(format!("{}{path}", self.base())).body(body);
        self.send(request, path, None, self.timeout).await
    }

    async fn send(
        &self,
        mut request: reqwest::RequestBuilder,
        path: &str,
        token: Option<&str>,
        timeout: Duration,
    ) -> Result<Answer, ApiError> {
        let base = self.base().to_owned();
        // In a header, because logs show URLs.
        if let Some(token) = token.or(self.endpoint.token.as_deref()) {
            request = request.header(self.endpoint.token_header(), token);
        }
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
