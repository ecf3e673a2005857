//! Scratch folders in place of `/`: furnished, and compared as a whole.

use super::install;
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// A file or folder as it is: what a rewrite would change, even one with the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The contents; a folder has none.
    pub(crate) bytes: Option<Vec<u8>>,
    /// The permission bits.
    pub(crate) mode: u32,
    /// The inode: a file that is replaced has another one.
    pub(crate) inode: u64,
    /// Seconds and nanoseconds of the last change.
    pub(crate) mtime: (i64, i64),
}

/// Everything below a folder, by its path from there; `/` is the folder itself.
pub(crate) fn look(folder: &Path) -> BTreeMap<String, Seen> {
    let mut found = BTreeMap::new();
    walk(folder, "", &mut found);
    found
}

fn walk(full: &Path, path: &str, found: &mut BTreeMap<String, Seen>) {
    let metadata = std::fs::symlink_metadata(full).unwrap();
    let seen = Seen {
        bytes: (!metadata.is_dir()).then(|| std::fs::read(full).unwrap()),
        mode: metadata.mode() & 0o7777,
        inode: metadata.ino(),
        mtime: (metadata.mtime(), metadata.mtime_nsec()),
    };
    let key = if path.is_empty() { "/" } else { path };
    found.insert(key.to_owned(), seen);
    if metadata.is_dir() {
        for entry in std::fs::read_dir(full).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            walk(&full.join(&name), &format!("{path}/{name}"), found);
        }
    }
}

/// The files below a folder without those of the agent's own state.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let own =
        |path: &str| path.starts_with("/var/lib/cos-agent/") || path.starts_with("/run/cos-agent/");
    let seen = look(folder).into_iter().filter(|(path, _)| !own(path));
    seen.filter_map(|(path, seen)| Some((path, seen.bytes?))).collect()
}

/// Puts a file below a folder that stands for `/`.
pub(crate) fn put(folder: &Path, path: &str, bytes: &[u8], mode: u32) {
    let full = folder.join(path.trim_start_matches('/'));
    std::fs::create_dir_all(full.parent().unwrap()).unwrap();
    std::fs::write(&full, bytes).unwrap();
    std::fs::set_permissions(&full, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Puts a program of this machine below a folder.
pub(crate) fn put_program(folder: &Path, path: &str, program: &Path) {
    install::program(&folder.join(path.trim_start_matches('/')), program);
}
