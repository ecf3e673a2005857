//! READ: what this machine is. In: metadata, tags, user data, settings files, the host. Out: [`Facts`].
//!
//! Everything that does not depend on an answer is asked at once: the token, then identity document, list of tags
//! and user data together, then all tags together. Nothing is decided here.

pub mod authority;
pub mod binaries;
pub mod certificates;
mod error;
mod glimpse;
pub mod host;
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

/// Whether somebody froze the agent during an incident. What an error means is for the caller to say.
pub fn is_frozen(root: &Root) -> Result<bool, FileError> {
    Ok(root.stat(FREEZE)?.is_some())
}

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
    /// What people have to know of what was found here and is not used, or does harm; a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Facts {
    /// Reads facts that were saved. In two steps, as settings are: one reader of their types less in the binary.
    pub fn from_json(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_value(serde_json::from_slice(bytes)?)
    }
}

/// What was gathered: the facts, and what `apply` stores beside them.
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
    // Where another resolver is in use, nobody reads what resolved is told.
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

/// The instance alone. A document that is not there or is no identity is one that something else answered with: it is
/// asked for again until the deadline; one of an instance without IPv4 is not.
pub async fn identity(imds: &Imds) -> Result<Instance, GatherError> {
    let mut retry = Retry::new(Duration::from_millis(250), Duration::from_secs(5), imds.deadline());
    loop {
        let document = imds.text("dynamic/instance-identity/document").await?;
        let problem = match document.as_deref().map(Instance::from_document) {
            Some(Ok(instance)) => return Ok(instance),
            // A whole document without an address is EC2's own word.
            Some(Err(error)) if error.is_without_ipv4() => return Err(error.into()),
            Some(Err(error)) => GatherError::from(error),
            None => GatherError::NoDocument,
        };
        tracing::debug!("{problem}; retrying");
        retry.pause().await.ok_or(problem)?;
    }
}

/// The files of settings, lowest first.
pub fn settings_files(system: &System) -> Result<Vec<Layer>, GatherError> {
    let mut paths = Vec::new();
    let in_directory = |directory: &str| -> Result<Vec<PathBuf>, FileError> {
        let mut names = system.root.list(directory)?;
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
        if let Some(bytes) = system.root.read(&path)? {
            let name = crate::text::shown(path.as_os_str());
            layers.push(Layer::of_bytes(name, &bytes)?);
        }
    }
    Ok(layers)
}

fn layers(system: &System, user_data: &[u8]) -> Result<(Vec<Layer>, String), GatherError> {
    let mut layers = settings_files(system)?;
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
