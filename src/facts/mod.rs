//! READ: what this machine is. In: metadata, tags, user data, settings files, the host. Out: [`Facts`].
//!
//! Everything that does not depend on an answer is asked at once: the token, then identity document, list of tags
//! and user data together, then all tags together. Nothing is decided here.

pub mod binaries;
pub mod certificates;
pub mod host;
pub mod instance;
pub mod region;
pub mod settings;
pub mod tags;
pub mod user_data;

use crate::error::ExitCode;
use crate::system::System;
use crate::system::aws::AwsError;
use crate::system::command::CommandError;
use crate::system::imds::{Imds, ImdsError};
use crate::system::network;
use crate::system::retry::Deadline;
use crate::system::root::FileError;
use binaries::{Installed, Versions};
use certificates::Authority;
use host::Host;
use instance::{Instance, InstanceError};
use serde::{Deserialize, Serialize};
use settings::{Layer, Settings, SettingsError, Source};
use std::collections::BTreeMap;
use std::time::Duration;
use tags::{TagContract, TagSource, Tags};
use user_data::UserData;

/// The version of the JSON form of [`Facts`].
pub const SCHEMA: &str = "cos-agent/facts/1";
/// The facts of the last successful `apply`, for a reboot without metadata.
pub const LAST_GOOD: &str = "/var/lib/cos-agent/facts.json";
/// A file that freezes the agent during an incident.
pub const FREEZE: &str = "/etc/cos-agent/disabled";

/// What this machine is, whole enough to render the same bytes anywhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The version of this form.
    pub schema: String,
    /// What EC2 says.
    pub instance: Instance,
    /// The tags.
    pub tags: Tags,
    /// What the host offers.
    pub host: Host,
    /// The versions of Consul and Nomad.
    pub installed: Installed,
    /// The certificate authorities of the site.
    pub authorities: Vec<Authority>,
    /// The merged settings.
    pub settings: Settings,
    /// Where each setting that is no default was set.
    pub sources: BTreeMap<String, Source>,
    /// What the user data was.
    pub user_data: String,
}

/// What was gathered: the facts, and what `apply` remembers beside them.
#[derive(Debug, Clone)]
pub struct Gathered {
    /// The facts.
    pub facts: Facts,
    /// The versions learnt, for the next run.
    pub versions: Versions,
}

/// What the pure side tells the gathering: which tags matter, and which programs the role will run.
pub struct Contract<'a> {
    /// The tags.
    pub tags: TagContract<'a>,
    /// The programs, as paths.
    pub programs: &'a dyn Fn(&Tags) -> Vec<&'static str>,
}

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
        /// The instance.
        instance: String,
        /// What went wrong at EC2.
        source: AwsError,
    },
    /// Tags that the role needs did not come.
    #[error("the tags {} are missing after {:.0} s; this instance has: {found}", missing.join(", "), waited.as_secs_f64())]
    TagsMissing {
        /// The instance.
        instance: String,
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
        /// Why it could not be run, if so.
        source: Option<CommandError>,
        /// The first line it printed.
        said: String,
    },
    /// A file could not be read.
    #[error("a file cannot be read")]
    File(#[from] FileError),
}

/// Gathers all facts before the deadline.
pub async fn gather(
    system: &System,
    deadline: Deadline,
    contract: &Contract<'_>,
) -> Result<Gathered, GatherError> {
    let imds = Imds::new(&system.environment, deadline)?;
    let (instance, list, user_data) = futures_util::future::try_join3(
        identity(&imds),
        async { Ok(tags::list_keys(&imds).await?) },
        async { Ok(imds.bytes("user-data", user_data::CAP).await?.unwrap_or_default()) },
    )
    .await?;
    let (layers, user_data) = layers(system, &user_data)?;
    let merged = settings::merge(&layers)?;
    let tags = tags::read(system, &imds, list, &instance, &contract.tags).await?;
    let (installed, versions) =
        binaries::find(system, &merged.settings, &(contract.programs)(&tags)).await?;
    let facts = Facts {
        schema: SCHEMA.to_owned(),
        host: host::look(&system.root)?,
        authorities: certificates::gather(&system.root, &merged.settings.ca.certificates)?,
        instance,
        tags,
        installed,
        settings: merged.settings,
        sources: merged.sources,
        user_data,
    };
    Ok(Gathered { facts, versions })
}

/// The instance and its tags alone: all that finding peers needs.
pub async fn identify(
    system: &System,
    imds: &Imds,
    contract: &TagContract<'_>,
) -> Result<(Instance, Tags), GatherError> {
    let (instance, list) =
        futures_util::future::try_join(identity(imds), async { Ok(tags::list_keys(imds).await?) })
            .await?;
    let tags = tags::read(system, imds, list, &instance, contract).await?;
    Ok((instance, tags))
}

async fn identity(imds: &Imds) -> Result<Instance, GatherError> {
    let document =
        imds.text("dynamic/instance-identity/document").await?.ok_or(GatherError::NoDocument)?;
    Ok(Instance::from_document(&document)?)
}

/// The facts of the last successful `apply`, where they may stand in for ones that are not to be had.
///
/// Only for the same instance: by its id, if metadata gave that much, else by the id that Nitro puts into the
/// firmware tables, else by the address that only this instance has.
pub fn last_good(system: &System, error: &GatherError) -> Option<Facts> {
    if !error.is_absence() {
        return None;
    }
    let bytes = system.root.read(LAST_GOOD).ok()??;
    let facts: Facts =
        serde_json::from_slice(&bytes).ok().filter(|facts: &Facts| facts.schema == SCHEMA)?;
    let asset_tag = system.root.read("/sys/devices/virtual/dmi/id/board_asset_tag").ok().flatten();
    let asset_tag = asset_tag
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map(|text| text.trim().to_owned());
    let known =
        error.instance().map(str::to_owned).or(asset_tag.filter(|tag| instance::is_id(tag, "i-")));
    let same = match known {
        Some(id) => id == facts.instance.id,
        None => network::carries(facts.instance.private_ip),
    };
    same.then_some(facts)
}

/// The files of settings, lowest first.
pub fn settings_files(system: &System) -> Result<Vec<Layer>, GatherError> {
    let mut paths = Vec::new();
    let in_folder = |folder: &str| -> Result<Vec<String>, FileError> {
        let names = system.root.list(folder)?;
        let named = names.iter().filter(|name| name.ends_with(".toml") && !name.starts_with('.'));
        Ok(named.map(|name| format!("{folder}/{name}")).collect())
    };
    paths.extend(in_folder("/usr/lib/cos-agent/config.d")?);
    paths.push("/etc/cos-agent/config.toml".to_owned());
    paths.extend(in_folder("/etc/cos-agent/config.d")?);
    let mut layers = Vec::new();
    for name in paths {
        if let Some(bytes) = system.root.read(&name)? {
            let text = String::from_utf8(bytes).map_err(|error| SettingsError::Encoding {
                name: name.clone(),
                offset: error.utf8_error().valid_up_to(),
            })?;
            layers.push(Layer { name, text });
        }
    }
    Ok(layers)
}

fn layers(system: &System, user_data: &[u8]) -> Result<(Vec<Layer>, String), GatherError> {
    let mut layers = settings_files(system)?;
    let described = match user_data::decode(user_data)? {
        UserData::Settings(text) => {
            layers.push(Layer { name: "user data".to_owned(), text });
            "settings".to_owned()
        }
        UserData::NotOurs(kind) => {
            if kind != "empty" {
                tracing::info!("the user data is {kind}, not ours, and is ignored");
            }
            format!("ignored: {kind}")
        }
    };
    Ok((layers, described))
}

impl GatherError {
    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Metadata(ImdsError::Body { .. })
            | Self::Instance(_)
            | Self::TagsMissing { .. } => ExitCode::Data,
            Self::Metadata(_) | Self::NoDocument => ExitCode::Unavailable,
            Self::NoTags { source: AwsError::Denied { .. }, .. } => ExitCode::Denied,
            Self::NoTags {
                source: AwsError::NoCredentials(_) | AwsError::BadCredentials { .. },
                ..
            } => ExitCode::Data,
            Self::NoTags { .. } => ExitCode::Unavailable,
            Self::Settings(_)
            | Self::PrivateKey { .. }
            | Self::VersionsDiffer { .. }
            | Self::VersionUnknown { .. } => ExitCode::Config,
            Self::File(error) => ExitCode::of_file(error),
        }
    }

    /// Whether the facts of the last boot may stand in: nothing speaks against them, they are only not to be had.
    fn is_absence(&self) -> bool {
        matches!(self, Self::Metadata(_) | Self::NoTags { .. } | Self::TagsMissing { .. })
    }

    /// The instance, if it became known before the failure.
    fn instance(&self) -> Option<&str> {
        match self {
            Self::NoTags { instance, .. } | Self::TagsMissing { instance, .. } => Some(instance),
            _ => None,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
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
            Self::VersionUnknown { .. } => "is this the binary for this architecture? run it by hand".to_owned(),
            Self::File(error) if error.source.kind() == std::io::ErrorKind::PermissionDenied => "run it as root".to_owned(),
            Self::File(_) => "put a text file of at most 4 MiB there, or take away what is there".to_owned(),
        })
    }
}

impl Tags {
    /// An empty set, for readers that bring their own.
    pub fn from_values(values: BTreeMap<String, String>) -> Self {
        Self { source: TagSource::Metadata, values, others: Vec::new() }
    }
}
