//! Restricts write access. Only root, and a daemon's user in its own directories, may write the directories around
//! configuration and data. Only root may write the files that a daemon reads as root.
//!
//! A user who can write to a directory decides which file a daemon reads there, and can replace data with a link. Modes
//! that are stricter stay, and so do groups that may only read.

use super::compare::ids;
use super::{Change, Inputs, PlanError};
use crate::state::{Guarded, Owner, PathKind};
use std::path::PathBuf;

const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITES: u32 = 0o020;
/// The bits that readers need on a directory.
const GROUP_READS: u32 = 0o050;

/// Permission bits, user and group.
type Access = (u32, u32, u32);

/// The changes of mode and owner that are needed; empty where owners are not kept.
pub(super) fn changes(inputs: &Inputs<'_>) -> Result<Vec<Change>, PlanError> {
    let mut changes = Vec::new();
    if !inputs.observed.keeps_owners {
        return Ok(changes);
    }
    for guarded in &inputs.desired.guarded {
        let Some(seen) = inputs.observed.files.get(guarded.path) else { continue };
        if seen.stat.kind == PathKind::Directory {
            let before = (seen.stat.mode, seen.stat.uid, seen.stat.gid);
            let after = directory(guarded, before, inputs)?;
            changes.extend(change(guarded.path, PathBuf::from(guarded.path), before, after));
        }
    }
    for file in &inputs.observed.guarded_files {
        // The plan compares the mode and owner of the agent's own files by themselves.
        if !inputs.desired.files.iter().any(|ours| ours.path == file.path) {
            let before = (file.stat.mode, file.stat.uid, file.stat.gid);
            let after = closed(before, &[0], &[0], file.stat.gid, 0);
            changes.extend(change(&file.path, file.real.clone(), before, after));
        }
    }
    Ok(changes)
}

fn change(path: &str, real: PathBuf, before: Access, after: Access) -> Option<Change> {
    (before != after).then(|| Change::Guard {
        path: path.to_owned(),
        real,
        mode: after.0,
        ids: (after.1, after.2),
        mode_before: before.0,
        ids_before: (before.1, before.2),
    })
}

fn directory(guarded: &Guarded, before: Access, inputs: &Inputs<'_>) -> Result<Access, PlanError> {
    let (mut users, mut groups) = (vec![0], vec![0]);
    if let Some(writer) = guarded.writer
        && let Some((uid, gid)) = ids(guarded.path, writer, inputs)?
    {
        users.push(uid);
        groups.push(gid);
    }
    let readers = Owner { user: "root", group: guarded.readers };
    let readers = ids(guarded.path, readers, inputs)?.map_or(0, |(_, gid)| gid);
    Ok(closed(before, &users, &groups, readers, GROUP_READS))
}

/// The access with which only these users and groups can write. A path of another user becomes root's, and the group
/// `readers` gets the bits `read`, because the daemon may have read it as that user. A set-user-ID bit of that user goes
/// too, because root must not grant it.
fn closed(before: Access, users: &[u32], groups: &[u32], readers: u32, read: u32) -> Access {
    let (mut mode, uid, gid) = before;
    mode &= !OTHERS_WRITE;
    if !groups.contains(&gid) {
        mode &= !GROUP_WRITES;
    }
    if users.contains(&uid) {
        (mode, uid, gid)
    } else {
        ((mode & !GROUP_WRITES | read) & 0o777, 0, readers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONSUL: u32 = 900;
    const NOMAD: u32 = 901;

    #[test]
    fn a_directory_of_the_daemons_user_stays_as_it_is() {
        for kept in [(0o755, CONSUL, CONSUL), (0o750, 0, CONSUL), (0o700, 0, 0), (0o770, 0, CONSUL)]
        {
            let users = [0, CONSUL];
            assert_eq!(closed(kept, &users, &users, CONSUL, GROUP_READS), kept);
        }
    }

    #[test]
    fn what_others_can_write_is_closed_and_stays_readable_for_the_daemon() {
        for (found, expected) in [
            ((0o777, 0, 0), (0o775, 0, 0)),
            ((0o4755, NOMAD, NOMAD), (0o755, 0, NOMAD)),
            ((0o6711, NOMAD, NOMAD), (0o751, 0, NOMAD)),
            ((0o775, 0, 1000), (0o755, 0, 1000)),
            ((0o755, NOMAD, NOMAD), (0o755, 0, NOMAD)),
            ((0o700, NOMAD, NOMAD), (0o750, 0, NOMAD)),
            ((0o770, 1000, 1000), (0o750, 0, NOMAD)),
        ] {
            assert_eq!(closed(found, &[0], &[0], NOMAD, GROUP_READS), expected, "{found:?}");
        }
    }
}
