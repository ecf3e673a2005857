//! The disk of a node, as whoever has it in their hands sees it: layers of the host.

use super::cgroup;
use super::layers::{self, LAYERS};
use super::node::Node;
use super::shell;
use std::fs;
use std::path::PathBuf;

impl Node<'_> {
    /// Puts the layers of its disk together.
    pub(super) fn mount_disk(&self) {
        let folder = self.folder();
        let lower = LAYERS.map(|name| self.lab.folder.join(name));
        let [upper, work, root] = ["upper", "work", "root"].map(|name| folder.join(name));
        layers::mount(&lower.each_ref().map(PathBuf::as_path), &upper, &work, &root);
    }

    /// Gives it a new disk: what was written is gone. It must be off.
    pub(crate) fn wipe(&self) {
        assert!(!self.is_on(), "{} is on", self.name);
        self.remove_disk();
        self.prepare();
    }

    /// Gives it the disk of another as that is at this moment: an image that was made of a running machine. It must
    /// be off.
    pub(crate) fn take_disk_of(&self, other: &Node<'_>) {
        assert!(!self.is_on(), "{} is on", self.name);
        self.unmount_disk();
        let upper = self.folder().join("upper");
        fs::remove_dir_all(&upper).unwrap();
        let from = other.folder().join("upper");
        cgroup::freeze(&other.group(), true);
        let copied = shell::run(
            &["cp".as_ref(), "-a".as_ref(), from.as_os_str(), upper.as_os_str()],
            "",
            shell::SOON,
        );
        cgroup::freeze(&other.group(), false);
        assert!(copied.is_ok(), "{copied:?}");
        self.mount_disk();
    }

    /// Gives a file of its disk another name.
    pub(crate) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// Removes files of its disk, which have to be there.
    pub(crate) fn remove(&self, paths: &[&str]) {
        for path in paths {
            let full = self.path(path);
            fs::remove_file(full).unwrap_or_else(|error| panic!("{}: {path}: {error}", self.name));
        }
    }

    fn unmount_disk(&self) {
        shell::ok(&["umount".as_ref(), self.folder().join("root").as_os_str()]);
    }

    /// Removes its disk.
    pub(crate) fn remove_disk(&self) {
        self.unmount_disk();
        fs::remove_dir_all(self.folder()).unwrap();
    }
}
