//! Child processes: bounded in time and output, never through a shell.

mod call;
mod error;
mod keep;

pub use call::Call;
pub(crate) use error::BUSY;
pub use error::CommandError;
pub use keep::Keep;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::path::Path;
use std::time::Duration;
use tokio::process::Child;

/// How much of each output stream is kept, in bytes.
const OUTPUT_CAP: usize = 64 * 1024;

/// What a child wrote and how it ended.
#[derive(Debug, Clone)]
pub struct Output {
    /// The exit code, or `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output, as much as was asked for; 64 KiB if nothing was.
    pub stdout: String,
    /// Standard error, at most 64 KiB.
    pub stderr: String,
}

impl Output {
    /// Exit code 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// Whether a signal ended it, such as the kernel's when memory runs out. Its output then proves nothing.
    pub fn was_killed(&self) -> bool {
        self.code.is_none()
    }

    /// Both streams as one text, errors last.
    pub fn words(&self) -> String {
        format!("{}\n{}", self.stdout.trim(), self.stderr.trim()).trim().to_owned()
    }
}

/// How long the output may stay open after the child has ended, because the child left a process in the background.
const DRAIN: Duration = Duration::from_secs(1);
/// Longest wait for the end of a killed child; only one that hangs in the kernel takes longer.
const KILLED: Duration = Duration::from_secs(2);

/// Runs `program` to its end and returns its output, as [`Call::run`] does.
pub async fn run(
    program: &Path,
    args: &[&str],
    path: &str,
    timeout: Duration,
) -> Result<Output, CommandError> {
    Call::of(program, args, path).run(timeout).await
}

/// Reads the output of a child until it has ended.
async fn finish(child: &mut Child, keep: Keep) -> std::io::Result<Output> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (mut said, mut errors) = (Vec::new(), Vec::new());
    let status = {
        let reading = async {
            tokio::join!(
                keep.read(stdout, &mut said),
                Keep::First(OUTPUT_CAP).read(stderr, &mut errors)
            )
        };
        tokio::pin!(reading);
        tokio::select! {
            _ = &mut reading => child.wait().await?,
            status = child.wait() => {
                // All that the child wrote is in the pipes by now; a process that still holds them open is another one.
                let _ = tokio::time::timeout(DRAIN, &mut reading).await;
                status?
            }
        }
    };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Output { code: status.code(), stdout: text(said), stderr: text(errors) })
}

/// The process group of a child, killed when this is dropped.
struct Group(Option<Pid>);

impl Group {
    /// The group that the child leads; its ID is the process ID of the child.
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may have ended by now.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    async fn script(text: &str, timeout: Duration) -> Result<Output, CommandError> {
        run(Path::new("/bin/sh"), &["-c", text], "/usr/bin:/bin", timeout).await
    }

    /// The process IDs that a script wrote: its own, and that of a process in the background.
    async fn processes(path: &Path) -> Vec<String> {
        for _ in 0..500 {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            if text.ends_with('\n') {
                return text.split_whitespace().map(str::to_owned).collect();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the script wrote nothing");
    }

    /// Whether a process runs; a zombie does not.
    fn lives(process: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
    }

    async fn until_dead(process: &str) {
        for _ in 0..500 {
            if !lives(process) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{process} lives on");
    }

    #[tokio::test]
    async fn a_child_that_is_out_of_time_ends_with_all_that_it_has_started() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("processes");
        let text = format!("sleep 600 & echo $$ $! >{}; wait", path.display());
        let ended = script(&text, Duration::from_millis(500)).await;
        assert!(matches!(ended, Err(CommandError::Timeout { .. })), "{ended:?}");
        let processes = processes(&path).await;
        assert!(!Path::new(&format!("/proc/{}", processes[0])).exists(), "it was waited for");
        until_dead(&processes[1]).await;
    }

    #[tokio::test]
    async fn a_child_that_nobody_waits_for_any_more_ends_with_all_that_it_has_started() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("processes");
        let text = format!("sleep 600 & echo $$ $! >{}; wait", path.display());
        let processes = tokio::select! {
            ended = script(&text, Duration::from_secs(60)) => panic!("{ended:?}"),
            processes = processes(&path) => processes,
        };
        for process in &processes {
            until_dead(process).await;
        }
    }

    #[tokio::test]
    async fn a_child_that_leaves_its_output_to_another_is_not_waited_for_beyond_its_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("processes");
        let text = format!("echo said; sleep 600 & echo $! >{}; exit 3", path.display());
        let started = Instant::now();
        let output = script(&text, Duration::from_secs(60)).await.unwrap();
        assert_eq!((output.code, output.stdout.as_str()), (Some(3), "said\n"));
        assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
        let processes = processes(&path).await;
        assert!(lives(&processes[0]), "what a tool starts on purpose stays");
        let killed = std::process::Command::new("kill").arg(&processes[0]).status();
        assert!(killed.unwrap().success());
    }

    #[tokio::test]
    async fn a_child_that_says_more_than_is_kept_says_it_to_its_end() {
        let output = script("head -c 1000000 /dev/zero; echo end >&2", Duration::from_secs(60))
            .await
            .unwrap();
        assert!(output.success());
        assert_eq!((output.stdout.len(), output.stderr.as_str()), (64 * 1024, "end\n"));
    }
}
