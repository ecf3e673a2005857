//! The instance metadata service, version 2 only.
//!
//! One token, kept-alive connections, and one table of what a status means
//! (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html>):
//!
//! | status | meaning here |
//! |---|---|
//! | 200 | the value |
//! | 401 | the token expired: one fresh token at once; a fresh one that is refused is retried until the deadline |
//! | 404 | not set: `None`; only the caller knows which values may be late |
//! | 429, 5xx, no answer | retried with jitter until the deadline, `Retry-After` honoured up to 10 s |
//! | 403 (switched off), any other; 200 with a body that is no value | the same; the error names what was found |
//!
//! One odd answer decides nothing: a proxy, a captive portal or a service that is not ready gives it once, and the node
//! would run on old facts, or on none, until its next boot.
//!
//! There is no fall-back to version 1, no proxy and no redirect.

mod attempt;
mod error;

use super::environment::Environment;
use super::http::{self, BodyError};
use super::network::NetworkEvents;
use super::retry::{Backoff, Deadline};
use attempt::{Attempt, again, failed, retryable};
pub use error::{BodyProblem, ImdsError};
use reqwest::StatusCode;
use std::cell::{Cell, OnceCell, RefCell};
use std::time::Duration;
use tokio::sync::Mutex;

/// Where the service is on every instance; the IPv6 address is for subnets without IPv4.
const ENDPOINTS: [&str; 2] = ["http://169.254.169.254", "http://[fd00:ec2::254]"];
/// Seconds that a token lives: the longest that EC2 grants, so that one serves a whole run.
const TOKEN_TTL_SECONDS: &str = "21600";
/// Longest time for one answer, at first and at last: the service is on the host, and what takes longer is lost. It doubles
/// with each answer that did not come in time, for a host that is so busy that every answer takes that long.
const ANSWER_TIMEOUT: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(16));
/// Largest value that is read; user data has its own cap.
pub const VALUE_CAP: usize = 64 * 1024;
/// After a network event the route may still be missing for a moment.
const SETTLE: Duration = Duration::from_millis(10);

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
    answer_timeout: Cell<Duration>,
    events: OnceCell<Option<NetworkEvents>>,
    said: RefCell<String>,
    requests: Cell<u32>,
}

impl Imds {
    /// A client for this instance. Nothing is asked yet.
    pub fn new(environment: &Environment, deadline: Deadline) -> Result<Self, ImdsError> {
        let endpoints = match &environment.metadata_endpoint {
            Some(endpoint) => vec![endpoint.trim_end_matches('/').to_owned()],
            None => ENDPOINTS.map(str::to_owned).to_vec(),
        };
        Ok(Self {
            client: http::plain_client(ANSWER_TIMEOUT.1).map_err(ImdsError::Client)?,
            endpoints,
            chosen: Cell::new(0),
            token: Mutex::new(None),
            generations: Cell::new(0),
            deadline,
            patience: deadline,
            answered: Cell::new(false),
            answer_timeout: Cell::new(ANSWER_TIMEOUT.0),
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

    /// A value as text, `None` where it is not set. An empty one is no answer.
    pub async fn text(&self, path: &str) -> Result<Option<String>, ImdsError> {
        self.value(path, VALUE_CAP, |body| attempt::text(body, false)).await
    }

    /// The same where an empty value is one too: tags may be empty.
    pub async fn text_or_empty(&self, path: &str) -> Result<Option<String>, ImdsError> {
        self.value(path, VALUE_CAP, |body| attempt::text(body, true)).await
    }

    /// The user data as it is, at most `cap` bytes, `None` where there is none. It may be anything but a web page, which
    /// something between here and the service has answered with.
    pub async fn user_data(&self, cap: usize) -> Result<Option<Vec<u8>>, ImdsError> {
        self.value("user-data", cap, attempt::no_page).await
    }

    async fn value<T>(
        &self,
        path: &str,
        cap: usize,
        judge: impl Fn(Vec<u8>) -> Result<T, BodyProblem>,
    ) -> Result<Option<T>, ImdsError> {
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));
        let mut attempts = 0;
        let mut was_refused = false;
        loop {
            let token = self.token(path).await?;
            attempts += 1;
            self.requests.set(self.requests.get() + 1);
            let url = format!("{}/latest/{path}", self.endpoint());
            let request = self
                .client
                .get(url)
                .header("x-aws-ec2-metadata-token", &token.value)
                .timeout(self.limit());
            let attempt = match request.send().await {
                Err(error) => failed(&error),
                Ok(response) => match self.status_of(&response) {
                    StatusCode::OK => match http::read_body(response, cap).await {
                        Ok(body) => judge(body).map_or_else(
                            |problem| Attempt::Odd(ImdsError::body(path, problem)),
                            |value| Attempt::Done(Some(value)),
                        ),
                        Err(BodyError::TooLarge { cap }) => {
                            Attempt::Odd(ImdsError::body(path, BodyProblem::TooLarge(cap)))
                        }
                        Err(BodyError::Broken(error)) if error.is_timeout() => Attempt::TimedOut,
                        Err(BodyError::Broken(_)) => {
                            Attempt::Again("the answer broke off".to_owned(), None)
                        }
                    },
                    StatusCode::NOT_FOUND => Attempt::Done(None),
                    StatusCode::UNAUTHORIZED => {
                        self.forget(token.generation).await;
                        // The first refusal is an expired token; a fresh one that is refused is a service not ready.
                        if !std::mem::replace(&mut was_refused, true) {
                            continue;
                        }
                        Attempt::Again("401 for a fresh token".to_owned(), None)
                    }
                    status if retryable(status) => again(status, &response),
                    StatusCode::FORBIDDEN => {
                        Attempt::Odd(ImdsError::Disabled { endpoint: self.endpoint() })
                    }
                    status => Attempt::Odd(ImdsError::Status {
                        path: path.to_owned(),
                        status: status.as_u16(),
                    }),
                },
            };
            if let Some(value) = self.settle(attempt, path, attempts, &mut backoff).await? {
                return Ok(value);
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

    /// The deadline that counts by now.
    fn current_deadline(&self) -> Deadline {
        if self.answered.get() { self.patience } else { self.deadline }
    }

    /// How long the next answer may take.
    fn limit(&self) -> Duration {
        let left = self.current_deadline().left();
        self.answer_timeout.get().min(left.max(Duration::from_millis(50)))
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
            let attempt = self.request_token().await;
            if let Some(value) = self.settle(attempt, path, attempts, &mut backoff).await? {
                self.generations.set(self.generations.get() + 1);
                let token = Token { value, generation: self.generations.get() };
                *held = Some(token.clone());
                return Ok(token);
            }
        }
    }

    async fn request_token(&self) -> Attempt<String> {
        let endpoint = self.endpoint();
        self.requests.set(self.requests.get() + 1);
        let sent = self
            .client
            .put(format!("{endpoint}/latest/api/token"))
            .header("x-aws-ec2-metadata-token-ttl-seconds", TOKEN_TTL_SECONDS)
            .header("content-length", "0")
            .timeout(self.limit())
            .send()
            .await;
        let response = match sent {
            Ok(response) => response,
            Err(error) => return failed(&error),
        };
        match self.status_of(&response) {
            StatusCode::OK => match http::read_body(response, 4096).await {
                Ok(body) if !body.is_empty() && body.iter().all(u8::is_ascii_graphic) => {
                    Attempt::Done(String::from_utf8_lossy(&body).into_owned())
                }
                Ok(_) => Attempt::Again("a token that is no token".to_owned(), None),
                Err(BodyError::Broken(error)) if error.is_timeout() => Attempt::TimedOut,
                Err(_) => Attempt::Again("the token broke off".to_owned(), None),
            },
            StatusCode::UNAUTHORIZED => {
                Attempt::Again("401 for the token request".to_owned(), None)
            }
            status if retryable(status) => again(status, &response),
            StatusCode::FORBIDDEN => Attempt::Odd(ImdsError::Disabled { endpoint }),
            status => Attempt::Odd(ImdsError::NoTokens { endpoint, status: status.as_u16() }),
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
        let (why, asked, odd) = match attempt {
            Attempt::Done(value) => return Ok(Some(value)),
            Attempt::Again(why, asked) => (why, asked, None),
            Attempt::Odd(error) => (error.to_string(), None, Some(error)),
            Attempt::TimedOut => {
                self.answer_timeout.set((self.answer_timeout.get() * 2).min(ANSWER_TIMEOUT.1));
                (http::TIMED_OUT.to_owned(), None, None)
            }
            Attempt::NoRoute(_) if self.chosen.get() + 1 < self.endpoints.len() => {
                self.chosen.set(self.chosen.get() + 1);
                return Ok(None);
            }
            Attempt::NoRoute(why) => {
                let wait = self.pause(backoff, None, &why, path, attempts, None)?;
                self.wait_for_network(wait).await;
                return Ok(None);
            }
        };
        let wait = self.pause(backoff, asked, &why, path, attempts, odd)?;
        tokio::time::sleep(wait).await;
        Ok(None)
    }

    /// The pause before another attempt; the error where it would end after the deadline.
    fn pause(
        &self,
        backoff: &mut Backoff,
        asked: Option<Duration>,
        why: &str,
        path: &str,
        attempts: u32,
        odd: Option<ImdsError>,
    ) -> Result<Duration, ImdsError> {
        self.chosen.set(0);
        // A fleet that was sent away together must not come back together.
        let wait = backoff.delay() + asked.unwrap_or_default();
        let (answered, deadline) = (self.answered.get(), self.current_deadline());
        if !deadline.allows(wait) {
            return Err(odd.unwrap_or_else(|| ImdsError::Deadline {
                path: path.to_owned(),
                endpoint: self.endpoint(),
                attempts,
                elapsed: deadline.elapsed(),
                last: why.to_owned(),
                answered,
            }));
        }
        if self.said.replace(why.to_owned()) != why {
            tracing::info!(
                "metadata service: {why}; trying again for {:.0} s",
                deadline.left().as_secs_f64()
            );
        }
        Ok(wait)
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
