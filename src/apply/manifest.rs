//! What a run saves for the next one: the manifest, the answer of the quorum guard, the last good facts, the versions of
//! binaries.

use super::tools::UNFINISHED;
use crate::facts::Facts;
use crate::facts::binaries::{VERSIONS, Versions};
use crate::facts::last_good::LAST_GOOD;
use crate::node::Node;
use crate::plan::manifest::Manifest;
use crate::state::Formation;
use crate::store::{self, Batch, StateFile, Stored};
use crate::system::System;
use crate::system::root::{FileError, Root};

/// The record of the last `apply`.
pub static MANIFEST: StateFile<Manifest> = StateFile::of(&store::MANIFEST);
/// A second copy of what the quorum guard found, as a manifest that holds nothing else.
pub static FORMATION: StateFile<Manifest> = StateFile::of(&store::FORMATION);

/// What is saved with the manifest once a plan has been carried out.
pub struct ToStore<'a> {
    /// The facts, for a reboot during which metadata does not answer.
    pub facts: &'a Facts,
    /// The versions that the binaries reported.
    pub versions: &'a Versions,
}

/// The manifest of the last run; an empty one if the file is missing or unusable. Without a manifest the disk is still
/// compared, but files that are no longer wanted stay, and pending actions are not carried out. The instance that owns the
/// data is also in the last good facts and in the formation file, so a lost or broken manifest does not leave a server's
/// data without an owner.
pub fn load_manifest(system: &System) -> Result<Manifest, FileError> {
    let root = &system.root;
    let mut manifest = match MANIFEST.load(root)? {
        Stored::Known(manifest) => manifest.with_notify(),
        Stored::Absent => Manifest::default(),
        Stored::Unusable(why) => {
            tracing::warn!("{} {why}; `apply` replaces it", MANIFEST.path());
            Manifest::default()
        }
    };
    if manifest.instance.is_none() {
        manifest.instance = match LAST_GOOD.load(root)? {
            Stored::Known(facts) => Some(facts.instance.id),
            Stored::Absent | Stored::Unusable(_) => match FORMATION.load(root)? {
                Stored::Known(found) => found.instance,
                Stored::Absent | Stored::Unusable(_) => None,
            },
        };
    }
    Ok(manifest)
}

/// What the quorum guard found for this instance in this role. The formation file counts even if manifest and facts are
/// lost; the manifest has a copy. If the file is broken and the copy is lost too, the answer may have been that this server
/// can only join, so the guard has to ask again.
pub fn load_formation(
    system: &System,
    manifest: &Manifest,
    node: &Node,
) -> Result<Formation, FileError> {
    let is_own = |found: &Manifest| {
        found.instance.as_deref() == Some(&node.instance.id)
            && found.role.as_deref() == Some(node.duty.role().name())
    };
    let copy = is_own(manifest).then(|| manifest.formation.clone());
    Ok(match FORMATION.load(&system.root)? {
        Stored::Known(found) if is_own(&found) && !found.formation.is_usual() => found.formation,
        Stored::Unusable(why) if copy.is_none() && node.duty.quorum().is_some() => {
            let why = format!("{}, which held the answer, {why}", FORMATION.path());
            Formation { join_only: true, unanswered: Some(why) }
        }
        Stored::Known(_) | Stored::Absent | Stored::Unusable(_) => copy.unwrap_or_default(),
    })
}

/// Removes what the quorum guard found, so that a server is rendered as if the guard had not asked. The caller holds the
/// lock.
pub fn reset_formation(system: &System) -> Result<(), FileError> {
    let mut manifest = load_manifest(system)?;
    let is_usual = match FORMATION.load(&system.root)? {
        Stored::Absent => true,
        Stored::Known(found) => found.formation.is_usual(),
        Stored::Unusable(_) => false,
    };
    if manifest.formation.is_usual() && is_usual {
        return Ok(());
    }
    manifest.formation = Formation::default();
    save_manifest(system, &manifest)
}

/// Saves what the next run needs to know.
pub(super) fn save(
    system: &System,
    after: &Manifest,
    to_store: &ToStore<'_>,
) -> Result<(), FileError> {
    let mut batch = with_manifest(system, after)?;
    batch.add(&LAST_GOOD, to_store.facts)?;
    if !to_store.versions.binaries.is_empty() {
        batch.add(&VERSIONS, to_store.versions)?;
    }
    batch.save()
}

/// Saves what was decided, before it is done.
pub(super) fn save_manifest(system: &System, manifest: &Manifest) -> Result<(), FileError> {
    with_manifest(system, manifest)?.save()
}

/// The manifest, and the formation file if it has, or had, something to keep.
fn with_manifest<'a>(system: &'a System, manifest: &Manifest) -> Result<Batch<'a>, FileError> {
    let mut batch = Batch::new(&system.root);
    batch.add(&MANIFEST, manifest)?;
    if !manifest.formation.is_usual() || system.root.stat(FORMATION.path())?.is_some() {
        let found = Manifest {
            instance: manifest.instance.clone(),
            role: manifest.role.clone(),
            formation: manifest.formation.clone(),
            ..Manifest::default()
        };
        batch.add(&FORMATION, &found)?;
    }
    Ok(batch)
}

/// Removes the half-written files of a run that was killed.
pub(super) fn sweep(root: &Root) -> Result<(), FileError> {
    store::sweep(root)?;
    if root.has_leftover(UNFINISHED)? { root.sweep(UNFINISHED) } else { Ok(()) }
}
