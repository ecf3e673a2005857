//! READ: the directories of the desired state, and who owns what is in them.

use crate::state::{DesiredState, GuardedFile, Observed, Owner, PathKind, Seen};
use crate::system::root::{self, FileError, Root};
use std::collections::BTreeMap;
use std::path::Path;

/// The user and group IDs of the owners in the desired state, if they exist on this host.
pub(super) fn owners(desired: &DesiredState) -> BTreeMap<(&'static str, &'static str), (u32, u32)> {
    let files = desired.files.iter().map(|file| file.owner);
    let directories = desired.directories.iter().map(|directory| directory.owner);
    let guarded = desired
        .guarded
        .iter()
        .flat_map(|guarded| [guarded.writer, Some(Owner { user: "root", group: guarded.readers })]);
    let all = files.chain(directories).chain(guarded.flatten());
    let mut owners = BTreeMap::new();
    for Owner { user, group } in all {
        if !owners.contains_key(&(user, group))
            && let Some(ids) = root::owner_ids(user, group)
        {
            owners.insert((user, group), ids);
        }
    }
    owners
}

/// Reads the directories that will be changed. A link that another user could have moved is already an error here.
pub(super) fn look(
    root: &Root,
    desired: &DesiredState,
    observed: &mut Observed,
) -> Result<(), FileError> {
    let mut seen = |path: &str, of_daemon| -> Result<(), FileError> {
        if let Some(stat) = root.stat_directory(path, of_daemon)? {
            observed.files.insert(path.to_owned(), Seen { stat, bytes: Vec::new() });
        }
        Ok(())
    };
    for directory in &desired.directories {
        let owner = observed.owners.get(&(directory.owner.user, directory.owner.group));
        seen(directory.path, owner.map(|(uid, _)| *uid))?;
    }
    if !root.keeps_owners() {
        return Ok(());
    }
    for guarded in &desired.guarded {
        seen(guarded.path, None)?;
        if !guarded.files {
            continue;
        }
        for name in root.list(guarded.path)? {
            let real = Path::new(guarded.path).join(name);
            if let Some(stat) = root.stat(&real)?.filter(|stat| stat.kind == PathKind::File) {
                let path = crate::text::shown(real.as_os_str());
                observed.guarded_files.push(GuardedFile { path, real, stat });
            }
        }
    }
    Ok(())
}
