//! The instance metadata service, version 2 only.
//!
//! One token, kept-alive connections, and one table of what a status means
//! (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html>):
//!
//! | status | meaning here |
//! |---|---|
//! | 200 | the value; an empty or hostile body is an error that names the path |
//! | 401 | the token expired: one fresh token at once; a fresh one that is refused is retried until the deadline |
//! | 403 | metadata is switched off: final |
//! | 404 | not set: `None`; only the caller knows which values may be late |
//! | 429, 5xx, no answer | retried with jitter until the deadline, `Retry-After` honoured |
//!
//! There is no fall-back to version 1, no proxy and no redirect.

use super::environment::Environment;
use super::http::{self, BodyError};
use super::network::NetworkEvents;
use super::retry::{Backoff, Deadline};
use reqwest::StatusCode;
use std::cell::{Cell, OnceCell, RefCell};
use std::time::Duration;
use tokio::sync::Mutex;

/// Where the service is on every instance; the IPv6 address is for subnets without IPv4.
const ENDPOINTS: [&str; 2] = ["http://169.254.169.254", "http://[fd00:ec2::254]"];
/// Seconds that a token lives: the longest that EC2 grants, so that one serves a whole run.
const TOKEN_TTL_SECONDS: &str = "21600";
/// Longest time for one answer. The service is on the host; what takes longer is lost.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// Largest value that is read; user data has its own cap.
pub const VALUE_CAP: usize = 64 * 1024;
/// After a network event the route may still be missing for a moment.
const SETTLE: Duration = Duration::from_millis(10);

/// Why the metadata service gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ImdsError {
    /// 403: `HttpEndpoint=disabled`, or a firewall of the instance.
    #[error("the metadata service at {endpoint} answers 403: it is switched off for this instance")]
    Disabled {
        /// The endpoint asked.
        endpoint: String,
    },
    /// The token path does not exist: no IMDSv2 is at this address.
    #[error("no IMDSv2 at {endpoint}: PUT /latest/api/token answers {status}")]
    NoTokens {
        /// The endpoint asked.
        endpoint: String,
        /// The status.
        status: u16,
    },
    /// A status that the service does not document.
    #[error("`{path}` answers {status}, expected 200 or 404")]
    Status {
        /// The path below `/latest/`.
        path: String,
        /// The status.
        status: u16,
    },
    /// The deadline passed.
    #[error("`{path}` had no answer from {endpoint} after {attempts} attempts in {:.1} s; the last: {last}", elapsed.as_secs_f64())]
    Deadline {
        /// The path below `/latest/`.
        path: String,
        /// The endpoint asked.
        endpoint: String,
        /// How often it was tried.
        attempts: u32,
        /// How long it was tried.
        elapsed: Duration,
        /// What went wrong the last time.
        last: String,
        /// Whether somebody was there, only throttled, broken or late.
        answered: bool,
    },
    /// 200, but no value of this service.
    #[error("`{path}` answers 200 with {problem}")]
    Body {
        /// The path below `/latest/`.
        path: String,
        /// What is wrong with the body.
        problem: BodyProblem,
    },
    /// The HTTP client could not be made.
    #[error("cannot make the HTTP client for metadata")]
    Client(#[source] reqwest::Error),
}

impl ImdsError {
    /// What is in the way, without times and numbers: the same words for the same trouble.
    pub fn trouble(&self) -> String {
        match self {
            Self::Deadline { path, endpoint, last, .. } => {
                format!("`{path}` has no answer from {endpoint}: {last}")
            }
            Self::Client(error) => format!("{self}: {error}"),
            _ => self.to_string(),
        }
    }
}

/// What is wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyProblem {
    /// Zero bytes, or only white space.
    #[error("an empty body")]
    Empty,
    /// Bytes that are no text.
    #[error("bytes that are not UTF-8")]
    NotUtf8,
    /// A web page: a proxy or captive portal stands in the way.
    #[error("an HTML page, which no metadata value is")]
    Html,
    /// More than any value has.
    #[error("more than {0} bytes")]
    TooLarge(usize),
}

#[derive(Clone)]
struct Token {
    value: String,
    generation: u32,
}

/// A client that holds one token and one deadline.
pub struct Imds {
    client: reqwest::Client,
    endpoints: Vec<String>,
    chosen: Cell<usize>,
    token: Mutex<Option<Token>>,
    generations: Cell<u32>,
    deadline: Deadline,
    patience: Deadline,
    answered: Cell<bool>,
    events: OnceCell<Option<NetworkEvents>>,
    said: RefCell<String>,
    requests: Cell<u32>,
}

/// What one attempt came to.
enum Attempt<T> {
    Done(T),
    /// Worth another try: why, and the wait that the service asked for.
    Again(String, Option<Duration>),
    /// No connection: another try, woken by the network.
    NoRoute(String),
}

impl Imds {
    /// A client for this instance. Nothing is asked yet.
    pub fn new(environment: &Environment, deadline: Deadline) -> Result<Self, ImdsError> {
        let endpoints = match &environment.metadata_endpoint {
            Some(endpoint) => vec![endpoint.trim_end_matches('/').to_owned()],
            None => ENDPOINTS.map(str::to_owned).to_vec(),
        };
        Ok(Self {
            client: http::plain_client(ANSWER_TIMEOUT).map_err(ImdsError::Client)?,
            endpoints,
            chosen: Cell::new(0),
            token: Mutex::new(None),
            generations: Cell::new(0),
            deadline,
            patience: deadline,
            answered: Cell::new(false),
            events: OnceCell::new(),
            said: RefCell::new(String::new()),
            requests: Cell::new(0),
        })
    }

    /// Gives up silence at the deadline, and a service that is there but cannot answer yet at another.
    #[must_use]
    pub fn patient(self, patience: Deadline) -> Self {
        Self { patience, ..self }
    }

    /// The deadline that all questions share; for silence, and for what may not exist.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// The deadline for what is known to come.
    pub fn patience(&self) -> Deadline {
        self.patience
    }

    /// How many requests were sent so far.
    pub fn requests(&self) -> u32 {
        self.requests.get()
    }

    /// A value as text, `None` where it is not set.
    pub async fn text(&self, path: &str) -> Result<Option<String>, ImdsError> {
        let Some(body) = self.bytes(path, VALUE_CAP).await? else { return Ok(None) };
        let wrong = |problem| ImdsError::Body { path: path.to_owned(), problem };
        let text = String::from_utf8(body).map_err(|_| wrong(BodyProblem::NotUtf8))?;
        if text.trim().is_empty() {
            return Err(wrong(BodyProblem::Empty));
        }
        if looks_like_html(&text) {
            return Err(wrong(BodyProblem::Html));
        }
        Ok(Some(text))
    }

    /// A value as it is, at most `cap` bytes, `None` where it is not set.
    pub async fn bytes(&self, path: &str, cap: usize) -> Result<Option<Vec<u8>>, ImdsError> {
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));
        let mut attempts = 0;
        let mut refused_at = None;
        loop {
            let token = self.token(path).await?;
            attempts += 1;
            self.requests.set(self.requests.get() + 1);
            let url = format!("{}/latest/{path}", self.endpoint());
            let sent =
                self.client.get(url).header("x-aws-ec2-metadata-token", &token.value).send().await;
            let attempt = match sent {
                Err(error) => failed(&error),
                Ok(response) => match self.status_of(&response) {
                    StatusCode::OK => match http::read_body(response, cap).await {
                        Ok(body) => Attempt::Done(Some(body)),
                        Err(BodyError::TooLarge { cap }) => {
                            let problem = BodyProblem::TooLarge(cap);
                            return Err(ImdsError::Body { path: path.to_owned(), problem });
                        }
                        Err(BodyError::Broken(_)) => {
                            Attempt::Again("the answer broke off".to_owned(), None)
                        }
                    },
                    StatusCode::NOT_FOUND => Attempt::Done(None),
                    StatusCode::FORBIDDEN => {
                        return Err(ImdsError::Disabled { endpoint: self.endpoint() });
                    }
                    StatusCode::UNAUTHORIZED => {
                        self.forget(token.generation).await;
                        // The first refusal is an expired token; a fresh one that is refused is a service not ready.
                        if refused_at.replace(token.generation).is_none() {
                            continue;
                        }
                        Attempt::Again("401 for a fresh token".to_owned(), None)
                    }
                    status if retryable(status) => again(status, &response),
                    status => {
                        return Err(ImdsError::Status {
                            path: path.to_owned(),
                            status: status.as_u16(),
                        });
                    }
                },
            };
            if let Some(body) = self.settle(attempt, path, attempts, &mut backoff).await? {
                return Ok(body);
            }
        }
    }

    /// The status, which is a sign of life too.
    fn status_of(&self, response: &reqwest::Response) -> StatusCode {
        self.answered.set(true);
        response.status()
    }

    fn endpoint(&self) -> String {
        self.endpoints[self.chosen.get()].clone()
    }

    async fn forget(&self, generation: u32) {
        let mut held = self.token.lock().await;
        if held.as_ref().is_some_and(|token| token.generation == generation) {
            *held = None;
        }
    }

    /// The token, fetched by the first who needs it while the others wait.
    async fn token(&self, path: &str) -> Result<Token, ImdsError> {
        let mut held = self.token.lock().await;
        if let Some(token) = &*held {
            return Ok(token.clone());
        }
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let mut attempts = 0;
        loop {
            attempts += 1;
            let attempt = self.request_token().await?;
            if let Some(value) = self.settle(attempt, path, attempts, &mut backoff).await? {
                self.generations.set(self.generations.get() + 1);
                let token = Token { value, generation: self.generations.get() };
                *held = Some(token.clone());
                return Ok(token);
            }
        }
    }

    async fn request_token(&self) -> Result<Attempt<String>, ImdsError> {
        let endpoint = self.endpoint();
        self.requests.set(self.requests.get() + 1);
        let sent = self
            .client
            .put(format!("{endpoint}/latest/api/token"))
            .header("x-aws-ec2-metadata-token-ttl-seconds", TOKEN_TTL_SECONDS)
            .header("content-length", "0")
            .send()
            .await;
        let response = match sent {
            Ok(response) => response,
            Err(error) => return Ok(failed(&error)),
        };
        match self.status_of(&response) {
            StatusCode::OK => match http::read_body(response, 4096).await {
                Ok(body) if !body.is_empty() && body.iter().all(u8::is_ascii_graphic) => {
                    Ok(Attempt::Done(String::from_utf8_lossy(&body).into_owned()))
                }
                Ok(_) => Ok(Attempt::Again("a token that is no token".to_owned(), None)),
                Err(_) => Ok(Attempt::Again("the token broke off".to_owned(), None)),
            },
            StatusCode::FORBIDDEN => Err(ImdsError::Disabled { endpoint }),
            StatusCode::UNAUTHORIZED => {
                Ok(Attempt::Again("401 for the token request".to_owned(), None))
            }
            status if retryable(status) => Ok(again(status, &response)),
            status => Err(ImdsError::NoTokens { endpoint, status: status.as_u16() }),
        }
    }

    /// Returns the result of a finished attempt; waits after an unfinished one, or fails at the deadline.
    async fn settle<T>(
        &self,
        attempt: Attempt<T>,
        path: &str,
        attempts: u32,
        backoff: &mut Backoff,
    ) -> Result<Option<T>, ImdsError> {
        let (why, asked, no_route) = match attempt {
            Attempt::Done(value) => return Ok(Some(value)),
            Attempt::Again(why, asked) => (why, asked, false),
            Attempt::NoRoute(why) => (why, None, true),
        };
        if no_route && self.chosen.get() + 1 < self.endpoints.len() {
            self.chosen.set(self.chosen.get() + 1);
            return Ok(None);
        }
        self.chosen.set(0);
        // A fleet that was sent away together must not come back together.
        let wait = backoff.delay() + asked.unwrap_or_default();
        let answered = self.answered.get();
        let deadline = if answered { self.patience } else { self.deadline };
        if !deadline.allows(wait) {
            let endpoint = self.endpoint();
            let elapsed = deadline.elapsed();
            return Err(ImdsError::Deadline {
                path: path.to_owned(),
                endpoint,
                attempts,
                elapsed,
                last: why,
                answered,
            });
        }
        if self.said.replace(why.clone()) != why {
            tracing::info!(
                "metadata service: {why}; trying again for {:.0} s",
                deadline.left().as_secs_f64()
            );
        }
        if no_route {
            self.wait_for_network(wait).await;
        } else {
            tokio::time::sleep(wait).await;
        }
        Ok(None)
    }

    /// Waits for `wait` at most; a change of the network ends it early.
    async fn wait_for_network(&self, wait: Duration) {
        let mut fresh = false;
        let events = self.events.get_or_init(|| {
            fresh = true;
            NetworkEvents::subscribe().ok()
        });
        match events {
            // What changed before the subscription is lost, so the first wait is none.
            Some(_) if fresh => tokio::time::sleep(SETTLE).await,
            Some(events) => {
                if tokio::time::timeout(wait, events.changed()).await.is_ok() {
                    tokio::time::sleep(SETTLE).await;
                }
            }
            None => tokio::time::sleep(wait).await,
        }
    }
}

fn retryable(status: StatusCode) -> bool {
    status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT
}

fn again<T>(status: StatusCode, response: &reqwest::Response) -> Attempt<T> {
    Attempt::Again(format!("status {}", status.as_u16()), http::retry_after(response))
}

fn failed<T>(error: &reqwest::Error) -> Attempt<T> {
    use nix::libc::{EADDRNOTAVAIL, EHOSTUNREACH, ENETDOWN, ENETUNREACH};
    match http::os_error(error) {
        Some(EADDRNOTAVAIL | EHOSTUNREACH | ENETDOWN | ENETUNREACH) => {
            Attempt::NoRoute("no route yet".to_owned())
        }
        _ => Attempt::Again(http::plain_words(error), None),
    }
}

fn looks_like_html(text: &str) -> bool {
    let start: String = text.trim_start().chars().take(15).collect::<String>().to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html") || start.starts_with("<head")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_page_is_recognised_and_xml_is_not() {
        assert!(looks_like_html("  <!DOCTYPE HTML PUBLIC"));
        assert!(looks_like_html("<html><body>502"));
        assert!(!looks_like_html("<powershell>"));
        assert!(!looks_like_html("i-0123456789abcdef0"));
    }
}
