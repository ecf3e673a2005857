//! The token of IMDSv2: fetched once, and again after it has expired.

use super::attempt::{Attempt, again, failed, retryable};
use super::{Imds, ImdsError, LastFailure};
use crate::system::http::{self, BodyError};
use crate::system::retry::Retry;
use reqwest::StatusCode;
use std::time::Duration;

/// Lifetime of a token in seconds: the longest that EC2 grants, so that one token is enough for a whole run.
const TOKEN_TTL_SECONDS: &str = "21600";
/// The first and the longest pause between two attempts: all other requests wait for the token.
const TOKEN_PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

#[derive(Clone)]
pub(super) struct Token {
    pub(super) value: String,
    pub(super) generation: u32,
}

impl Imds {
    /// Drops a token that was refused, unless it was replaced already.
    pub(super) async fn forget(&self, generation: u32) {
        let mut held = self.token.lock().await;
        if held.as_ref().is_some_and(|token| token.generation == generation) {
            *held = None;
        }
    }

    /// The token. The first request that needs it fetches it, and the others wait.
    pub(super) async fn token(&self, path: &str) -> Result<Token, ImdsError> {
        let mut held = self.token.lock().await;
        if let Some(token) = &*held {
            return Ok(token.clone());
        }
        let mut retry = Retry::new(TOKEN_PAUSES.0, TOKEN_PAUSES.1, self.current_deadline());
        let mut attempts = 0;
        loop {
            attempts += 1;
            let attempt = self.request_token().await;
            if let Some(value) = self.settle(attempt, path, attempts, &mut retry).await? {
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
                Ok(_) => Attempt::Again(LastFailure::TokenUnusable, None),
                Err(BodyError::Broken(error)) if error.is_timeout() => Attempt::TimedOut,
                Err(_) => Attempt::Again(LastFailure::CutOff, None),
            },
            StatusCode::UNAUTHORIZED => Attempt::Again(LastFailure::TokenDenied, None),
            status if retryable(status) => again(status, &response),
            StatusCode::FORBIDDEN => Attempt::Odd(ImdsError::Disabled { endpoint }),
            status => Attempt::Odd(ImdsError::NoTokens { endpoint, status: status.as_u16() }),
        }
    }
}
