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

/// Exponential back-off with jitter: each delay is drawn from the upper half of a doubling range, so that a
/// fleet that boots at once does not come back at once.
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
}
