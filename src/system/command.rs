//! Child processes: bounded in time and output, never through a shell.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;

/// How much of a child's output is kept.
const OUTPUT_CAP: u64 = 64 * 1024;

/// What a child said and how it ended.
#[derive(Debug, Clone)]
pub struct Output {
    /// The exit code, or `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output, at most 64 KiB.
    pub stdout: String,
    /// Standard error, at most 64 KiB.
    pub stderr: String,
}

impl Output {
    /// Exit code 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// Whether a signal ended it, such as that of a kernel that is out of memory: it judged nothing.
    pub fn was_killed(&self) -> bool {
        self.code.is_none()
    }

    /// Both streams as one text, errors last.
    pub fn words(&self) -> String {
        format!("{}\n{}", self.stdout.trim(), self.stderr.trim()).trim().to_owned()
    }
}

/// Why a child gave no result.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The program is not there or may not be run.
    #[error("cannot run `{}`", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The child did not end in time; it was killed.
    #[error("`{}` did not end within {timeout:?} and was killed", program.display())]
    Timeout {
        /// The program.
        program: PathBuf,
        /// How long it was given.
        timeout: Duration,
    },
}

impl CommandError {
    /// Whether the next try may go better: the machine was busy or out of something, and says nothing of the program.
    pub fn is_transient(&self) -> bool {
        use nix::libc::{EAGAIN, EMFILE, ENFILE, ENOMEM, ETXTBSY};
        match self {
            Self::Timeout { .. } => true,
            Self::Spawn { source, .. } => {
                matches!(source.raw_os_error(), Some(EAGAIN | EMFILE | ENFILE | ENOMEM | ETXTBSY))
            }
        }
    }
}

/// Runs `program` to its end and returns what it said.
pub async fn run(
    program: &Path,
    args: &[&str],
    path: &str,
    timeout: Duration,
) -> Result<Output, CommandError> {
    let spawn_error = |source| CommandError::Spawn { program: program.to_owned(), source };
    let mut child = tokio::process::Command::new(program)
        .args(args)
        // The child's words are shown to people and parsed by us: one locale, no pager, no colour.
        .env_clear()
        .env("PATH", path)
        .env("HOME", "/root")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(spawn_error)?;
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    let work = async {
        let (stdout, stderr, status) =
            tokio::join!(read_capped(stdout), read_capped(stderr), child.wait());
        status.map(|status| Output { code: status.code(), stdout, stderr })
    };
    match tokio::time::timeout(timeout, work).await {
        Ok(result) => result.map_err(spawn_error),
        Err(_) => Err(CommandError::Timeout { program: program.to_owned(), timeout }),
    }
}

/// Keeps the first [`OUTPUT_CAP`] bytes and drains the rest, so that a talkative child does not block on a full pipe.
async fn read_capped(stream: Option<impl tokio::io::AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else { return String::new() };
    let mut kept = Vec::new();
    // A broken pipe only shortens what we can show; the exit code still decides.
    let _ = (&mut stream).take(OUTPUT_CAP).read_to_end(&mut kept).await;
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&kept).into_owned()
}
