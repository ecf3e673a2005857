//! Every way in which facts make no node: what was found, what is allowed, what is nearest, what to do.

use crate::exit::ExitCode;
use semver::Version;

/// Why the facts make no node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// A tag that the role needs is not there.
    #[error("tag `{key}` is missing")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// A tag with a value that it may not have.
    #[error("tag `{key}` is {found:?}, allowed: {allowed}")]
    Value {
        /// The key.
        key: &'static str,
        /// What was found.
        found: String,
        /// What is allowed.
        allowed: String,
        /// The nearest allowed value.
        nearest: Option<String>,
    },
    /// A value with blanks before or after it.
    #[error("tag `{key}` is {found:?}, expected no blanks around the value")]
    Blanks {
        /// The key.
        key: &'static str,
        /// What was found.
        found: String,
    },
    /// A key that is near one of the contract.
    #[error("tag `{found}` is no tag of COS, expected `{known}`")]
    Misspelt {
        /// The key found.
        found: String,
        /// The key it was meant to be.
        known: &'static str,
    },
    /// One key in two spellings.
    #[error(
        "the tags `{known}` and `{other}` are two spellings of one key, expected `{known}` alone"
    )]
    SpeltTwice {
        /// The right spelling.
        known: &'static str,
        /// The other one.
        other: String,
    },
    /// A tag of another role.
    #[error("tag `{key}` = {found:?} contradicts `cos:role` = {role:?}: it belongs to {belongs}")]
    ForeignTag {
        /// The key.
        key: &'static str,
        /// Its value.
        found: String,
        /// The role of this node.
        role: &'static str,
        /// The roles that the tag belongs to.
        belongs: String,
    },
    /// A setting that does not fit.
    #[error("setting `{key}` is {found:?}, expected {expected}")]
    Setting {
        /// The dotted key.
        key: &'static str,
        /// What was found.
        found: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// Neither binary nor setting tells a version.
    #[error(
        "the version of {program} is not known: /usr/bin/{program} is not there, and no setting states it"
    )]
    NoVersion {
        /// `consul` or `nomad`.
        program: &'static str,
    },
    /// An old release.
    #[error("{program} is {found}, the oldest that is supported is {}.{}", oldest.0, oldest.1)]
    TooOld {
        /// `consul` or `nomad`.
        program: &'static str,
        /// The version found.
        found: Version,
        /// The oldest minor.
        oldest: (u64, u64),
    },
}

impl ResolveError {
    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Setting { .. } | Self::NoVersion { .. } | Self::TooOld { .. } => ExitCode::Config,
            _ => ExitCode::Data,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        let retag = |key: &str, value: &str| {
            format!(
                "set it in `tag_specifications` of the launch template, and on this instance with \
                 `aws ec2 create-tags --resources ID --tags Key={key},Value={value}`"
            )
        };
        match self {
            Self::Missing { key } => retag(key, "VALUE"),
            Self::Value { key, nearest: Some(nearest), .. } => {
                format!("did you mean `{nearest}`? {}", retag(key, nearest))
            }
            Self::Value { key, .. } => retag(key, "VALUE"),
            Self::Blanks { key, found } => {
                format!(
                    "take the blanks off, so that it is {:?}; {}",
                    found.trim(),
                    retag(key, found.trim())
                )
            }
            Self::Misspelt { found, known } => format!("rename tag `{found}` to `{known}`"),
            Self::SpeltTwice { other, .. } => format!("delete tag `{other}`"),
            Self::ForeignTag { key, role, .. } => {
                format!(
                    "delete tag `{key}` if this instance is a {role}; change `cos:role` if it is not"
                )
            }
            Self::Setting { key, .. } => {
                format!("put `{key}` right; `cos-agent config dump` shows where it was set")
            }
            Self::NoVersion { program } => format!(
                "install {program} in the image; to render without it, set `[{program}] version = \"…\"`"
            ),
            Self::TooOld { program, .. } => format!("build the image with a newer {program}"),
        }
    }
}
