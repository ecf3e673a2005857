//! The installed versions of Consul and Nomad. They come from the image manifest, from the last `apply`, from the binary
//! itself, or from the settings. They are never guessed.

use super::GatherError;
use super::settings::{Release, Settings};
use crate::state::Daemon;
use crate::store::{self, Entry, Schema, StateFile, Stored};
use crate::system::System;
use crate::system::daemon::program;
use crate::system::root::{FileError, Root};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// Written by `install` when the image is built.
pub const IMAGE_MANIFEST: &str = "/usr/share/cos/ami-manifest.json";
/// Saved by `apply`, so that a binary is not asked at every boot: starting a 100 MB binary from a cold EBS volume took 13 s
/// (awslabs/amazon-eks-ami 1751).
pub static VERSIONS: StateFile<Versions> = StateFile::of(&store::VERSIONS);

/// The image manifest as a state file. This program only reads it.
static IMAGE: StateFile<Versions> = StateFile::of(&Entry {
    path: IMAGE_MANIFEST,
    schema: Schema::Unnamed,
    mode: 0o644,
    writers: &[],
    what: "the versions of the programs in the image",
});

/// A binary as it was when its version was learnt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its version.
    pub version: Release,
    /// Its size in bytes.
    pub size: u64,
    /// Its modification time, in nanoseconds since the epoch.
    pub mtime_nanos: i64,
}

/// The form of the image manifest and of the stored versions. Unknown keys are ignored: the manifest has other readers too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// Path → the binary there.
    #[serde(deserialize_with = "releases")]
    pub binaries: BTreeMap<String, Seen>,
}

/// The binaries with a version as Consul and Nomad have it. The image manifest lists other programs too.
fn releases<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Seen>, D::Error> {
    let all = BTreeMap::<String, serde_json::Value>::deserialize(deserializer)?;
    let seen = |(path, value)| Some((path, serde_json::from_value(value).ok()?));
    Ok(all.into_iter().filter_map(seen).collect())
}

/// The versions that this node runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Installed {
    /// Consul; `None` if the version is unknown.
    pub consul: Option<Release>,
    /// Nomad; `None` if the version is unknown.
    pub nomad: Option<Release>,
}

/// Finds the versions of the programs that the role needs. Also returns what `apply` should store.
pub async fn find(
    system: &System,
    settings: &Settings,
    needed: &[&str],
) -> Result<(Installed, Versions), GatherError> {
    let known = [stated(&system.root, &IMAGE)?, stated(&system.root, &VERSIONS)?];
    let mut learnt = Versions::default();
    let mut installed = Installed::default();
    for (path, stated, slot) in [
        (Daemon::Consul.program(), &settings.consul.version, &mut installed.consul),
        (Daemon::Nomad.program(), &settings.nomad.version, &mut installed.nomad),
    ] {
        slot.clone_from(stated);
        if !needed.contains(&path) {
            continue;
        }
        let Some(stat) = system.root.stat_target(path)? else { continue };
        let (size, mtime_nanos) = (stat.size, i64::try_from(stat.mtime_nanos).unwrap_or(i64::MAX));
        let matching = |versions: &Versions| {
            let seen = versions.binaries.get(path)?;
            ((seen.size, seen.mtime_nanos) == (size, mtime_nanos)).then(|| seen.version.clone())
        };
        let version = match known.iter().find_map(matching) {
            Some(version) => version,
            None => ask(system, path).await?,
        };
        if let Some(stated) = stated.as_ref().filter(|stated| **stated != version) {
            return Err(GatherError::VersionsDiffer {
                program: path,
                stated: stated.0.clone(),
                installed: version.0.clone(),
            });
        }
        learnt
            .binaries
            .insert(path.to_owned(), Seen { version: version.clone(), size, mtime_nanos });
        *slot = Some(version);
    }
    Ok((installed, learnt))
}

async fn ask(system: &System, path: &'static str) -> Result<Release, GatherError> {
    let asked = program::version(&system.root, path, &system.environment.path).await;
    let output = asked.map_err(|source| GatherError::VersionUnasked { program: path, source })?;
    if output.was_killed() {
        return Err(GatherError::VersionKilled { program: path });
    }
    let line = output.stdout.lines().next().unwrap_or_default().trim().to_owned();
    // `Consul v1.8.7`, `Nomad v1.10.5`.
    let version =
        line.split_whitespace().nth(1).and_then(|word| Release::try_from(word.to_owned()).ok());
    version.ok_or(GatherError::VersionUnknown { program: path, said: line })
}

/// The versions in a file; empty if it is missing or unusable, because then the binary is asked.
fn stated(root: &Root, file: &StateFile<Versions>) -> Result<Versions, FileError> {
    Ok(match file.load(root)? {
        Stored::Known(versions) => versions,
        Stored::Absent | Stored::Unusable(_) => Versions::default(),
    })
}
