//! Waiting for conditions, with deadlines and with words for what did not come.

use std::time::{Duration, Instant};

/// Asks until the answer is there; panics with the last refusal when the time is over.
pub(crate) fn until<T>(what: &str, limit: Duration, ask: impl FnMut() -> Result<T, String>) -> T {
    match within(limit, ask) {
        Ok(answer) => answer,
        Err(refusal) => panic!("not within {} s: {what}; at last: {refusal}", limit.as_secs()),
    }
}

/// Asks until the answer is there, or returns the last refusal when the time is over.
pub(crate) fn within<T>(
    limit: Duration,
    mut ask: impl FnMut() -> Result<T, String>,
) -> Result<T, String> {
    let started = Instant::now();
    loop {
        match ask() {
            Err(_) if started.elapsed() < limit => std::thread::sleep(Duration::from_millis(50)),
            answer => return answer,
        }
    }
}
