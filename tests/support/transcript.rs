//! What was proved, for people: on standard error at once, and in `target/e2e-transcript.txt`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

static ALONE: Mutex<String> = Mutex::new(String::new());

/// The transcript of one test. Tests of this file run one at a time: two cores are little for six nodes.
pub(crate) struct Transcript {
    text: MutexGuard<'static, String>,
    said: usize,
    started: Instant,
}

impl Transcript {
    /// Waits until this test is the only one, and begins.
    pub(crate) fn begin(title: &str) -> Self {
        let text = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut transcript = Self { text, said: 0, started: Instant::now() };
        transcript.said = transcript.text.len();
        let _ = writeln!(transcript.text, "{title}");
        transcript
    }

    /// Says what was just proved.
    pub(crate) fn proved(&mut self, what: &str) {
        let seconds = self.started.elapsed().as_secs_f64();
        let _ = writeln!(self.text, "  {seconds:5.1} s  {what}");
        // Written past the capture of outputs: a test that passed says what that means.
        let _ = std::io::stderr().write_all(&self.text.as_bytes()[self.said..]);
        self.said = self.text.len();
        let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/../e2e-transcript.txt");
        std::fs::write(path, self.text.as_bytes()).unwrap();
    }
}
