//! Why a plan was not carried out, and what to do about it.

use crate::exit::ExitCode;
use crate::system::command::CommandError;
use crate::system::root::FileError;
use crate::system::systemd::services::ServiceError;
use std::time::Duration;

const AS_ROOT: &str = "run it as root, or with --root DIR";

/// Why a plan was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A file operation failed.
    #[error("the disk is not as it shall be")]
    File(#[from] FileError),
    /// The node itself is for root alone.
    #[error("this node can be changed by root alone")]
    NotRoot,
    /// Another `apply` runs and does not end.
    #[error("another cos-agent changes this node since more than {:.0} s", waited.as_secs_f64())]
    Locked {
        /// How long was waited.
        waited: Duration,
    },
    /// The daemon's own validator refuses the configuration.
    #[error("`{command}` refuses the new configuration:\n{words}")]
    Refused {
        /// The validator.
        command: String,
        /// Its words.
        words: String,
    },
    /// The validator could not be run.
    #[error("the new configuration cannot be validated")]
    Validator(#[source] CommandError),
    /// A signal ended the validator before it judged.
    #[error("a signal killed `{command}` before it judged the new configuration")]
    ValidatorKilled {
        /// The validator.
        command: String,
    },
    /// A daemon of this role is not installed.
    #[error("{program} is not installed, and this node runs it")]
    NoProgram {
        /// Its path.
        program: &'static str,
    },
    /// A service job was refused.
    #[error("a unit is not as it shall be")]
    Service(#[from] ServiceError),
    /// A tool of the system failed.
    #[error("`{command}` failed: {words}")]
    Tool {
        /// The command.
        command: String,
        /// Its words.
        words: String,
    },
    /// A tool of the system could not be run.
    #[error("a tool of the system cannot be run")]
    ToolMissing(#[source] CommandError),
    /// A server may not be restarted or stopped now, or the quorum would be lost.
    #[error("{unit} has to {verb}, but {reason}")]
    QuorumAtRisk {
        /// The unit.
        unit: &'static str,
        /// `restart` or `stop`.
        verb: &'static str,
        /// Why not now.
        reason: String,
    },
    /// A server may not get another role, or lose its data, while its quorum needs it.
    #[error("{change}, but {unit} may still be needed as a server: {reason}")]
    StillNeeded {
        /// The unit.
        unit: &'static str,
        /// What would take it from its quorum.
        change: String,
        /// Why not now.
        reason: String,
    },
}

impl ApplyError {
    /// Whether nothing was started, stopped or restarted yet.
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
            | Self::ToolMissing(_)
            | Self::QuorumAtRisk { .. } => false,
        }
    }

    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::File(error) => error.exit_code(),
            Self::NotRoot => ExitCode::Denied,
            Self::Locked { .. } | Self::QuorumAtRisk { .. } | Self::StillNeeded { .. } => {
                ExitCode::NotYet
            }
            Self::Validator(error) if error.is_transient() => ExitCode::NotYet,
            Self::ValidatorKilled { .. } => ExitCode::NotYet,
            Self::Refused { .. } | Self::Validator(_) | Self::NoProgram { .. } => ExitCode::Config,
            Self::Service(_) | Self::Tool { .. } | Self::ToolMissing(_) => ExitCode::Unavailable,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::File(error) if error.source.kind() == std::io::ErrorKind::PermissionDenied => {
                AS_ROOT.to_owned()
            }
            Self::NotRoot => AS_ROOT.to_owned(),
            Self::File(error) if error.hint().is_some() => return error.hint(),
            Self::File(_) => "look for a full or read-only disk, or a file where a folder belongs; the next run goes on from here".to_owned(),
            Self::Locked { .. } => "find it with `pgrep -a cos-agent`; it holds /run/cos-agent/lock".to_owned(),
            Self::Refused { .. } => {
                "nothing was changed. An `extra` table of the settings or a file of your own in the folder is the usual \
                 cause: `cos-agent config dump`"
                    .to_owned()
            }
            Self::Validator(_) | Self::ValidatorKilled { .. } if self.exit_code() == ExitCode::NotYet => {
                "nothing was changed; the machine is busy or out of memory: look at `dmesg` and `free -m`; the next run \
                 tries again"
                    .to_owned()
            }
            Self::Validator(_) | Self::ValidatorKilled { .. } => "nothing was changed; run the validator by hand".to_owned(),
            Self::NoProgram { program } => format!("build the image with {program}; nothing was changed"),
            Self::Service(_) => "look at `systemctl status` and `journalctl -b` of the unit; the next run tries again".to_owned(),
            Self::Tool { .. } | Self::ToolMissing(_) => "the next run tries again".to_owned(),
            Self::QuorumAtRisk { unit, verb, .. } => format!(
                "the new configuration is on disk, and the next `apply` asks again; to do it now in spite of that: \
                 `systemctl {verb} {unit}`"
            ),
            Self::StillNeeded { unit, .. } => format!(
                "nothing was changed, and the next `apply` asks again; to go on in spite of that: `systemctl stop {unit}`, then \
                 `cos-agent apply`"
            ),
        })
    }
}
