//! What a run leaves to the next one: the manifest, the last good facts, the versions of binaries.

use super::trust_store::UNFINISHED;
use crate::facts::Facts;
use crate::facts::binaries::{REMEMBERED, Versions};
use crate::facts::kept::{self, LAST_GOOD};
use crate::node::Node;
use crate::plan::manifest::{self, Manifest};
use crate::state::Formation;
use crate::system::System;
use crate::system::root::{FileError, NewFile, Root};

/// What the quorum guard found, once more: in the form of a manifest that knows nothing else.
const FORMATION: &str = "/var/lib/cos-agent/formation.json";

/// What is remembered when a plan has been carried out.
pub struct Remember<'a> {
    /// The facts, for a reboot on which they are not to be had.
    pub facts: &'a Facts,
    /// The versions learnt from binaries.
    pub versions: &'a Versions,
}

/// The manifest of the last run. Whose the data is stands in the last good facts and in the formation record too, so that
/// a manifest that is lost or broken does not make a server's data nobody's.
pub fn read_manifest(system: &System) -> Result<Manifest, FileError> {
    let mut manifest = Manifest::read(readable(system, manifest::PATH)?.as_deref());
    if manifest.instance.is_none() {
        let facts = readable(system, LAST_GOOD)?.and_then(|bytes| kept::read(&bytes));
        let instance = facts.map(|facts| facts.instance.id);
        manifest.instance = match instance {
            Some(instance) => Some(instance),
            None => read_record(system)?.known().and_then(|found| found.instance),
        };
    }
    Ok(manifest)
}

/// What the quorum guard found on this instance in this role before. The record is believed by itself, whatever became
/// of manifest and facts; the manifest has a copy. A record that is broken, where the copy is lost too, may have said that
/// this server can only join: that has to be asked again.
pub fn read_formation(
    system: &System,
    manifest: &Manifest,
    node: &Node,
) -> Result<Formation, FileError> {
    let is_own = |found: &Manifest| {
        found.instance.as_deref() == Some(&node.instance.id)
            && found.role.as_deref() == Some(node.duty.role().name())
    };
    let copy = is_own(manifest).then(|| manifest.formation.clone());
    Ok(match read_record(system)? {
        Record::Known(found) if is_own(&found) && !found.formation.is_usual() => found.formation,
        Record::Broken if copy.is_none() && node.duty.quorum().is_some() => {
            let why = format!("{FORMATION}, the record of the answer, does not parse");
            Formation { join_only: true, unanswered: Some(why) }
        }
        Record::Known(_) | Record::Absent | Record::Broken => copy.unwrap_or_default(),
    })
}

/// The formation record as it lies on the disk.
enum Record {
    Absent,
    Broken,
    Known(Box<Manifest>),
}

impl Record {
    fn known(self) -> Option<Manifest> {
        if let Self::Known(found) = self { Some(*found) } else { None }
    }
}

fn read_record(system: &System) -> Result<Record, FileError> {
    let Some(bytes) = readable(system, FORMATION)? else { return Ok(Record::Absent) };
    Ok(match serde_json::from_slice::<Manifest>(&bytes) {
        Ok(found) if found.schema == manifest::SCHEMA => Record::Known(Box::new(found)),
        _ => Record::Broken,
    })
}

/// Forgets what the quorum guard found, so that a server is rendered as if nobody had been asked. Under the lock.
pub fn forget_formation(system: &System) -> Result<(), FileError> {
    let mut manifest = read_manifest(system)?;
    let is_usual = match read_record(system)? {
        Record::Absent => true,
        Record::Known(found) => found.formation.is_usual(),
        Record::Broken => false,
    };
    if manifest.formation.is_usual() && is_usual {
        return Ok(());
    }
    manifest.formation = Formation::default();
    write_manifest(system, &manifest)
}

/// Readers without rights see no record; they change nothing either.
fn readable(system: &System, path: &str) -> Result<Option<Vec<u8>>, FileError> {
    match system.root.read(path) {
        Err(error) if error.source.kind() == std::io::ErrorKind::PermissionDenied => Ok(None),
        other => other,
    }
}

/// Writes what the next run needs to know, where it is not written already.
pub(super) fn finish(
    system: &System,
    after: &Manifest,
    remember: &Remember<'_>,
) -> Result<(), FileError> {
    let mut files = manifest_files(system, after)?;
    files.push((LAST_GOOD, json(remember.facts)));
    if !remember.versions.binaries.is_empty() {
        files.push((REMEMBERED, json(remember.versions)));
    }
    write_state(system, &files)
}

/// Removes the half-written files of a run that was killed: they are not written again where nothing changes.
pub(super) fn sweep(root: &Root) -> Result<(), FileError> {
    for path in [manifest::PATH, FORMATION, LAST_GOOD, REMEMBERED, UNFINISHED] {
        if root.has_leftover(path)? {
            root.sweep(path)?;
        }
    }
    Ok(())
}

/// Writes what is decided before it is done.
pub(super) fn write_manifest(system: &System, manifest: &Manifest) -> Result<(), FileError> {
    write_state(system, &manifest_files(system, manifest)?)
}

/// A manifest as it is written, and beside it what the quorum guard found, where there is or was something to keep.
fn manifest_files(
    system: &System,
    manifest: &Manifest,
) -> Result<Vec<(&'static str, String)>, FileError> {
    let mut files = vec![(manifest::PATH, manifest.to_json())];
    if !manifest.formation.is_usual() || system.root.stat(FORMATION)?.is_some() {
        let found = Manifest {
            schema: manifest::SCHEMA.to_owned(),
            instance: manifest.instance.clone(),
            role: manifest.role.clone(),
            formation: manifest.formation.clone(),
            ..Manifest::default()
        };
        files.push((FORMATION, found.to_json()));
    }
    Ok(files)
}

fn json(value: &impl serde::Serialize) -> String {
    format!("{:#}\n", serde_json::to_value(value).unwrap_or_default())
}

/// State files are for root alone, but for the versions, which tell nothing that is secret.
fn write_state(system: &System, files: &[(&str, String)]) -> Result<(), FileError> {
    let mut changed = Vec::new();
    for (path, text) in files {
        if system.root.read(path)?.as_deref() != Some(text.as_bytes()) {
            let mode = if *path == REMEMBERED { 0o644 } else { 0o600 };
            changed.push(NewFile { path, bytes: text.as_bytes(), mode, owner: None });
        }
    }
    system.root.write_all(&changed)
}
