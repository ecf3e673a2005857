//! Why a plan was not carried out, with the exit code and the hint of each reason.

use crate::exit::ExitCode;
use crate::exit::hint::{Advice, Hint, Topic, topics};
use crate::system::command::{self, CommandError};
use crate::system::root::{AS_ROOT, FileError};
use crate::system::systemd::services::ServiceError;
use std::time::Duration;

/// Why a plan was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A file operation failed.
    #[error("cannot change a file")]
    File(#[from] FileError),
    /// Only root may change the host.
    #[error("only root can change this node")]
    NotRoot,
    /// Another process holds the lock and does not release it in time.
    #[error("another cos-agent process has held the lock on this node for more than {:.0} s", waited.as_secs_f64())]
    Locked {
        /// How long this run waited.
        waited: Duration,
    },
    /// The daemon's own validator rejects the configuration.
    #[error("`{command}` rejected the new configuration:\n{words}")]
    Refused {
        /// The command line of the validator.
        command: String,
        /// Its output.
        words: String,
    },
    /// The validator could not be started, or did not finish.
    #[error("cannot validate the new configuration; nothing was changed")]
    Validator(#[source] CommandError),
    /// A signal ended the validator before its verdict.
    #[error(
        "a signal killed `{command}` while it checked the new configuration; nothing was changed"
    )]
    ValidatorKilled {
        /// The command line of the validator.
        command: String,
    },
    /// A daemon of this role is not installed.
    #[error("{program} is not installed, but the role of this node needs it")]
    NoProgram {
        /// Its absolute path.
        program: &'static str,
    },
    /// systemd refused or failed a job.
    #[error("cannot change a unit")]
    Service(#[from] ServiceError),
    /// A tool of the system failed.
    #[error("`{command}` failed: {words}")]
    Tool {
        /// The absolute path of the tool.
        command: String,
        /// Its output.
        words: String,
    },
    /// A tool of the system could not be started, or did not finish.
    #[error("cannot run a system tool")]
    ToolDidNotRun(#[source] CommandError),
    /// A server must not restart or stop now, because the quorum may be lost.
    #[error("cannot {verb} {unit} now: {reason}")]
    QuorumAtRisk {
        /// The unit of the server.
        unit: &'static str,
        /// `restart` or `stop`.
        verb: &'static str,
        /// Why not now.
        reason: String,
    },
    /// A server must not get another role, or lose its data, while its quorum may need it.
    #[error("{change}, but the quorum of {unit} may still need this server: {reason}")]
    StillNeeded {
        /// The unit of the server.
        unit: &'static str,
        /// What would take the server out of its quorum.
        change: String,
        /// Why not now.
        reason: String,
    },
}

impl ApplyError {
    /// Whether it happened before anything was started, stopped or restarted.
    pub fn is_before_any_start(&self) -> bool {
        match self {
            Self::File(_)
            | Self::Refused { .. }
            | Self::Validator(_)
            | Self::ValidatorKilled { .. }
            | Self::StillNeeded { .. }
            | Self::NoProgram { .. } => true,
            Self::NotRoot
            | Self::Locked { .. }
            | Self::Service(_)
            | Self::Tool { .. }
            | Self::ToolDidNotRun(_)
            | Self::QuorumAtRisk { .. } => false,
        }
    }

    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::File(error) => error.exit_code(),
            Self::NotRoot => ExitCode::Denied,
            Self::Locked { .. }
            | Self::QuorumAtRisk { .. }
            | Self::StillNeeded { .. }
            | Self::ValidatorKilled { .. } => ExitCode::NotYet,
            Self::Validator(error) => error.exit_code(ExitCode::Config),
            Self::Refused { .. } | Self::NoProgram { .. } => ExitCode::Config,
            Self::Service(error) => error.exit_code(),
            Self::ToolDidNotRun(error) => error.exit_code(ExitCode::Unavailable),
            Self::Tool { .. } => ExitCode::Unavailable,
        }
    }
}

topics! {
    LOCKED: "lock-held", "find the process with `pgrep -a cos-agent`; it holds /run/cos-agent/lock";
    REFUSED: "configuration-rejected",
        "nothing was changed. Check the `extra` tables of the settings (`cos-agent config dump`) and your own files in the \
         daemon's directory";
    VALIDATOR_BROKEN: "validator-broken", "run the validator yourself, and check that its binary is built for this architecture";
    NO_PROGRAM: "program-not-installed", "build the image with {program}; nothing was changed";
    TOOL_FAILED: "tool-failed", "run the tool yourself; the next run tries again";
    QUORUM_AT_RISK: "restart-later",
        "The new configuration is on disk; the next `apply` asks again. To {verb} the unit now anyway: `systemctl {verb} {unit}`";
    STILL_NEEDED: "server-still-needed",
        "nothing was changed, and the next `apply` asks again. To go on anyway: `systemctl stop {unit}`, then `cos-agent apply`";
}

impl Hint for ApplyError {
    const TOPICS: &'static [Topic] = TOPICS;

    fn hint(&self) -> Option<Advice> {
        Some(match self {
            Self::File(_) | Self::Service(_) => return None,
            Self::NotRoot => AS_ROOT.plain(),
            Self::Locked { .. } => LOCKED.plain(),
            Self::Refused { .. } => REFUSED.plain(),
            Self::ValidatorKilled { .. } => command::BUSY.plain(),
            Self::Validator(_) => VALIDATOR_BROKEN.plain(),
            Self::NoProgram { program } => NO_PROGRAM.with(&[("program", program)]),
            Self::Tool { .. } | Self::ToolDidNotRun(_) => TOOL_FAILED.plain(),
            Self::QuorumAtRisk { unit, verb, .. } => {
                QUORUM_AT_RISK.with(&[("verb", verb), ("unit", unit)])
            }
            Self::StillNeeded { unit, .. } => STILL_NEEDED.with(&[("unit", unit)]),
        })
    }
}
