//! What follows an attempt: its result, a pause before the next one, or the end at the deadline.

use super::attempt::Attempt;
use super::{ANSWER_TIMEOUT, Imds, ImdsError, LastFailure};
use crate::system::network::NetworkEvents;
use crate::system::retry::Retry;
use std::time::Duration;

/// After a network event the route may still be missing for a moment.
const SETTLE: Duration = Duration::from_millis(10);

/// Why an attempt gave no value.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// There was no answer, or one that asks for another attempt.
    #[error("{0}")]
    Last(LastFailure),
    /// Something answered, but not as the metadata service does.
    #[error("{0}")]
    Odd(ImdsError),
}

impl Imds {
    /// Returns the result of a finished attempt; waits after an unfinished one, or fails at the deadline.
    pub(super) async fn settle<T>(
        &self,
        attempt: Attempt<T>,
        path: &str,
        attempts: u32,
        retry: &mut Retry,
    ) -> Result<Option<T>, ImdsError> {
        let (failure, asked) = match attempt {
            Attempt::Done(value) => return Ok(Some(value)),
            Attempt::Again(last, asked) => (Failure::Last(last), asked),
            Attempt::Odd(error) => (Failure::Odd(error), None),
            Attempt::TimedOut => {
                self.answer_timeout.set((self.answer_timeout.get() * 2).min(ANSWER_TIMEOUT.1));
                (Failure::Last(LastFailure::TimedOut), None)
            }
            Attempt::NoRoute if self.chosen.get() + 1 < self.endpoints.len() => {
                self.chosen.set(self.chosen.get() + 1);
                return Ok(None);
            }
            Attempt::NoRoute => {
                let failure = Failure::Last(LastFailure::NoRoute);
                let wait = self.pause(retry, None, failure, path, attempts)?;
                self.wait_for_network(wait).await;
                return Ok(None);
            }
        };
        let wait = self.pause(retry, asked, failure, path, attempts)?;
        tokio::time::sleep(wait).await;
        Ok(None)
    }

    /// The pause before the next attempt, or an error if the pause would end after the deadline.
    fn pause(
        &self,
        retry: &mut Retry,
        asked: Option<Duration>,
        failure: Failure,
        path: &str,
        attempts: u32,
    ) -> Result<Duration, ImdsError> {
        self.chosen.set(0);
        let (answered, deadline) = (self.answered.get(), self.current_deadline());
        retry.until(deadline);
        // Nodes that got the same `Retry-After` must not all come back at the same moment.
        let Some(wait) = retry.delay(asked.unwrap_or_default()) else {
            return Err(match failure {
                Failure::Odd(error) => error,
                Failure::Last(last) => ImdsError::Deadline {
                    path: path.to_owned(),
                    endpoint: self.endpoint(),
                    attempts,
                    elapsed: deadline.elapsed(),
                    last,
                    answered,
                },
            });
        };
        let why = failure.to_string();
        if self.said.replace(why.clone()) != why {
            tracing::info!(
                "metadata service: {why}; retrying for {:.0} s",
                deadline.left().as_secs_f64()
            );
        }
        Ok(wait)
    }

    /// Waits for at most `wait`, or until the network changes.
    async fn wait_for_network(&self, wait: Duration) {
        let mut fresh = false;
        let events = self.events.get_or_init(|| {
            fresh = true;
            NetworkEvents::subscribe().ok()
        });
        match events {
            // Changes before the subscription are not reported, so the first wait is only a moment.
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
