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
            Err(_) if started.elapsed() < limit => std::thread::sleep(Duration::from_millis(80)),
            answer => return answer,
        }
    }
}

/// Asks during the whole time; panics with the first refusal.
pub(crate) fn throughout(what: &str, time: Duration, mut ask: impl FnMut() -> Result<(), String>) {
    let started = Instant::now();
    while started.elapsed() < time {
        if let Err(refusal) = ask() {
            panic!("not after {:.1} s: {what}; {refusal}", started.elapsed().as_secs_f64());
        }
        std::thread::sleep(Duration::from_millis(80));
    }
}

/// The clock of the host, which is that of all nodes: seconds since its boot.
pub(crate) fn uptime() -> f64 {
    let text = std::fs::read_to_string("/proc/uptime").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}
