//! The state files that a unit other than `apply` writes: one lock for all of them, held briefly.

use super::{Entry, FILES};
use crate::system::retry::Backoff;
use crate::system::root::{FileError, Lock, Root};
use std::time::Duration;

/// Held while a shared file is loaded, changed and saved.
const LOCK: &str = "/run/cos-agent/record.lock";
/// Longest wait for the lock. A change takes a millisecond, so a process that holds the lock for longer hangs, and the
/// others go on without it.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// Removes the half-written shared files of a unit that was killed.
pub async fn sweep_shared(root: &Root) -> Result<(), FileError> {
    let shared = || FILES.iter().filter(|entry| entry.is_shared());
    let mut left = false;
    for entry in shared() {
        left |= root.has_leftover(entry.path)?;
    }
    if !left {
        return Ok(());
    }
    // Another unit may be writing one of them now.
    let Some(_lock) = lock(root).await? else { return Ok(()) };
    shared().try_for_each(|entry| entry.sweep(root))
}

/// Waits for the lock of the shared files; after two seconds the caller goes on without it.
pub async fn lock(root: &Root) -> Result<Option<Lock>, FileError> {
    let mut backoff = Backoff::new(Duration::from_millis(2), Duration::from_millis(50));
    let started = tokio::time::Instant::now();
    loop {
        match root.try_lock(LOCK)? {
            Some(lock) => return Ok(Some(lock)),
            None if started.elapsed() > LOCK_TIMEOUT => return Ok(None),
            None => tokio::time::sleep(backoff.delay()).await,
        }
    }
}

impl Entry {
    /// Removes what a crash left beside it.
    pub(super) fn sweep(&self, root: &Root) -> Result<(), FileError> {
        if root.has_leftover(self.path)? { root.sweep(self.path) } else { Ok(()) }
    }
}
