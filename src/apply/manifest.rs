//! What a run leaves to the next one: the manifest, the last good facts, the versions of binaries.

use super::trust_store::UNFINISHED;
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
/// What the quorum guard found, once more: in the form of a manifest that holds nothing else.
pub static FORMATION: StateFile<Manifest> = StateFile::of(&store::FORMATION);

/// What is stored beside the manifest when a plan has been carried out.
pub struct ToStore<'a> {
    /// The facts, for a reboot on which metadata does not answer.
    pub facts: &'a Facts,
    /// The versions learnt from binaries.
    pub versions: &'a Versions,
}

/// The manifest of the last run; an empty one where there is none, or none that can be used: the disk is compared all the
/// same, but what was written once and is no longer wanted stays, and so does what was still due. Whose the data is stands
/// in the last good facts and in the formation file too, so that a manifest that is lost or broken does not make a server's
/// data nobody's.
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

/// What the quorum guard found on this instance in this role before. The formation file is believed by itself, whatever
/// became of manifest and facts; the manifest has a copy. A file that is broken, where the copy is lost too, may have said
/// that this server can only join: that has to be asked again.
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

/// Drops what the quorum guard found, so that a server is rendered as if nobody had been asked. Under the lock.
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

/// Saves what is decided before it is done.
pub(super) fn save_manifest(system: &System, manifest: &Manifest) -> Result<(), FileError> {
    with_manifest(system, manifest)?.save()
}

/// A manifest, and beside it what the quorum guard found, where there is or was something to keep.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::manifest::SCHEMA;
    use crate::store::Schema;

    #[test]
    fn the_plan_and_the_store_have_one_schema_for_a_manifest() {
        for entry in [store::MANIFEST, store::FORMATION] {
            assert_eq!(entry.schema, Schema::Named(SCHEMA), "{}", entry.path);
        }
    }
}
