//! Waiting for conditions; how all tests do it, and what a lab asks besides.

#[path = "../../support/wait.rs"]
mod conditions;

pub(crate) use conditions::{until, within};
use std::time::{Duration, Instant};

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
