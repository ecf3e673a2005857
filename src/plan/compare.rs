//! One path at a time: what shall be against what is.

use super::manifest::Written;
use super::operator_file::{self, object};
use super::{Change, Inputs, PlanError, Why, Write, keys, sha256};
use crate::state::{Contents, File, Folder, Kind, Owner, Place, UNITS};
use crate::state::{Observed, Seen};
use serde_json::Value;

/// What comes of a file.
pub(super) struct Compared {
    /// What has to be written.
    pub(super) write: Option<Write>,
    /// What is on record when it is there.
    pub(super) written: Written,
    /// What people have to know of it.
    pub(super) notes: Vec<String>,
}

pub(super) fn file_change(file: &File, inputs: &Inputs<'_>) -> Result<Compared, PlanError> {
    let seen = regular(&file.path, inputs.observed)?;
    let before = inputs.manifest.files.get(&file.path);
    let created = before.map_or(seen.is_none(), |before| before.created);
    let (bytes, keys, merged) = match &file.contents {
        Contents::Text(text) => (text.clone().into_bytes(), None, None),
        Contents::Keys(ours) => {
            let merged = operator_file::merged(&file.path, seen, before, ours)?;
            (merged.bytes.clone(), Some(ours.clone()), Some(merged))
        }
    };
    let replaced = merged.as_ref().and_then(|merged| merged.replaced.clone());
    let written = Written { sha256: sha256(&bytes), keys, replaced, created, ..Written::default() };
    let whole = matches!(file.contents, Contents::Text(_));
    let owner = (!matches!(file.contents, Contents::Keys(_))).then_some(file.owner);
    let ids = ids(&file.path, file.owner, inputs)?;
    let write = |why| Write {
        path: file.path.clone(),
        bytes: bytes.clone(),
        mode: seen.filter(|_| !whole).map_or(file.mode, |seen| seen.stat.mode),
        owner,
        ids: seen.filter(|_| !whole).map_or(ids, |seen| Some((seen.stat.uid, seen.stat.gid))),
        before: seen.map(|seen| seen.bytes.clone()),
        foreign: seen.is_some_and(|seen| !is_ours(&file.path, &seen.bytes, inputs)),
        keys: merged.as_ref().map(|merged| merged.shown.clone()),
        besides: merged.as_ref().map(|merged| merged.besides.clone()).unwrap_or_default(),
        why,
    };
    let notes = merged.as_ref().map(|merged| merged.notes.clone()).unwrap_or_default();
    let compared = |write, written| Ok(Compared { write, written, notes });
    let Some(seen) = seen else { return compared(Some(write(Why::New)), written) };
    let why = if seen.bytes != bytes {
        let ours = is_ours(&file.path, &seen.bytes, inputs);
        if ours || before.is_none() || !whole { Why::Changed } else { Why::EditedByHand }
    } else if whole
        && (seen.stat.mode != file.mode
            || ids.is_some_and(|ids| ids != (seen.stat.uid, seen.stat.gid)))
    {
        Why::Attributes
    } else {
        return compared(None, written);
    };
    compared(Some(write(why)), written)
}

/// Whether this is what an earlier run wrote.
fn is_ours(path: &str, bytes: &[u8], inputs: &Inputs<'_>) -> bool {
    inputs.manifest.files.get(path).is_some_and(|before| {
        let found = sha256(bytes);
        before.sha256 == found || before.replaces.as_ref() == Some(&found)
    })
}

/// Whether a link is in the place of a unit, which is the operator's word: to `/dev/null`, which masks it, or to another file
/// (systemctl(1), `mask` and `link`).
pub(super) fn is_masked(path: &str, observed: &Observed) -> bool {
    let kind = observed.files.get(path).map(|seen| seen.stat.kind);
    is_unit(path) && kind == Some(Kind::Other)
}

fn is_unit(path: &str) -> bool {
    path.strip_prefix(UNITS)
        .and_then(|rest| rest.strip_prefix('/'))
        .is_some_and(|name| !name.contains('/'))
}

/// A copy of a unit that somebody else wrote where one of ours goes. systemd does not load a file of this name.
pub(super) fn kept_copy(write: &Write, inputs: &Inputs<'_>) -> Option<Change> {
    let before = write.before.as_ref().filter(|before| **before != write.bytes)?;
    if !is_unit(&write.path) || is_ours(&write.path, before, inputs) {
        return None;
    }
    // What was there before us is kept as it was, and beside it the last edit of what we wrote.
    let suffix =
        if inputs.manifest.files.contains_key(&write.path) { "edited" } else { "before-cos-agent" };
    let seen = inputs.observed.files.get(&write.path)?;
    Some(Change::Write(Write {
        path: format!("{}.{suffix}", write.path),
        bytes: before.clone(),
        mode: seen.stat.mode,
        // Nothing of it is shown: an operator's unit may hold credentials.
        before: Some(before.clone()),
        foreign: true,
        why: Why::New,
        ..write.clone()
    }))
}

pub(super) fn folder_change(
    folder: &Folder,
    inputs: &Inputs<'_>,
    changes: &[Change],
) -> Result<Option<Change>, PlanError> {
    // Moved under another name; on a volume of its own the directory stays.
    let moved = changes.iter().any(|change| {
        matches!(change, Change::MoveAside { daemon, place: Place::Plain, .. } if daemon.data() == folder.path)
    });
    let ids = ids(folder.path, folder.owner, inputs)?;
    let as_it_shall_be = inputs.observed.files.get(folder.path).is_some_and(|seen| {
        // Mode and owner are the daemon's to keep where we cannot set them.
        seen.stat.kind == Kind::Folder
            && ids.is_none_or(|ids| {
                ids == (seen.stat.uid, seen.stat.gid) && seen.stat.mode == folder.mode
            })
    });
    Ok((moved || !as_it_shall_be).then(|| Change::MakeFolder(folder.clone())))
}

pub(super) fn ids(
    path: &str,
    owner: Owner,
    inputs: &Inputs<'_>,
) -> Result<Option<(u32, u32)>, PlanError> {
    if !inputs.observed.keeps_owners {
        return Ok(None);
    }
    let Owner { user, group } = owner;
    match inputs.observed.owners.get(&(user, group)) {
        Some(ids) => Ok(Some(*ids)),
        None => Err(PlanError::NoOwner { user, group, path: path.to_owned() }),
    }
}

fn regular<'a>(path: &str, observed: &'a Observed) -> Result<Option<&'a Seen>, PlanError> {
    let found = match observed.files.get(path) {
        None => return Ok(None),
        Some(seen) => match seen.stat.kind {
            Kind::File => return Ok(Some(seen)),
            Kind::Folder => "folder",
            Kind::Other => "link or special file",
        },
    };
    Err(PlanError::NoFile { path: path.to_owned(), found })
}

/// What we wrote and no longer want.
pub(super) fn removals(inputs: &Inputs<'_>) -> Result<Vec<Change>, PlanError> {
    let mut changes = Vec::new();
    for (path, written) in &inputs.manifest.files {
        if inputs.desired.files.iter().any(|file| file.path == *path) {
            continue;
        }
        if is_masked(path, inputs.observed) {
            continue;
        }
        let Some(seen) = regular(path, inputs.observed)? else { continue };
        let remove = || Change::Remove {
            path: path.clone(),
            before: seen.bytes.clone(),
            foreign: !is_ours(path, &seen.bytes, inputs),
        };
        let Some(keys) = &written.keys else {
            changes.push(remove());
            continue;
        };
        let found = object(path, Some(seen))?;
        let before =
            keys::Before { ours: &written.all_keys(), replaced: written.replaced.as_ref() };
        let rest = keys::without(&found, before);
        if rest.is_empty() && written.created {
            changes.push(remove());
        } else if rest != found {
            changes.push(Change::Write(Write {
                path: path.clone(),
                bytes: crate::render::format::json(&Value::Object(rest.clone())).into_bytes(),
                mode: seen.stat.mode,
                owner: None,
                ids: Some((seen.stat.uid, seen.stat.gid)),
                before: Some(seen.bytes.clone()),
                foreign: true,
                keys: Some((keys::pick(&found, keys), keys::pick(&rest, keys))),
                besides: Vec::new(),
                why: Why::Changed,
            }));
        }
    }
    Ok(changes)
}
