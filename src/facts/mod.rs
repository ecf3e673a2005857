//! READ: what this machine is. In: metadata, tags, user data, settings files, the host. Out: [`Facts`].
//!
//! It takes three round trips to metadata: first the token, then identity document, list of tags and user data together,
//! then all tags together. Nothing is decided here.

pub mod authority;
pub mod binaries;
pub mod certificates;
mod error;
mod glimpse;
pub mod host;
pub mod image;
pub mod instance;
pub mod last_good;
pub mod pem;
pub mod resolved;
pub mod settings;
pub mod tags;
pub mod user_data;

use crate::store;
use crate::system::System;
use crate::system::imds::Imds;
use crate::system::retry::Retry;
use crate::system::root::{FileError, Root};
use binaries::{Installed, Versions};
use certificates::Authority;
pub use error::GatherError;
pub use glimpse::{Glimpse, glimpse};
use host::{Host, Resolver};
use instance::Instance;
use serde::{Deserialize, Serialize};
use settings::{ForwarderChoice, Layer, Settings, Source};
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tags::{TagContract, Tags};
use user_data::UserData;

/// The version of the JSON form of [`Facts`].
pub const SCHEMA: &str = store::FACTS_SCHEMA;
/// A file that freezes the agent during an incident.
pub const FREEZE: &str = "/etc/cos-agent/disabled";

/// Whether the agent is frozen. The caller decides what an error means.
pub fn is_frozen(root: &Root) -> Result<bool, FileError> {
    Ok(root.stat(FREEZE)?.is_some())
}

/// What this machine is. They are complete: another machine renders the same bytes from them.
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
    /// Where each setting that is not a default was set.
    pub sources: BTreeMap<String, Source>,
    /// What the user data was.
    pub user_data: String,
    /// Notes for people, a sentence each: what was found on this machine and is not used, or does harm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Facts {
    /// Reads saved facts. It goes through a `Value`, as settings do, so that the binary has one reader of these types.
    pub fn from_json(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_value(serde_json::from_slice(bytes)?)
    }
}

/// The facts, and what `apply` stores with them.
#[derive(Debug, Clone)]
pub struct Gathered {
    /// The facts.
    pub facts: Facts,
    /// The versions learnt, for the next run.
    pub versions: Versions,
}

/// What the rooms above decide for the gathering: which tags matter, and which programs the role runs.
pub struct Contract<'a> {
    /// The tags.
    pub tags: TagContract<'a>,
    /// The programs, as paths.
    pub programs: &'a dyn Fn(&Tags) -> Vec<&'static str>,
}

/// Gathers all facts before the deadline of the metadata client.
pub async fn gather(
    system: &System,
    imds: &Imds,
    contract: &Contract<'_>,
) -> Result<Gathered, GatherError> {
    let (instance, list, user_data) = futures_util::future::try_join3(
        identity(imds),
        async { Ok(tags::list_keys(imds).await?) },
        async { Ok(imds.user_data(user_data::CAP).await?.unwrap_or_default()) },
    )
    .await?;
    let (layers, user_data) = layers(system, &user_data)?;
    let merged = settings::merge(&layers)?;
    let tags = tags::read(system, imds, list, &instance, &contract.tags).await?;
    let (installed, versions) =
        binaries::find(system, &merged.settings, &(contract.programs)(&tags)).await?;
    let host = host::look(&system.root)?;
    let certificates = certificates::gather(&system.root, &merged.settings.ca.certificates)?;
    let mut notes = certificates.notes;
    // If systemd-resolved is not in use, its configuration has no effect.
    if host.resolver == Resolver::Resolved
        || merged.settings.dns.forwarder == ForwarderChoice::Resolved
    {
        notes.extend(resolved::note(&system.root));
    }
    let facts = Facts {
        schema: SCHEMA.to_owned(),
        host,
        authorities: certificates.authorities,
        instance,
        tags,
        installed,
        settings: merged.settings,
        sources: merged.sources,
        user_data,
        notes,
    };
    Ok(Gathered { facts, versions })
}

/// The instance and its tags alone, which is all that `peers` needs.
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

/// The instance alone. If the document is missing or is not an identity document, something else than EC2 answered, so it is
/// asked again until the deadline. The document of an instance without IPv4 is an error at once.
pub async fn identity(imds: &Imds) -> Result<Instance, GatherError> {
    let mut retry = Retry::new(Duration::from_millis(250), Duration::from_secs(5), imds.deadline());
    loop {
        let document = imds.text("dynamic/instance-identity/document").await?;
        let problem = match document.as_deref().map(Instance::from_document) {
            Some(Ok(instance)) => return Ok(instance),
            // Complete except for the address, so EC2 itself answered.
            Some(Err(error)) if error.is_without_ipv4() => return Err(error.into()),
            Some(Err(error)) => GatherError::from(error),
            None => GatherError::NoDocument,
        };
        tracing::debug!("{problem}; retrying");
        retry.pause().await.ok_or(problem)?;
    }
}

/// The files of settings. Later files win.
pub fn settings_files(root: &Root) -> Result<Vec<Layer>, GatherError> {
    let mut paths = Vec::new();
    let in_directory = |directory: &str| -> Result<Vec<PathBuf>, FileError> {
        let mut names = root.list(directory)?;
        names.retain(|name| {
            let name = name.as_bytes();
            name.ends_with(b".toml") && !name.starts_with(b".")
        });
        Ok(names.iter().map(|name| Path::new(directory).join(name)).collect())
    };
    paths.extend(in_directory("/usr/lib/cos-agent/config.d")?);
    paths.push(PathBuf::from("/etc/cos-agent/config.toml"));
    paths.extend(in_directory("/etc/cos-agent/config.d")?);
    let mut layers = Vec::new();
    for path in paths {
        if let Some(bytes) = root.read(&path)? {
            let name = crate::text::shown(path.as_os_str());
            layers.push(Layer::of_bytes(name, &bytes)?);
        }
    }
    Ok(layers)
}

fn layers(system: &System, user_data: &[u8]) -> Result<(Vec<Layer>, String), GatherError> {
    let mut layers = settings_files(&system.root)?;
    let described = match user_data::decode(user_data)? {
        UserData::Settings(layer) => {
            layers.push(layer);
            "settings".to_owned()
        }
        UserData::NotOurs(kind) => {
            if kind != "empty" {
                tracing::info!("ignoring the user data: {kind}, not settings of cos-agent");
            }
            format!("ignored: {kind}")
        }
    };
    Ok((layers, described))
}
