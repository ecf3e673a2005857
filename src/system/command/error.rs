//! Why a child process gave no result, with the exit code and the way out of each.

use crate::exit::ExitCode;
use crate::exit::hint::{Advice, Hint, Topic, topics};
use std::path::PathBuf;
use std::time::Duration;

/// Why a child gave no result.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The program does not exist or may not be executed.
    #[error("cannot run `{}`", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The child did not end in time; it was killed.
    #[error("`{}` did not finish within {timeout:?} and was killed", program.display())]
    Timeout {
        /// The program.
        program: PathBuf,
        /// How long it was given.
        timeout: Duration,
    },
}

impl CommandError {
    /// Whether the next attempt may succeed: the machine was busy or out of a resource, so the failure says nothing
    /// about the program.
    pub fn is_transient(&self) -> bool {
        use nix::libc::{EAGAIN, EMFILE, ENFILE, ENOMEM, ETXTBSY};
        match self {
            Self::Timeout { .. } => true,
            Self::Spawn { source, .. } => {
                matches!(source.raw_os_error(), Some(EAGAIN | EMFILE | ENFILE | ENOMEM | ETXTBSY))
            }
        }
    }

    /// The exit code of this failure, where `broken` is the code for a program that can never run.
    pub fn exit_code(&self, broken: ExitCode) -> ExitCode {
        if self.is_transient() { ExitCode::NotYet } else { broken }
    }
}

topics! {
    /// For a child that failed because of the machine, not of the program.
    BUSY: "machine-busy",
        "the machine is busy or out of memory: check `dmesg` and `free -m`; the next run tries again";
}

impl Hint for CommandError {
    const TOPICS: &'static [Topic] = TOPICS;

    /// Only the caller knows what it means if the program cannot run, so that has no hint here.
    fn hint(&self) -> Option<Advice> {
        self.is_transient().then(|| BUSY.plain())
    }
}
