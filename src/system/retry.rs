//! One deadline, one back-off: how every wait of the agent is bounded.

use std::time::Duration;
use tokio::time::Instant;

/// The moment after which a phase gives up. All retries of a phase share one.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    started: Instant,
    end: Instant,
}

impl Deadline {
    /// A deadline `timeout` from now.
    pub fn after(timeout: Duration) -> Self {
        let started = Instant::now();
        Self { started, end: started + timeout }
    }

    /// Time since the phase began.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Time left; zero when the deadline has passed.
    pub fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Whether a wait of this length would still end in time.
    pub fn allows(&self, wait: Duration) -> bool {
        self.left() > wait
    }
}

/// Exponential back-off with jitter: each delay is drawn from the upper half of a doubling range, so that nodes that
/// boot at the same moment do not retry at the same moment.
#[derive(Debug, Clone)]
pub struct Backoff {
    next: Duration,
    cap: Duration,
}

impl Backoff {
    /// The first delay is at most `first`, no delay is longer than `cap`.
    pub fn new(first: Duration, cap: Duration) -> Self {
        Self { next: first, cap }
    }

    /// The next delay.
    pub fn delay(&mut self) -> Duration {
        let whole = self.next;
        self.next = (self.next * 2).min(self.cap);
        whole.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// Attempts with a back-off between them, until a deadline.
#[derive(Debug, Clone)]
pub struct Retry {
    fresh: Backoff,
    backoff: Backoff,
    deadline: Deadline,
}

impl Retry {
    /// Tries until `deadline`; the first pause is at most `first`, none is longer than `cap`.
    pub fn new(first: Duration, cap: Duration, deadline: Deadline) -> Self {
        let backoff = Backoff::new(first, cap);
        Self { fresh: backoff.clone(), backoff, deadline }
    }

    /// The deadline that applies now.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Uses another deadline from now on.
    pub fn until(&mut self, deadline: Deadline) {
        self.deadline = deadline;
    }

    /// Begins with the shortest pauses again.
    pub fn reset(&mut self) {
        self.backoff = self.fresh.clone();
    }

    /// The pause before the next attempt plus `asked`, the pause that the service asked for; `None` if it would end
    /// after the deadline.
    pub fn delay(&mut self, asked: Duration) -> Option<Duration> {
        let wait = self.backoff.delay() + asked;
        self.deadline.allows(wait).then_some(wait)
    }

    /// Waits until the next attempt. Returns `None` at once if that would come after the deadline.
    pub async fn pause(&mut self) -> Option<()> {
        let wait = self.delay(Duration::ZERO)?;
        tokio::time::sleep(wait).await;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_cap_and_keep_half_of_the_range() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(400));
        for whole in [100, 200, 400, 400] {
            let delay = backoff.delay();
            assert!(
                delay >= Duration::from_millis(whole / 2) && delay <= Duration::from_millis(whole),
                "{delay:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn tries_end_where_the_next_would_come_after_the_deadline() {
        let (first, cap) = (Duration::from_secs(1), Duration::from_secs(4));
        let mut retry = Retry::new(first, cap, Deadline::after(Duration::from_secs(60)));
        let started = Instant::now();
        let mut pauses = 0;
        while retry.pause().await.is_some() {
            pauses += 1;
        }
        // No pause is longer than 4 s, so the last one ends within 4 s of the deadline.
        let elapsed = started.elapsed().as_secs();
        assert!((56..60).contains(&elapsed) && (15..=31).contains(&pauses), "{elapsed} {pauses}");
        retry.until(Deadline::after(Duration::from_secs(10)));
        retry.reset();
        assert!(retry.delay(Duration::ZERO).is_some_and(|wait| wait <= first));
        assert_eq!(retry.delay(Duration::from_secs(10)), None, "the service asked for too much");
    }
}
