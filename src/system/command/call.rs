//! A child process as a value: the program, and what it gets.

use super::{CommandError, Group, KILLED, Keep, OUTPUT_CAP, Output, finish};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// A child process to run. [`Call::of`] has the usual values of what most callers do not set.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The program.
    pub program: &'a Path,
    /// Its arguments.
    pub args: &'a [&'a str],
    /// Its `PATH`.
    pub path: &'a str,
    /// Its `HOME`.
    pub home: &'a Path,
    /// Further variables of its environment. It gets no others but `PATH`, `HOME` and `LC_ALL`.
    pub variables: &'a [(String, String)],
    /// Its standard input, at most 4 KiB: a pipe holds that much of a child that does not read it.
    pub input: &'a [u8],
    /// Which part of its standard output is kept.
    pub keep: Keep,
}

impl<'a> Call<'a> {
    /// A program that gets no input and root's home directory.
    pub fn of(program: &'a Path, args: &'a [&'a str], path: &'a str) -> Self {
        Self {
            program,
            args,
            path,
            home: Path::new("/root"),
            variables: &[],
            input: &[],
            keep: Keep::First(OUTPUT_CAP),
        }
    }

    /// Runs the program to its end and returns its output. On a timeout, or if the future is dropped, the whole process
    /// group is killed: if only a shell script were killed, its tools would run on beside those of the next run.
    pub async fn run(&self, timeout: Duration) -> Result<Output, CommandError> {
        let spawn_error = |source| CommandError::Spawn { program: self.program.to_owned(), source };
        let mut child = tokio::process::Command::new(self.program)
            .args(self.args)
            // The output is shown to people and parsed by the agent: one locale, no pager, no colour.
            .env_clear()
            .env("PATH", self.path)
            .env("HOME", self.home)
            .env("LC_ALL", "C.UTF-8")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(if self.input.is_empty() { Stdio::null() } else { Stdio::piped() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(spawn_error)?;
        let mut group = Group::of(&child);
        let ending = async {
            if let Some(mut stdin) = child.stdin.take() {
                // A child that ends without reading its input says why in another way.
                let _ = stdin.write_all(self.input).await;
            }
            finish(&mut child, self.keep).await
        };
        if let Ok(result) = tokio::time::timeout(timeout, ending).await {
            group.0 = None;
            return result.map_err(spawn_error);
        }
        drop(group);
        let _ = tokio::time::timeout(KILLED, child.wait()).await;
        Err(CommandError::Timeout { program: self.program.to_owned(), timeout })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_child_gets_the_input_and_the_environment_of_its_call_alone() {
        let script = ["-c", "cat; echo \" $HOME $EXTRA ${CARGO-none}\""];
        let call = Call {
            home: Path::new("/nowhere"),
            variables: &[("EXTRA".to_owned(), "more".to_owned())],
            input: b"said",
            ..Call::of(Path::new("/bin/sh"), &script, "/usr/bin:/bin")
        };
        let output = call.run(LONG).await.unwrap();
        assert_eq!((output.code, output.stdout.as_str()), (Some(0), "said /nowhere more none\n"));
    }

    #[tokio::test]
    async fn a_child_that_reads_nothing_ends_as_it_likes() {
        let call = Call {
            input: &[b'x'; 4096],
            ..Call::of(Path::new("/bin/sh"), &["-c", "exit 3"], "/bin")
        };
        assert_eq!(call.run(LONG).await.unwrap().code, Some(3));
    }
}
