//! What can go wrong, one variant for each stage. Each stage has an error type of its own, with exit codes and hints.

mod input;
pub mod registry;

use crate::apply::ApplyError;
use crate::apply::clean::CleanError;
use crate::exit::ExitCode;
use crate::exit::hint::{Advice, Hint, Topic, advice, topics};
use crate::facts::GatherError;
use crate::facts::image::ImageError;
use crate::membership::quorum::GuardError;
use crate::membership::wait::WaitError;
use crate::node::ResolveError;
use crate::observe::ObserveError;
use crate::plan::PlanError;
use crate::render::RenderError;
use crate::store::status::Failure;
use crate::system::aws::AwsError;
use crate::system::imds;
use crate::system::root::FileError;
pub use input::{Given, InputError};
pub use registry::REGISTRY;

/// Everything that ends a command without success.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The first stage: the facts.
    #[error("cannot gather the facts about this machine")]
    Gather(#[from] GatherError),
    /// What an image is made of.
    #[error("cannot make an image of this machine")]
    Image(#[from] ImageError),
    /// A machine that must not be cleaned.
    #[error("cannot clean this machine")]
    Clean(#[from] CleanError),
    /// The second stage: the node.
    #[error("cannot determine how to configure this node")]
    Resolve(#[from] ResolveError),
    /// The third stage: the files.
    #[error("cannot render the configuration")]
    Render(#[from] RenderError),
    /// The quorum guard, before the files.
    #[error("cannot decide whether this server may form a new cluster")]
    Guard(#[from] GuardError),
    /// The machine as it is, for the plan.
    #[error("cannot read the current state of this machine")]
    Observe(#[from] ObserveError),
    /// The fourth stage: the plan.
    #[error("cannot plan the changes")]
    Plan(#[from] PlanError),
    /// The fifth stage: the changes.
    #[error("`apply` failed")]
    Apply(#[from] ApplyError),
    /// The last stage: the check that the node has joined.
    #[error("this node has not joined its cluster")]
    Wait(#[from] WaitError),
    /// The agent is frozen, and the daemons that ran before this boot did not start.
    #[error("the agent is frozen, and cannot start what ran before this boot")]
    Frozen,
    /// `apply` failed as the last time, when the whole error was printed.
    #[error("{words}")]
    Same {
        /// The exit code.
        code: ExitCode,
        /// The innermost cause.
        words: String,
    },
    /// SIGTERM or SIGINT.
    #[error("interrupted")]
    Interrupted,
    /// The command line, or a file that it names, is wrong.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A file that a command reads or writes.
    #[error("a file operation failed")]
    File(#[from] FileError),
    /// Standard output cannot be written.
    #[error("cannot write the output")]
    Output(#[source] std::io::Error),
    /// A system call of this process failed.
    #[error("cannot {operation}")]
    Io {
        /// What was tried, as a verb.
        operation: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file of a bundle would take a secret off the node.
    #[error("cannot write the bundle: {0} would hold a secret of this node")]
    Leak(String),
    /// A call to AWS failed.
    #[error("cannot ask EC2")]
    Aws(#[from] AwsError),
}

topics! {
    INTERRUPTED: "interrupted", "run it again: the next run continues from here";
    STILL_FROZEN: "frozen-start-failed", "look at `journalctl -b -u cos-agent`; the next run tries again";
}

impl Hint for Error {
    const TOPICS: &'static [Topic] = TOPICS;

    fn hint(&self) -> Option<Advice> {
        match self {
            // `InputError` is transparent, so it is not a cause in the chain.
            Self::Input(error) => error.hint(),
            Self::Interrupted => Some(INTERRUPTED.plain()),
            Self::Frozen => Some(STILL_FROZEN.plain()),
            Self::Leak(_) => Some(imds::BUG.plain()),
            _ => None,
        }
    }
}

impl Error {
    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Gather(error) => error.exit_code(),
            Self::Image(error) => error.exit_code(),
            Self::Clean(error) => error.exit_code(),
            Self::Resolve(error) => error.exit_code(),
            Self::Render(error) => error.exit_code(),
            Self::Guard(error) => error.exit_code(),
            Self::Observe(error) => error.exit_code(),
            Self::Plan(error) => error.exit_code(),
            Self::Apply(error) => error.exit_code(),
            Self::Wait(error) => error.exit_code(),
            Self::Input(error) => error.exit_code(),
            Self::File(error) => error.exit_code(),
            Self::Aws(error) => error.exit_code(),
            Self::Output(_) | Self::Io { .. } => ExitCode::File,
            Self::Leak(_) => ExitCode::Bug,
            Self::Same { code, .. } => *code,
            Self::Frozen | Self::Interrupted => ExitCode::NotYet,
        }
    }

    /// Whether `apply` ended with this error before it started, stopped or restarted a unit.
    pub fn is_before_any_start(&self) -> bool {
        match self {
            Self::Gather(_)
            | Self::Resolve(_)
            | Self::Render(_)
            | Self::Guard(_)
            | Self::Observe(_)
            | Self::Plan(_) => true,
            Self::Apply(error) => error.is_before_any_start(),
            _ => false,
        }
    }

    /// This error, in one line if the last run failed in the same way. A unit that systemd restarts for hours must not flood
    /// the serial console.
    #[must_use]
    pub fn or_the_same(self, before: Option<&Failure>) -> Self {
        let code = self.exit_code();
        let now = Failure::of(code, &self.report());
        if before.is_some_and(|before| before.is_like(&now)) { self.as_the_same() } else { self }
    }

    /// What to do about it.
    pub fn advice(&self) -> Option<Advice> {
        advice(self, REGISTRY)
    }

    /// The causes in one line, without the stage at which they came up.
    pub fn causes(&self) -> String {
        let first = std::error::Error::source(self);
        let chain = std::iter::successors(first, |cause| cause.source());
        let words: Vec<String> = chain.map(ToString::to_string).collect();
        if words.is_empty() { self.to_string() } else { words.join(": ") }
    }

    /// This error in one line.
    #[must_use]
    pub fn as_the_same(self) -> Self {
        let code = self.exit_code();
        let mut innermost: &dyn std::error::Error = &self;
        while let Some(cause) = innermost.source() {
            innermost = cause;
        }
        let words = innermost.to_string().lines().next().unwrap_or_default().to_owned();
        Self::Same { code, words }
    }

    /// The error, its causes and the hint, as people read them.
    pub fn report(&self) -> String {
        use std::fmt::Write;
        // The report of the failed `apply` has its own causes and hint.
        if let Self::Wait(WaitError::ApplyFailed(failure)) = self {
            let words = failure.report.trim_end();
            return format!(
                "{words}\n\n`apply` failed with this error at {}; `cos-agent wait --keep-waiting` waits for the next run\n",
                failure.at
            );
        }
        if let Self::Same { words, .. } = self {
            return format!("error: still: {words} (`cos-agent status` shows the whole error)\n");
        }
        let mut text = format!("error: {self}\n");
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            let words = cause.to_string().trim_end().replace('\n', "\n         ");
            let _ = writeln!(text, "  cause: {words}");
            source = cause.source();
        }
        if let Some(advice) = self.advice() {
            let _ = write!(text, "\nhint: {}\n", advice.text);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::command::CommandError;
    use std::io::ErrorKind;
    use std::time::Duration;

    #[test]
    fn the_report_gives_the_advice_of_the_innermost_cause() {
        let source = std::io::Error::from(ErrorKind::PermissionDenied);
        let file = FileError { operation: "write", path: "/etc/x".into(), source };
        let error = Error::from(ApplyError::from(file));
        assert_eq!(error.exit_code(), ExitCode::Denied);
        assert_eq!(
            error.report(),
            "error: `apply` failed\n  cause: cannot change a file\n  cause: cannot write /etc/x\n  cause: permission denied\n\n\
             hint: run it as root, or in another directory with `--root DIR`\n"
        );
        let program = "/usr/bin/consul".into();
        let timeout = CommandError::Timeout { program, timeout: Duration::from_secs(1) };
        let error = Error::from(ApplyError::Validator(timeout));
        assert_eq!(error.exit_code(), ExitCode::NotYet);
        assert!(error.report().contains("hint: the machine is busy"), "{}", error.report());
    }

    #[test]
    fn advice_that_covers_its_causes_goes_before_theirs() {
        let denied = || AwsError::Denied {
            action: "ec2:DescribeTags".to_owned(),
            code: "UnauthorizedOperation".to_owned(),
            message: "no".to_owned(),
        };
        let id = |error: Error| advice(&error, REGISTRY).map(|advice| advice.id);
        assert_eq!(id(GatherError::NoTags { source: denied() }.into()), Some("tags-unavailable"));
        assert_eq!(id(denied().into()), Some("action-denied"));
    }

    #[test]
    fn one_trouble_ends_every_command_with_the_same_code() {
        let late = || AwsError::LateCredentials { role: "r".to_owned() };
        let gather = Error::from(GatherError::NoTags { source: late() });
        assert_eq!(gather.exit_code(), Error::from(late()).exit_code());
    }
}
