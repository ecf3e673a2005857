//! Every way in which the facts are not to be had, with the exit code and the way out of each.

use super::instance::InstanceError;
use super::settings::SettingsError;
use crate::exit::ExitCode;
use crate::system::aws::AwsError;
use crate::system::command::CommandError;
use crate::system::imds::ImdsError;
use crate::system::root::FileError;
use std::time::Duration;

/// Why the facts are not known.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// Metadata gave no answer.
    #[error("the instance metadata cannot be read")]
    Metadata(#[from] ImdsError),
    /// Metadata has no identity document.
    #[error("`dynamic/instance-identity/document` answers 404, so this is no EC2 instance")]
    NoDocument,
    /// The identity document is not what EC2 documents.
    #[error("the instance identity cannot be read")]
    Instance(#[from] InstanceError),
    /// Metadata has no tags and EC2 gave none either.
    #[error("metadata has no tags, and EC2 cannot be asked for them")]
    NoTags {
        /// What went wrong at EC2.
        source: AwsError,
    },
    /// Tags that the role needs did not come.
    #[error("the tags {} are missing after {:.0} s; this instance has: {found}", missing.join(", "), waited.as_secs_f64())]
    TagsMissing {
        /// The keys that are missing.
        missing: Vec<&'static str>,
        /// The keys that are there.
        found: String,
        /// How long was waited.
        waited: Duration,
    },
    /// A layer of settings is refused.
    #[error("the settings are refused")]
    Settings(#[from] SettingsError),
    /// A private key lies among the certificates.
    #[error("{path} holds a private key, expected CA certificates only")]
    PrivateKey {
        /// The file or setting.
        path: String,
    },
    /// Settings and binary contradict each other.
    #[error("{program} is {installed}, but the settings state {stated}")]
    VersionsDiffer {
        /// The path of the binary.
        program: &'static str,
        /// The version in the settings.
        stated: semver::Version,
        /// The version of the binary.
        installed: semver::Version,
    },
    /// A binary does not tell its version.
    #[error("`{program} version` does not tell its version; it said: {said:?}")]
    VersionUnknown {
        /// The path of the binary.
        program: &'static str,
        /// The first line it printed.
        said: String,
    },
    /// A binary could not be run to its end.
    #[error("cannot ask {program} for its version")]
    VersionUnasked {
        /// The path of the binary.
        program: &'static str,
        /// Why.
        source: CommandError,
    },
    /// A signal ended a binary before it told its version.
    #[error("a signal killed `{program} version` before it told its version")]
    VersionKilled {
        /// The path of the binary.
        program: &'static str,
    },
    /// A file could not be read.
    #[error("a file cannot be read")]
    File(#[from] FileError),
}

impl GatherError {
    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Metadata(error) => error.exit_code(),
            Self::Instance(_) | Self::TagsMissing { .. } => ExitCode::Data,
            Self::NoDocument => ExitCode::Unavailable,
            Self::NoTags { source } => source.exit_code(),
            Self::VersionUnasked { source, .. } if source.is_transient() => ExitCode::NotYet,
            Self::VersionKilled { .. } => ExitCode::NotYet,
            Self::Settings(_)
            | Self::PrivateKey { .. }
            | Self::VersionsDiffer { .. }
            | Self::VersionUnknown { .. }
            | Self::VersionUnasked { .. } => ExitCode::Config,
            Self::File(error) => error.exit_code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        const BUSY: &str = "the machine is busy or out of memory: look at `dmesg` and `free -m`; the next run tries again";
        const TAGS_ON: &str = "set `metadata_options { instance_metadata_tags = \"enabled\" }` in the launch template \
            (for a running instance: `aws ec2 modify-instance-metadata-options --instance-metadata-tags enabled`)";
        Some(match self {
            Self::Metadata(ImdsError::Disabled { .. }) => {
                "set `metadata_options { http_endpoint = \"enabled\" }` in the launch template (for a running instance: \
                 `aws ec2 modify-instance-metadata-options --http-endpoint enabled`), and look for a firewall on the instance"
                    .to_owned()
            }
            Self::Metadata(ImdsError::NoTokens { .. }) => {
                "the address answers, but is no EC2 metadata service; unset AWS_EC2_METADATA_SERVICE_ENDPOINT, or try \
                 `cos-agent simulate` on a machine that is no instance"
                    .to_owned()
            }
            Self::Metadata(ImdsError::Deadline { last, .. }) if last == "timed out" => {
                "the address takes connections but answers nothing: in a container, raise \
                 `http_put_response_hop_limit` to 2; else look at `ethtool -S` for linklocal_allowance_exceeded"
                    .to_owned()
            }
            Self::Metadata(ImdsError::Deadline { last, .. })
                if last.starts_with("status") || last.starts_with("401") =>
            {
                "the service is there, but throttles or is not ready: the agent is started again by itself; if it lasts, look \
                 for a program on this instance that asks metadata without a pause"
                    .to_owned()
            }
            Self::Metadata(ImdsError::Deadline { .. }) => {
                "is the network up, and is this an EC2 instance? `ip address; ip route get 169.254.169.254`; on a machine \
                 that is no instance try `cos-agent simulate`"
                    .to_owned()
            }
            Self::Instance(error) if error.is_without_ipv4() => {
                "this subnet has no IPv4, and COS needs it: launch the instance in a subnet with an IPv4 range (`aws ec2 \
                 describe-subnets` shows `Ipv6Native` = false and a `CidrBlock` for one)"
                    .to_owned()
            }
            Self::Metadata(_) | Self::NoDocument | Self::Instance(_) => {
                "something else than EC2's metadata service answers at this address; a proxy or a redirect of port 80 is \
                 the usual cause"
                    .to_owned()
            }
            Self::NoTags { .. } => format!(
                "either {TAGS_ON}, or give the instance a role that allows `ec2:DescribeTags` and a way to the EC2 \
                 endpoint (a VPC endpoint in subnets without internet)"
            ),
            Self::TagsMissing { missing, .. } => format!(
                "add {} to `tag_specifications` of the launch template (resource_type \"instance\"), or tag the running \
                 instance; the agent is started again by itself",
                missing.join(", ")
            ),
            Self::Settings(error) => error.hint(),
            Self::PrivateKey { .. } => {
                "take the key out of this file: the trust store is world-readable; nothing was changed".to_owned()
            }
            Self::VersionsDiffer { .. } => {
                "take `version` out of the settings: where the binary is installed, it speaks for itself".to_owned()
            }
            Self::VersionUnasked { source, .. } if source.is_transient() => BUSY.to_owned(),
            Self::VersionKilled { .. } => BUSY.to_owned(),
            Self::VersionUnknown { .. } | Self::VersionUnasked { .. } => "is this the binary for this architecture? run it by hand".to_owned(),
            Self::File(error) if error.source.kind() == std::io::ErrorKind::PermissionDenied => "run it as root".to_owned(),
            Self::File(error) if error.hint().is_some() => return error.hint(),
            Self::File(_) => "put a text file of at most 4 MiB there, or take away what is there".to_owned(),
        })
    }
}
