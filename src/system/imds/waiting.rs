//! What follows an attempt: its result, a pause before the next one, or the end at the deadline.

use super::attempt::Attempt;
use super::{ANSWER_TIMEOUT, Imds, ImdsError};
use crate::system::http;
use crate::system::network::NetworkEvents;
use crate::system::retry::Retry;
use std::time::Duration;

/// After a network event the route may still be missing for a moment.
const SETTLE: Duration = Duration::from_millis(10);

impl Imds {
    /// Returns the result of a finished attempt; waits after an unfinished one, or fails at the deadline.
    pub(super) async fn settle<T>(
        &self,
        attempt: Attempt<T>,
        path: &str,
        attempts: u32,
        retry: &mut Retry,
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
                let wait = self.pause(retry, None, &why, path, attempts, None)?;
                self.wait_for_network(wait).await;
                return Ok(None);
            }
        };
        let wait = self.pause(retry, asked, &why, path, attempts, odd)?;
        tokio::time::sleep(wait).await;
        Ok(None)
    }

    /// The pause before another attempt; the error where it would end after the deadline.
    fn pause(
        &self,
        retry: &mut Retry,
        asked: Option<Duration>,
        why: &str,
        path: &str,
        attempts: u32,
        odd: Option<ImdsError>,
    ) -> Result<Duration, ImdsError> {
        self.chosen.set(0);
        let (answered, deadline) = (self.answered.get(), self.current_deadline());
        retry.until(deadline);
        // A fleet that was sent away together must not come back together.
        let Some(wait) = retry.delay(asked.unwrap_or_default()) else {
            return Err(odd.unwrap_or_else(|| ImdsError::Deadline {
                path: path.to_owned(),
                endpoint: self.endpoint(),
                attempts,
                elapsed: deadline.elapsed(),
                last: why.to_owned(),
                answered,
            }));
        };
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
