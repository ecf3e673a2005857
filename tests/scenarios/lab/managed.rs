//! What `apply` manages on a node, as it lies on the disk.

use super::node::Node;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where managed files are.
const FOLDERS: [&str; 8] = [
    "etc/consul.d",
    "etc/nomad.d",
    "etc/systemd/resolved.conf.d",
    "etc/systemd/system",
    "etc/docker",
    "etc/profile.d",
    "usr/local/share/ca-certificates",
    "var/lib/cos-agent",
];
/// What the watch and the ready unit write beside `apply`, each in its own time.
const RECORDS: [&str; 3] = ["boots.json", "formed.json", "launch-hook.json"];

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
        let found = self.written();
        assert!(found.len() > 3, "{} manages {:?}", self.name, found.keys());
        found
    }

    /// The same of a node that may not have come to it yet.
    fn written(&self) -> BTreeMap<PathBuf, Stamp> {
        let upper = self.folder().join("upper");
        let mut found = BTreeMap::new();
        for folder in FOLDERS {
            collect(&upper.join(folder), &mut found);
        }
        found
    }

    /// The files among it as they would be on another node of the kind: path from the root → text without the id, the
    /// address and the zone of this one.
    pub(crate) fn texts(&self) -> BTreeMap<String, String> {
        let upper = self.folder().join("upper");
        let files = self.written().into_iter().filter(|(path, _)| path.is_file());
        let text = |(path, stamp): (PathBuf, Stamp)| {
            let name = path.strip_prefix(&upper).unwrap().display().to_string();
            let text = String::from_utf8_lossy(&stamp.bytes).replace(&self.id, "OWN");
            let (address, zone) = (self.address.to_string(), self.zone());
            let own = [address.replace('.', "[.]"), address, zone];
            (name, own.iter().fold(text, |text, own| text.replace(own, "OWN")))
        };
        files.map(text).collect()
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
        } else if !RECORDS.iter().any(|record| path.ends_with(record)) {
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
