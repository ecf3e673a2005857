//! Addresses for daemons: a port that was free a moment ago may be another test's by now.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU8, Ordering};

static NUMBER: AtomicU8 = AtomicU8::new(0);

/// Where nobody listens.
pub(crate) const NOBODY: &str = "http://127.0.0.1:1";

/// An address of loopback that no other test has, so that a daemon may have its usual ports.
pub(crate) fn own_address() -> Ipv4Addr {
    let [_, high, low, last] = std::process::id().to_be_bytes();
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    // The bits of a number that grows slowly, from the other end than those of process ids that follow each other.
    Ipv4Addr::new(127, 1 + high % 250, low, last ^ number.reverse_bits())
}
