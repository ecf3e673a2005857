//! What can go wrong, one variant a stage, with the exit code and the way out of each; the stages have their own.

use crate::apply::ApplyError;
use crate::exit::ExitCode;
use crate::facts::GatherError;
use crate::membership::quorum::GuardError;
use crate::membership::wait::WaitError;
use crate::node::ResolveError;
use crate::observe::ObserveError;
use crate::plan::PlanError;
use crate::render::RenderError;
use crate::store::status::Failure;
use crate::system::root::FileError;

/// Everything that ends a command without success.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The first stage: the facts.
    #[error("cannot learn what this machine is")]
    Gather(#[from] GatherError),
    /// The second stage: the node.
    #[error("cannot decide what this machine shall be")]
    Resolve(#[from] ResolveError),
    /// The third stage: the files.
    #[error("cannot render the configuration")]
    Render(#[from] RenderError),
    /// The quorum guard, before the files.
    #[error("cannot decide whether this server may form a new cluster")]
    Guard(#[from] GuardError),
    /// The machine as it is, for the plan.
    #[error("cannot look at this machine")]
    Observe(#[from] ObserveError),
    /// The fourth stage: the plan.
    #[error("cannot plan the changes")]
    Plan(#[from] PlanError),
    /// The fifth stage: the changes.
    #[error("cannot bring the machine to the plan")]
    Apply(#[from] ApplyError),
    /// The last stage: the proof that the node has joined.
    #[error("this node is no member of its cluster")]
    Wait(#[from] WaitError),
    /// The agent is frozen, and what ran before could not be started.
    #[error("the agent is frozen, and what ran before this boot could not be started")]
    Frozen,
    /// `apply` failed as it did before, and that was said in full then.
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
    /// A command of the user that cannot be carried out as it was given.
    #[error("{problem}")]
    Usage {
        /// What is wrong.
        problem: String,
        /// What to do.
        hint: String,
    },
    /// A file that a command was given or writes.
    #[error("a file of this command")]
    File(#[from] FileError),
    /// Standard output or an answer could not be written.
    #[error("cannot write the output")]
    Output(#[source] std::io::Error),
    /// An AWS question of a command failed.
    #[error("cannot ask EC2")]
    Aws(#[from] crate::system::aws::AwsError),
}

impl Error {
    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Gather(error) => error.exit_code(),
            Self::Resolve(error) => error.exit_code(),
            Self::Render(_) => ExitCode::Config,
            Self::Guard(error) => error.exit_code(),
            Self::Observe(error) => error.exit_code(),
            Self::Plan(error) => error.exit_code(),
            Self::Apply(error) => error.exit_code(),
            Self::Wait(WaitError::ApplyFailed(failure)) => ExitCode::of(failure.code),
            Self::Wait(WaitError::NoGates { .. }) => ExitCode::Usage,
            Self::Wait(WaitError::Closed { .. }) | Self::Interrupted => ExitCode::NotYet,
            Self::Wait(WaitError::Api(_)) => ExitCode::Unavailable,
            Self::Usage { .. } => ExitCode::Usage,
            Self::File(error) => error.exit_code(),
            Self::Output(_) => ExitCode::File,
            Self::Same { code, .. } => *code,
            Self::Frozen => ExitCode::NotYet,
            Self::Aws(error) => error.exit_code(),
        }
    }

    /// Whether `apply` ended so before it started, stopped or restarted anything.
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

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Gather(error) => error.hint(),
            Self::Resolve(error) => Some(error.hint()),
            Self::Render(error) => Some(error.hint()),
            Self::Guard(error) => error.hint(),
            Self::Observe(error) => error.hint(),
            Self::Plan(error) => error.hint(),
            Self::Apply(error) => error.hint(),
            Self::Wait(WaitError::Closed { hint, .. }) => Some(hint.clone()),
            Self::Wait(WaitError::NoGates { .. }) => Some("wait for ready or consul".to_owned()),
            Self::Wait(_) => None,
            Self::Interrupted => Some("the next run goes on from here".to_owned()),
            Self::Usage { hint, .. } => Some(hint.clone()),
            Self::File(error) if error.source.kind() == std::io::ErrorKind::PermissionDenied => {
                Some("run it as root".to_owned())
            }
            Self::File(error) => error.hint(),
            Self::Output(_) | Self::Same { .. } => None,
            Self::Frozen => Some("the next run tries again; `journalctl -b -u cos-agent` says why".to_owned()),
            Self::Aws(crate::system::aws::AwsError::Unreachable { answered: true, .. }) => Some(
                "EC2 is there and busy: the account's DescribeInstances is throttled; the next run tries again"
                    .to_owned(),
            ),
            Self::Aws(_) => Some(
                "the instance role needs `ec2:DescribeInstances`, and subnets without internet need an `ec2` VPC endpoint"
                    .to_owned(),
            ),
        }
    }

    /// This error, in one line where the last run failed in the same way: a unit that is tried again for hours must not
    /// flood the serial console.
    #[must_use]
    pub fn or_the_same(self, before: Option<&Failure>) -> Self {
        let code = self.exit_code();
        let now = Failure::of(code, &self.report());
        if before.is_some_and(|before| before.is_like(&now)) { self.as_the_same() } else { self }
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
        // Another run's failure is reported in its own words.
        if let Self::Wait(WaitError::ApplyFailed(failure)) = self {
            let words = failure.report.trim_end();
            return format!(
                "{words}\n\n`apply` ended so at {}; `cos-agent wait --keep-waiting` waits for the next one\n",
                failure.at
            );
        }
        if let Self::Same { words, .. } = self {
            return format!("error: still: {words} (`cos-agent status` shows all of it)\n");
        }
        let mut text = format!("error: {self}\n");
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            let words = cause.to_string().trim_end().replace('\n', "\n         ");
            let _ = writeln!(text, "  cause: {words}");
            source = cause.source();
        }
        if let Some(hint) = self.hint() {
            let _ = write!(text, "\nhint: {hint}\n");
        }
        text
    }
}
