//! Why no image can be made of a machine.

use crate::exit::ExitCode;
use crate::exit::hint::{Advice, Hint, Topic, topics};
use crate::facts::GatherError;
use crate::system::command::CommandError;
use crate::system::root::FileError;

/// Why no image can be made of a machine. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// Another distribution.
    #[error("expected one of {supported}; found {found}")]
    Unsupported {
        /// What the machine is.
        found: String,
        /// What is supported.
        supported: String,
    },
    /// The machine lacks what every image needs.
    #[error("this machine lacks {}", .0.join("; "))]
    Missing(Vec<String>),
    /// A program did not report its version.
    #[error("cannot read the version of {program}: {reason}")]
    NoVersion {
        /// Its path.
        program: String,
        /// Why, or what it said.
        reason: String,
    },
    /// A program did not start.
    #[error("cannot run {program}")]
    NotRun {
        /// Its path.
        program: String,
        /// Why.
        source: CommandError,
    },
    /// The settings or certificate authorities of the site.
    #[error(transparent)]
    Facts(#[from] GatherError),
    /// A file.
    #[error("cannot read a file")]
    File(#[from] FileError),
}

topics! {
    UNSUPPORTED: "image-unsupported", "build the image from a supported distribution";
    MISSING: "image-lacks-programs", "install what is missing, then run `cos-agent install` again";
    NO_VERSION: "image-no-version", "run `{program} version` yourself; install a build for this machine";
}

impl ImageError {
    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Unsupported { .. } | Self::Missing(_) | Self::NoVersion { .. } => {
                ExitCode::Config
            }
            Self::NotRun { source, .. } => source.exit_code(ExitCode::Config),
            Self::Facts(error) => error.exit_code(),
            Self::File(error) => error.exit_code(),
        }
    }
}

impl Hint for ImageError {
    const TOPICS: &'static [Topic] = TOPICS;

    fn hint(&self) -> Option<Advice> {
        match self {
            Self::Unsupported { .. } => Some(UNSUPPORTED.plain()),
            Self::Missing(_) => Some(MISSING.plain()),
            Self::NoVersion { program, .. } | Self::NotRun { program, .. } => {
                Some(NO_VERSION.with(&[("program", program)]))
            }
            // `GatherError` is transparent, so it is not a cause in the chain.
            Self::Facts(error) => error.hint(),
            Self::File(_) => None,
        }
    }
}
