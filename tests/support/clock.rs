//! The clock of a test that has no time: it stands still, and jumps where nothing is ready.

use std::time::Duration;
use tokio::time::sleep;

/// A clock that stands still jumps to the next timer as soon as nothing is ready, and on a busy machine that may be the
/// timeout of an answer that the kernel is about to deliver. So it jumps by less than any timeout, and then stays for a moment.
pub(crate) async fn slow_clock() {
    loop {
        let moment = || std::thread::sleep(Duration::from_micros(300));
        tokio::task::spawn_blocking(moment).await.unwrap();
        sleep(Duration::from_millis(900)).await;
    }
}
