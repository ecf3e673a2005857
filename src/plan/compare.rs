//! One path at a time: what should be against what is.

use super::manifest::Written;
use super::{Change, Inputs, Ownership, PlanError, Why, Write};
use crate::state::{
    Bytes, Contents, Directory, File, Observed, Owner, PathKind, Place, Seen, UNITS,
};

/// What comes of a file.
pub(super) struct Compared {
    /// What has to be written.
    pub(super) write: Option<Write>,
    /// What is on record when it is there; nothing of a seed, which is never taken back.
    pub(super) written: Option<Written>,
    /// What people have to know of it.
    pub(super) notes: Vec<String>,
}

/// What is on record of a file when it is there.
pub(super) fn written(
    file: &File,
    bytes: &Bytes,
    seen: Option<&Seen>,
    inputs: &Inputs<'_>,
) -> Written {
    let before = inputs.manifest.files.get(&file.path);
    Written {
        sha256: bytes.sha256(),
        secret: bytes.is_secret(),
        notify: file.notify.actions.clone(),
        created: before.map_or(seen.is_none(), |before| before.created),
        ..Written::default()
    }
}

/// A file that is not there.
pub(super) fn new(file: &File, bytes: Bytes, inputs: &Inputs<'_>) -> Result<Write, PlanError> {
    let ids = ids(&file.path, file.owner, inputs)?;
    Ok(Write {
        path: file.path.clone(),
        bytes,
        mode: file.mode,
        ownership: if matches!(file.contents, Contents::Keys(_)) {
            Ownership::Operators { ids }
        } else {
            Ownership::Ours { owner: file.owner, ids }
        },
        before: None,
        foreign: false,
        keys: None,
        besides: Vec::new(),
        why: Why::New,
    })
}

/// A file that is ours alone, and there.
pub(super) fn changed(
    file: &File,
    bytes: &Bytes,
    seen: &Seen,
    inputs: &Inputs<'_>,
) -> Result<Option<Write>, PlanError> {
    let ids = ids(&file.path, file.owner, inputs)?;
    let is_ours = is_ours(&file.path, seen, inputs);
    let why = if seen.bytes != bytes.for_their_file() {
        let is_known = inputs.manifest.files.contains_key(&file.path);
        if is_ours || !is_known { Why::Changed } else { Why::EditedByHand }
    } else if seen.stat.mode != file.mode
        || ids.is_some_and(|ids| ids != (seen.stat.uid, seen.stat.gid))
    {
        Why::Attributes
    } else {
        return Ok(None);
    };
    let is_secret = bytes.is_secret() || was_secret(&file.path, inputs);
    let before = Some(Bytes::of(seen.bytes.clone(), is_secret));
    Ok(Some(Write { before, foreign: !is_ours, why, ..new(file, bytes.clone(), inputs)? }))
}

/// Whether what an earlier run wrote there is a secret.
pub(super) fn was_secret(path: &str, inputs: &Inputs<'_>) -> bool {
    inputs.manifest.files.get(path).is_some_and(|written| written.secret)
}

/// Whether this is what an earlier run wrote.
pub(super) fn is_ours(path: &str, seen: &Seen, inputs: &Inputs<'_>) -> bool {
    inputs.manifest.files.get(path).is_some_and(|before| {
        let found = crate::state::sha256(&seen.bytes);
        before.sha256 == found || before.replaces.as_ref() == Some(&found)
    })
}

/// Whether a link is in the place of a unit, which is the operator's word: to `/dev/null`, which masks it, or to another file
/// (systemctl(1), `mask` and `link`).
pub(super) fn is_masked(path: &str, observed: &Observed) -> bool {
    let kind = observed.files.get(path).map(|seen| seen.stat.kind);
    is_unit(path) && kind == Some(PathKind::Other)
}

fn is_unit(path: &str) -> bool {
    path.strip_prefix(UNITS)
        .and_then(|rest| rest.strip_prefix('/'))
        .is_some_and(|name| !name.contains('/'))
}

/// A copy of a unit that somebody else wrote where one of ours goes. systemd does not load a file of this name.
pub(super) fn kept_copy(write: &Write, inputs: &Inputs<'_>) -> Option<Change> {
    let before = write.before.as_ref().filter(|before| **before != write.bytes)?;
    let seen = inputs.observed.files.get(&write.path)?;
    if !is_unit(&write.path) || is_ours(&write.path, seen, inputs) {
        return None;
    }
    // What was there before us is kept as it was, and beside it the last edit of what we wrote.
    let suffix =
        if inputs.manifest.files.contains_key(&write.path) { "edited" } else { "before-cos-agent" };
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

pub(super) fn directory_change(
    directory: &Directory,
    inputs: &Inputs<'_>,
) -> Result<Option<Change>, PlanError> {
    // Moved under another name; on a volume of its own the directory stays.
    let mut moves = inputs.desired.moves.iter();
    let is_moved =
        moves.any(|moved| moved.place == Place::Plain && moved.daemon.data() == directory.path);
    let ids = ids(directory.path, directory.owner, inputs)?;
    let is_as_desired = inputs.observed.files.get(directory.path).is_some_and(|seen| {
        // Mode and owner are the daemon's to keep where we cannot set them.
        seen.stat.kind == PathKind::Directory
            && ids.is_none_or(|ids| {
                ids == (seen.stat.uid, seen.stat.gid) && seen.stat.mode == directory.mode
            })
    });
    Ok((is_moved || !is_as_desired).then(|| Change::MakeDirectory(directory.clone())))
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

pub(super) fn regular<'a>(
    path: &str,
    observed: &'a Observed,
) -> Result<Option<&'a Seen>, PlanError> {
    let found = match observed.files.get(path) {
        None => return Ok(None),
        Some(seen) => match seen.stat.kind {
            PathKind::File => return Ok(Some(seen)),
            PathKind::Directory => "directory",
            PathKind::Other => "link or special file",
        },
    };
    Err(PlanError::NotRegular { path: path.to_owned(), found })
}
