//! Compares the desired state of one path with its observed state.

use super::manifest::Written;
use super::{Change, Inputs, Ownership, PlanError, Why, Write};
use crate::state::{
    Bytes, Contents, Directory, File, Observed, Owner, PathKind, Place, Seen, UNITS,
};

/// The result of comparing one file.
pub(super) struct Compared {
    /// The write that the file needs; `None` if it is as desired.
    pub(super) write: Option<Write>,
    /// The manifest entry of the file; `None` for a seed, which the agent never removes.
    pub(super) written: Option<Written>,
    /// Notes for people, one sentence each.
    pub(super) notes: Vec<String>,
}

/// The manifest entry of a file once it is written.
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

/// The write that creates a missing file.
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

/// The write that an existing file of the agent needs; `None` if its contents, mode and owner are as desired.
pub(super) fn changed(
    file: &File,
    bytes: &Bytes,
    seen: &Seen,
    inputs: &Inputs<'_>,
) -> Result<Option<Write>, PlanError> {
    let ids = ids(&file.path, file.owner, inputs)?;
    let is_ours = || is_ours(&file.path, seen, inputs);
    let why = if seen.bytes != bytes.for_their_file() {
        let is_known = inputs.manifest.files.contains_key(&file.path);
        if is_ours() || !is_known { Why::Changed } else { Why::EditedByHand }
    } else if seen.stat.mode != file.mode
        || ids.is_some_and(|ids| ids != (seen.stat.uid, seen.stat.gid))
    {
        Why::Attributes
    } else {
        return Ok(None);
    };
    let is_secret = bytes.is_secret() || was_secret(&file.path, inputs);
    let before = Some(Bytes::of(seen.bytes.clone(), is_secret));
    Ok(Some(Write { before, foreign: !is_ours(), why, ..new(file, bytes.clone(), inputs)? }))
}

/// Whether an earlier run wrote a secret to this path.
pub(super) fn was_secret(path: &str, inputs: &Inputs<'_>) -> bool {
    inputs.manifest.files.get(path).is_some_and(|written| written.secret)
}

/// Whether an earlier run wrote exactly these contents.
pub(super) fn is_ours(path: &str, seen: &Seen, inputs: &Inputs<'_>) -> bool {
    inputs.manifest.files.get(path).is_some_and(|before| {
        let found = crate::state::sha256(&seen.bytes);
        before.sha256 == found || before.replaces.as_ref() == Some(&found)
    })
}

/// Whether the operator put a link in the place of a unit: to `/dev/null`, which masks it, or to another file
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

/// The copy that preserves a unit that somebody else wrote, before the agent replaces it. systemd does not load a file of
/// this name.
pub(super) fn kept_copy(write: &Write, inputs: &Inputs<'_>) -> Option<Change> {
    let before = write.before.as_ref().filter(|before| **before != write.bytes)?;
    let seen = inputs.observed.files.get(&write.path)?;
    if !is_unit(&write.path) || is_ours(&write.path, seen, inputs) {
        return None;
    }
    // The file from before the agent and the last edit of what the agent wrote are kept side by side, under different
    // names.
    let suffix =
        if inputs.manifest.files.contains_key(&write.path) { "edited" } else { "before-cos-agent" };
    Some(Change::Write(Write {
        path: format!("{}.{suffix}", write.path),
        bytes: before.clone(),
        mode: seen.stat.mode,
        // No diff is shown where before and after are equal: an operator's unit may hold credentials.
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
    // A move renames a plain directory, so it must be created again. A mount point or a link stays.
    let mut moves = inputs.desired.moves.iter();
    let is_moved =
        moves.any(|moved| moved.place == Place::Plain && moved.daemon.data() == directory.path);
    let ids = ids(directory.path, directory.owner, inputs)?;
    let is_as_desired = inputs.observed.files.get(directory.path).is_some_and(|seen| {
        // Without `ids` the agent cannot set owners, so the daemon keeps its own owner and mode.
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
