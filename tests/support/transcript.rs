//! What was proved, for people: on standard error at once, and in `target/e2e-transcript.txt`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

static ALONE: Mutex<String> = Mutex::new(String::new());

/// The transcript of one test. Tests of this file run one at a time: two cores are little for six nodes.
pub(crate) struct Transcript {
    text: MutexGuard<'static, String>,
    started: Instant,
}

impl Transcript {
    /// Waits until this test is the only one, and begins.
    pub(crate) fn begin(title: &str) -> Self {
        let text = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut transcript = Self { text, started: Instant::now() };
        transcript.line(&format!("{title}\n"));
        transcript
    }

    /// Says what was just proved.
    pub(crate) fn proved(&mut self, what: &str) {
        let seconds = self.started.elapsed().as_secs_f64();
        self.line(&format!("  {seconds:5.1} s  {what}\n"));
    }

    fn line(&mut self, line: &str) {
        let _ = self.text.write_str(line);
        let _ = std::io::stderr().write_all(line.as_bytes());
        let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/../e2e-transcript.txt");
        std::fs::write(path, self.text.as_bytes()).unwrap();
    }
}
