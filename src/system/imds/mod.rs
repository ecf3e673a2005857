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
//! | 403 (disabled), any other status; 200 with an invalid body | retried in the same way; the error names what was found |
//!
//! A single unexpected answer is not final. A proxy, a captive portal or a service that is not ready may give it once;
//! if it were final, the node would use old facts, or none, until its next boot.
//!
//! The client never falls back to version 1, uses no proxy and follows no redirect.

mod attempt;
mod error;
mod token;
mod waiting;

use super::clock::Offset;
use super::environment::Environment;
use super::http::{self, BodyError};
use super::network::NetworkEvents;
use super::retry::{Deadline, Retry};
use attempt::{Attempt, again, failed, retryable};
pub(crate) use error::{BUG, FOREIGN};
pub use error::{BodyProblem, ImdsError, LastFailure};
use reqwest::StatusCode;
use std::cell::{Cell, OnceCell, RefCell};
use std::time::Duration;
use token::Token;
use tokio::sync::Mutex;

/// The addresses of the service on every instance; the IPv6 address is for subnets without IPv4.
const ENDPOINTS: [&str; 2] = ["http://169.254.169.254", "http://[fd00:ec2::254]"];
/// Longest time for one answer: at first and at most. The service is on the host, so an answer that takes longer is
/// lost. The limit doubles after each timeout, because on a very busy host every answer may take that long.
const ANSWER_TIMEOUT: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(16));
/// Largest value that is read, in bytes; user data has its own cap.
pub const VALUE_CAP: usize = 64 * 1024;
/// The first and the longest pause between two attempts.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

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
    clock: Cell<Option<Offset>>,
}

impl Imds {
    /// A client for this instance. It sends no request yet.
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
            clock: Cell::new(None),
        })
    }

    /// Sets a second deadline for a service that is there but cannot answer yet. A silent service is still given up at
    /// the first.
    #[must_use]
    pub fn patient(self, patience: Deadline) -> Self {
        Self { patience, ..self }
    }

    /// The deadline that all requests share, for a silent service and for values that may not exist.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// The deadline for values that are certain to come.
    pub fn patience(&self) -> Deadline {
        self.patience
    }

    /// The clock of this host against that of the service, by its last answer; `None` if no answer had a date.
    pub fn clock(&self) -> Option<Offset> {
        self.clock.get()
    }

    /// How many requests were sent so far.
    pub fn requests(&self) -> u32 {
        self.requests.get()
    }

    /// A value as text, `None` if it is not set. An empty value counts as an invalid answer.
    pub async fn text(&self, path: &str) -> Result<Option<String>, ImdsError> {
        self.value(path, VALUE_CAP, |body| attempt::text(body, false)).await
    }

    /// Like [`Imds::text`], but the value may be empty, as that of a tag may.
    pub async fn text_or_empty(&self, path: &str) -> Result<Option<String>, ImdsError> {
        self.value(path, VALUE_CAP, |body| attempt::text(body, true)).await
    }

    /// The user data as it is, at most `cap` bytes, `None` if there is none. It may be anything but a web page, because
    /// that comes from something between this instance and the service.
    pub async fn user_data(&self, cap: usize) -> Result<Option<Vec<u8>>, ImdsError> {
        self.value("user-data", cap, attempt::no_page).await
    }

    async fn value<T>(
        &self,
        path: &str,
        cap: usize,
        judge: impl Fn(Vec<u8>) -> Result<T, BodyProblem>,
    ) -> Result<Option<T>, ImdsError> {
        let mut retry = Retry::new(PAUSES.0, PAUSES.1, self.current_deadline());
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
                        Err(BodyError::Broken(_)) => Attempt::Again(LastFailure::CutOff, None),
                    },
                    StatusCode::NOT_FOUND => Attempt::Done(None),
                    StatusCode::UNAUTHORIZED => {
                        self.forget(token.generation).await;
                        // The first refusal means that the token expired. If a new token is refused, the service is not
                        // ready.
                        if !std::mem::replace(&mut was_refused, true) {
                            continue;
                        }
                        Attempt::Again(LastFailure::TokenRefused, None)
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
            if let Some(value) = self.settle(attempt, path, attempts, &mut retry).await? {
                return Ok(value);
            }
        }
    }

    /// The status. Any status shows that the service is there.
    fn status_of(&self, response: &reqwest::Response) -> StatusCode {
        self.answered.set(true);
        self.clock.set(Offset::of(response).or(self.clock.get()));
        response.status()
    }

    fn endpoint(&self) -> String {
        self.endpoints[self.chosen.get()].clone()
    }

    /// The deadline that applies now.
    fn current_deadline(&self) -> Deadline {
        if self.answered.get() { self.patience } else { self.deadline }
    }

    /// How long the next answer may take.
    fn limit(&self) -> Duration {
        let left = self.current_deadline().left();
        self.answer_timeout.get().min(left.max(Duration::from_millis(50)))
    }
}
