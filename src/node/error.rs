//! Why facts do not resolve to a node: what was found, what is allowed, the nearest allowed value, and the hint.

use crate::exit::ExitCode;
use crate::exit::hint::{Advice, Hint, Topic, topics};
use semver::Version;

/// Why the facts do not resolve to a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// A tag that the role needs is missing.
    #[error("tag `{key}` is missing")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// The value of a tag is not allowed.
    #[error("tag `{key}` is {found:?}, allowed: {allowed}")]
    Value {
        /// The key.
        key: &'static str,
        /// What was found.
        found: String,
        /// What is allowed, in words.
        allowed: String,
        /// The nearest allowed value, if one is near.
        nearest: Option<String>,
    },
    /// The value of a tag has spaces around it.
    #[error("tag `{key}` is {found:?}, expected no spaces around the value")]
    Blanks {
        /// The key.
        key: &'static str,
        /// What was found.
        found: String,
    },
    /// A key resembles a key of the contract.
    #[error("unknown tag `{found}`, expected `{known}`")]
    Misspelt {
        /// The key found.
        found: String,
        /// The key it was meant to be.
        known: &'static str,
    },
    /// A key exists in two spellings.
    #[error(
        "tags `{known}` and `{other}` are two spellings of the same key, expected only `{known}`"
    )]
    SpeltTwice {
        /// The right spelling.
        known: &'static str,
        /// The other spelling.
        other: String,
    },
    /// A tag belongs to another role.
    #[error("tag `{key}` = {found:?} contradicts `cos:role` = {role:?}: it belongs to {belongs}")]
    ForeignTag {
        /// The key.
        key: &'static str,
        /// Its value.
        found: String,
        /// The role of this node.
        role: &'static str,
        /// The roles that the tag belongs to, in words.
        belongs: String,
    },
    /// The value of a setting is not allowed.
    #[error("setting `{key}` is {found:?}, expected {expected}")]
    Setting {
        /// The dotted key.
        key: &'static str,
        /// What was found.
        found: String,
        /// What is allowed, in words.
        expected: &'static str,
    },
    /// Neither the binary nor a setting states the version.
    #[error(
        "cannot determine the version of {program}: /usr/bin/{program} does not exist, and no setting states the version"
    )]
    NoVersion {
        /// `consul` or `nomad`.
        program: &'static str,
    },
    /// The release is older than the agent supports.
    #[error("expected {program} {}.{} or newer, found {found}", oldest.0, oldest.1)]
    TooOld {
        /// `consul` or `nomad`.
        program: &'static str,
        /// The version found.
        found: Version,
        /// The oldest supported release: major and minor.
        oldest: (u64, u64),
    },
}

topics! {
    RETAG: "tag-wrong",
        "set it in `tag_specifications` of the launch template, and on this instance with `aws ec2 create-tags --resources ID \
         --tags Key={key},Value={value}`";
    TAG_VALUE_NEAR: "tag-value-misspelt",
        "did you mean `{value}`? Set it in `tag_specifications` of the launch template, and on this instance with `aws ec2 \
         create-tags --resources ID --tags Key={key},Value={value}`";
    TAG_KEY_NEAR: "tag-key-misspelt", "rename tag `{found}` to `{known}`";
    TAG_TWICE: "tag-spelt-twice", "delete tag `{key}`";
    TAG_FOREIGN: "tag-of-another-role",
        "delete tag `{key}` if this instance is a {role}; change `cos:role` if it is not";
    SETTING_WRONG: "setting-wrong",
        "correct `{key}`; `cos-agent config dump` shows the file and line that set it";
    PROGRAM_MISSING: "program-missing",
        "install {program} in the image; to render without it, set `[{program}] version = \"…\"`";
    PROGRAM_OLD: "program-too-old", "build the image with a newer {program}";
}

impl ResolveError {
    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Setting { .. } | Self::NoVersion { .. } | Self::TooOld { .. } => ExitCode::Config,
            Self::Missing { .. }
            | Self::Value { .. }
            | Self::Blanks { .. }
            | Self::Misspelt { .. }
            | Self::SpeltTwice { .. }
            | Self::ForeignTag { .. } => ExitCode::Data,
        }
    }
}

impl Hint for ResolveError {
    const TOPICS: &'static [Topic] = TOPICS;

    fn hint(&self) -> Option<Advice> {
        Some(match self {
            Self::Value { key, nearest: Some(nearest), .. } => {
                TAG_VALUE_NEAR.with(&[("key", key), ("value", nearest)])
            }
            Self::Missing { key } | Self::Value { key, .. } => {
                RETAG.with(&[("key", key), ("value", &"VALUE")])
            }
            Self::Blanks { key, found } => RETAG.with(&[("key", key), ("value", &found.trim())]),
            Self::Misspelt { found, known } => {
                TAG_KEY_NEAR.with(&[("found", found), ("known", known)])
            }
            Self::SpeltTwice { other, .. } => TAG_TWICE.with(&[("key", other)]),
            Self::ForeignTag { key, role, .. } => TAG_FOREIGN.with(&[("key", key), ("role", role)]),
            Self::Setting { key, .. } => SETTING_WRONG.with(&[("key", key)]),
            Self::NoVersion { program } => PROGRAM_MISSING.with(&[("program", program)]),
            Self::TooOld { program, .. } => PROGRAM_OLD.with(&[("program", program)]),
        })
    }
}
