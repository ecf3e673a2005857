//! What the units of the agent put on record for people and scripts: how the node stands, and where boots spent their
//! time. Who waits for the node reads there who it is and whether its `apply` failed.

pub mod boots;
pub mod status;

use crate::system::retry::Backoff;
use crate::system::root::{FileError, Lock, Root};
use std::time::Duration;

/// Held while a record is read, changed and written: three units keep them.
const LOCK: &str = "/run/cos-agent/record.lock";
/// A change takes a millisecond; who holds the lock for longer hangs, and must not make the others hang.
const PATIENCE: Duration = Duration::from_secs(2);

/// Removes the half-written records of a unit that was killed.
pub async fn sweep(root: &Root) -> Result<(), FileError> {
    let records = [status::PATH, boots::PATH];
    let mut left = false;
    for path in records {
        left |= root.has_leftover(path)?;
    }
    if !left {
        return Ok(());
    }
    // Another unit may be writing one of them now.
    let Some(_lock) = lock(root).await? else { return Ok(()) };
    records.iter().try_for_each(|path| root.sweep(path))
}

/// Waits for the records; after two seconds goes on without the lock.
async fn lock(root: &Root) -> Result<Option<Lock>, FileError> {
    let mut backoff = Backoff::new(Duration::from_millis(2), Duration::from_millis(50));
    let started = tokio::time::Instant::now();
    loop {
        match root.try_lock(LOCK)? {
            Some(lock) => return Ok(Some(lock)),
            None if started.elapsed() > PATIENCE => return Ok(None),
            None => tokio::time::sleep(backoff.delay()).await,
        }
    }
}
