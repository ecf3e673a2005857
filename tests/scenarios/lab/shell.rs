//! Programs of the host: run to their end with a deadline, or started to outlive this process.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Output {
    /// The exit code; nothing after a signal, 124 or 137 after the deadline.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Output {
    /// Whether it succeeded.
    pub(crate) fn is_ok(&self) -> bool {
        self.code == Some(0)
    }
}

/// Longest time that any command of the lab needs on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// Runs a command to its end, killed after a time.
pub(crate) fn run<S: AsRef<OsStr>>(words: &[S], input: &str, limit: Duration) -> Output {
    let mut command = clean("timeout");
    command.args(["--kill-after=1", &format!("{:.3}", limit.as_secs_f64())]).args(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // A command that does not read its input is no error here.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Output { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs a command that has to succeed; what it prints.
pub(crate) fn ok<S: AsRef<OsStr>>(words: &[S]) -> String {
    fed(words, "")
}

/// The same for a command with an input.
pub(crate) fn fed<S: AsRef<OsStr>>(words: &[S], input: &str) -> String {
    let output = run(words, input, SOON);
    let shown: Vec<_> = words.iter().map(|word| word.as_ref().to_string_lossy()).collect();
    assert!(
        output.is_ok(),
        "`{}` ended with {:?}\n{}{}",
        shown.join(" "),
        output.code,
        output.stdout,
        output.stderr
    );
    output.stdout
}

/// Runs a command that is one line without quotes.
pub(crate) fn line(line: &str) -> String {
    ok(&line.split_whitespace().collect::<Vec<_>>())
}

/// Starts a program that outlives this process, in a session of its own; its words go to a log.
pub(crate) fn start<S: AsRef<OsStr>>(words: &[S], environment: &[(&str, &str)], log: &Path) {
    let mut command = clean("setsid");
    command.arg("--fork").args(words).envs(environment.iter().copied());
    logged(command, log);
}

/// Runs a script to its end; what it started may go on.
pub(crate) fn finish<S: AsRef<OsStr>>(words: &[S], environment: &[(&str, &str)], log: &Path) {
    let mut command = clean("timeout");
    command.arg("60").args(words).envs(environment.iter().copied());
    logged(command, log);
}

fn logged(mut command: Command, log: &Path) {
    let log = File::options().create(true).append(true).open(log).unwrap();
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}

/// A command with nothing of the caller's environment, which may name endpoints, proxies and credentials.
pub(crate) fn clean(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C.UTF-8").current_dir("/");
    for key in ["PATH", "HOME", "COS_CACHE"] {
        if let Ok(value) = std::env::var(key) {
            command.env(key, value);
        }
    }
    command
}
