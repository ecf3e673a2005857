//! What was proved, for people: on standard error at once, and in a file for each scenario; and the logs of what failed.

use super::Lab;
use super::shell;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

/// Where transcripts and logs stay: `target/scenarios`.
fn folder() -> PathBuf {
    let folder = std::env::var("CARGO_TARGET_DIR")
        .map_or_else(|_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    folder.join("scenarios")
}

/// The transcript of one scenario.
pub(crate) struct Transcript {
    title: String,
    text: String,
    started: Instant,
}

impl Transcript {
    /// Begins one; the title is what is proved.
    pub(crate) fn begin(title: &str) -> Self {
        let text = format!("{title}\n");
        Self { title: title.replace(' ', "-"), text, started: Instant::now() }
    }

    /// Says what was just proved.
    pub(crate) fn proved(&mut self, what: &str) {
        let seconds = self.started.elapsed().as_secs_f64();
        let mut line = String::new();
        let _ = writeln!(line, "  {seconds:5.1} s  {what}");
        self.text.push_str(&line);
        // Written past the capture of outputs: a test that passed says what that means. Several run at a time.
        let _ = write!(std::io::stderr(), "{}: {}", self.title, line.trim_start());
        fs::create_dir_all(folder()).unwrap();
        fs::write(folder().join(format!("{}.txt", self.title)), &self.text).unwrap();
    }
}

/// Keeps a file beside the transcripts.
pub(crate) fn keep(name: &str, text: &str) {
    fs::create_dir_all(folder()).unwrap();
    fs::write(folder().join(name), text).unwrap();
}

/// Keeps what the nodes and AWS of a lab said, for whoever has to find out why a scenario failed.
pub(crate) fn keep_logs(lab: &Lab) {
    let kept = folder().join(&lab.net.prefix);
    let _ = fs::create_dir_all(&kept);
    for node in lab.nodes() {
        let journal = node.path("/var/log/journal").display().to_string();
        let words = ["journalctl", "-q", "--no-pager", "-o", "short-precise", "-D", &journal];
        let _ = fs::write(
            kept.join(format!("{}.log", node.name)),
            shell::run(&words, "", shell::SOON).stdout,
        );
        let _ = fs::copy(
            node.folder().join("console.log"),
            kept.join(format!("{}.console", node.name)),
        );
        let _ = fs::copy(
            node.folder().join("metadata.log"),
            kept.join(format!("{}.metadata", node.name)),
        );
    }
    for name in ["aws.log", "dns.log", "calls.jsonl"] {
        let _ = fs::copy(lab.folder.join("aws").join(name), kept.join(name));
    }
    let _ = writeln!(std::io::stderr(), "the logs of the lab are in {}", kept.display());
}
