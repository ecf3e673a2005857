//! Why the facts cannot be gathered, with the exit code and the hint of each error.

use super::instance::InstanceError;
use super::settings::SettingsError;
use crate::exit::ExitCode;
use crate::exit::hint::{Advice, Hint, Topic, topics};
use crate::system::aws::AwsError;
use crate::system::command::{self, CommandError};
use crate::system::imds::{self, ImdsError};
use crate::system::root::FileError;
use std::time::Duration;

/// Why the facts cannot be gathered.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// Metadata cannot be read.
    #[error("cannot read the instance metadata")]
    Metadata(#[from] ImdsError),
    /// Metadata has no identity document.
    #[error(
        "this machine is not an EC2 instance: `dynamic/instance-identity/document` answered 404"
    )]
    NoDocument,
    /// The identity document is not what EC2 documents.
    #[error("cannot read the instance identity")]
    Instance(#[from] InstanceError),
    /// Metadata has no tags and EC2 gave none either.
    #[error("the instance metadata has no tags, and EC2 cannot be asked for them")]
    NoTags {
        /// What went wrong at EC2.
        source: AwsError,
    },
    /// Tags that the role needs are missing at the deadline.
    #[error("tags missing after {:.0} s: {}; this instance has: {found}", waited.as_secs_f64(), missing.join(", "))]
    TagsMissing {
        /// The keys that are missing.
        missing: Vec<&'static str>,
        /// The keys that are there.
        found: String,
        /// How long the agent waited.
        waited: Duration,
    },
    /// A layer of settings is refused.
    #[error("the settings are invalid")]
    Settings(#[from] SettingsError),
    /// A private key lies among the certificates.
    #[error("expected only CA certificates in {path}, found a private key")]
    PrivateKey {
        /// The file or setting.
        path: String,
    },
    /// Settings and binary contradict each other.
    #[error("{program} is version {installed}, but the settings state {stated}")]
    VersionsDiffer {
        /// The path of the binary.
        program: &'static str,
        /// The version in the settings.
        stated: semver::Version,
        /// The version of the binary.
        installed: semver::Version,
    },
    /// The output of a binary has no version.
    #[error("expected a version from `{program} version`, found {said:?}")]
    VersionUnknown {
        /// The path of the binary.
        program: &'static str,
        /// The first line it printed.
        said: String,
    },
    /// A binary did not run to its end.
    #[error("cannot determine the version of {program}")]
    VersionUnasked {
        /// The path of the binary.
        program: &'static str,
        /// Why.
        source: CommandError,
    },
    /// A signal ended a binary before it printed its version.
    #[error("a signal killed `{program} version`")]
    VersionKilled {
        /// The path of the binary.
        program: &'static str,
    },
    /// A file could not be read.
    #[error("cannot read a file")]
    File(#[from] FileError),
}

topics! {
    NO_TAGS: "tags-unavailable",
        "either set `metadata_options { instance_metadata_tags = \"enabled\" }` in the launch template (for a running instance: \
         `aws ec2 modify-instance-metadata-options --instance-id ID --instance-metadata-tags enabled`), or give the instance a \
         role that allows `ec2:DescribeTags` and a route to the EC2 endpoint (a VPC endpoint in subnets without internet)";
    TAGS_MISSING: "tags-missing",
        "add {keys} to `tag_specifications` of the launch template (resource_type \"instance\"), or tag the running instance; \
         the agent tries again by itself";
    PRIVATE_KEY: "private-key-among-certificates",
        "remove the key from this file, because everybody can read the trust store; nothing was changed";
    VERSIONS_DIFFER: "version-stated-twice",
        "remove `version` from the settings: the agent asks the installed binary";
    BINARY_UNUSABLE: "binary-unusable",
        "run `{program} version` yourself, and check that the binary is built for this architecture";
}

impl GatherError {
    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Metadata(error) => error.exit_code(),
            Self::NoDocument => ExitCode::Unavailable,
            Self::Instance(_) | Self::TagsMissing { .. } => ExitCode::Data,
            Self::NoTags { source } => source.exit_code(),
            Self::VersionUnasked { source, .. } => source.exit_code(ExitCode::Config),
            Self::VersionKilled { .. } => ExitCode::NotYet,
            Self::Settings(_)
            | Self::PrivateKey { .. }
            | Self::VersionsDiffer { .. }
            | Self::VersionUnknown { .. } => ExitCode::Config,
            Self::File(error) => error.exit_code(),
        }
    }
}

impl Hint for GatherError {
    const TOPICS: &'static [Topic] = TOPICS;

    fn hint(&self) -> Option<Advice> {
        Some(match self {
            Self::Metadata(_) | Self::Instance(_) | Self::Settings(_) | Self::File(_) => {
                return None;
            }
            Self::NoDocument => imds::FOREIGN.plain(),
            // Tags in metadata need no permission, so this goes before the hint about the permission.
            Self::NoTags { .. } => NO_TAGS.plain().conclusive(),
            Self::TagsMissing { missing, .. } => {
                TAGS_MISSING.with(&[("keys", &missing.join(", "))])
            }
            Self::PrivateKey { .. } => PRIVATE_KEY.plain(),
            Self::VersionsDiffer { .. } => VERSIONS_DIFFER.plain(),
            Self::VersionKilled { .. } => command::BUSY.plain(),
            Self::VersionUnknown { program, .. } | Self::VersionUnasked { program, .. } => {
                BINARY_UNUSABLE.with(&[("program", program)])
            }
        })
    }
}
