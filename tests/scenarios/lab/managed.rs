//! What `apply` manages on a node, as it lies on the disk.

use super::node::Node;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where managed files are.
const FOLDERS: [&str; 6] = [
    "etc/consul.d",
    "etc/nomad.d",
    "etc/systemd/system",
    "etc/docker",
    "etc/profile.d",
    "var/lib/cos-agent",
];
/// What every boot writes.
const RECORD: &str = "boots.json";

/// A file as it is: its times and inode tell that it was written, even with the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: (i64, i64),
    inode: u64,
    mode: u32,
    bytes: Vec<u8>,
}

impl Node<'_> {
    /// All that was written below the managed folders, by path.
    pub(crate) fn managed(&self) -> BTreeMap<PathBuf, Stamp> {
        let upper = self.folder().join("upper");
        let mut found = BTreeMap::new();
        for folder in FOLDERS {
            collect(&upper.join(folder), &mut found);
        }
        assert!(found.len() > 3, "{} manages {:?}", self.name, found.keys());
        found
    }
}

impl Node<'_> {
    /// Whether nothing of a role is on the disk, neither configuration nor data.
    pub(crate) fn has_no_role(&self) -> Result<(), String> {
        let made = ["/etc/consul.d/cos.json", "/etc/nomad.d/cos.json", "/opt/consul", "/opt/nomad"];
        match made.iter().find(|path| self.path(path).exists()) {
            Some(path) => Err(format!("{} has {path}", self.name)),
            None => Ok(()),
        }
    }
}

fn collect(folder: &Path, found: &mut BTreeMap<PathBuf, Stamp>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let data = path.symlink_metadata().unwrap();
        if data.is_dir() {
            collect(&path, found);
        } else if !path.ends_with(RECORD) {
            let bytes = if data.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            let modified = (data.mtime(), data.mtime_nsec());
            let stamp = Stamp { modified, inode: data.ino(), mode: data.mode(), bytes };
            found.insert(path, stamp);
        }
    }
}

/// The paths that differ.
pub(crate) fn changed(
    before: &BTreeMap<PathBuf, Stamp>,
    after: &BTreeMap<PathBuf, Stamp>,
) -> Vec<PathBuf> {
    let all = before.keys().chain(after.keys());
    let mut paths: Vec<_> =
        all.filter(|path| before.get(*path) != after.get(*path)).cloned().collect();
    paths.dedup();
    paths
}
