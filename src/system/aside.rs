//! Work on a thread of its own, with a runtime of its own: a file system or a device that hangs then holds only that thread.

use std::future::Future;
use tokio::sync::oneshot;

/// Runs work on a thread of its own. The result is `None` if the thread could not be started or died. A caller that
/// stops waiting leaves the thread behind; it ends with the process.
pub async fn aside<T, F>(work: impl FnOnce() -> F + Send + 'static) -> Option<T>
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    start(work)?.await.ok()
}

/// Starts work on a thread of its own. The result comes by the receiver, which a caller that needs none may drop; `None` if
/// the thread could not be started.
pub fn start<T, F>(work: impl FnOnce() -> F + Send + 'static) -> Option<oneshot::Receiver<T>>
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let (tell, told) = oneshot::channel();
    let body = move || {
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
            let result = runtime.block_on(work());
            // Nobody waits any more if the time is up.
            let _ = tell.send(result);
            // A name that is still being resolved must not hold the thread.
            runtime.shutdown_background();
        }
    };
    std::thread::Builder::new().name("aside".to_owned()).spawn(body).ok()?;
    Some(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[tokio::test]
    async fn work_that_blocks_its_thread_does_not_block_the_caller() {
        let started = Instant::now();
        let blocked = aside(async || std::thread::sleep(Duration::from_secs(3)));
        let waited = tokio::time::timeout(Duration::from_millis(50), blocked).await;
        assert!(waited.is_err() && started.elapsed() < Duration::from_secs(2));
        assert_eq!(aside(async || 7).await, Some(7));
    }
}
