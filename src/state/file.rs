//! Files and directories as they should be.

use super::{Action, Contents};

/// Who owns a file: names, because ids differ between images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub user: &'static str,
    /// The group.
    pub group: &'static str,
}

/// root:root.
pub const ROOT: Owner = Owner { user: "root", group: "root" };

/// A file of the node.
#[derive(Debug, Clone)]
pub struct File {
    /// The absolute path on the node.
    pub path: String,
    /// What it holds.
    pub contents: Contents,
    /// The permission bits.
    pub mode: u32,
    /// The owner.
    pub owner: Owner,
    /// What has to happen when it changes.
    pub notify: Notify,
}

/// A directory that must be there before a daemon starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// The absolute path on the node.
    pub path: &'static str,
    /// The permission bits.
    pub mode: u32,
    /// The owner.
    pub owner: Owner,
}

/// A directory that holds what a daemon reads or writes. Made by what is put into it; one that is there keeps its mode
/// and owner as far as nobody can write into it who may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guarded {
    /// The absolute path on the node.
    pub path: &'static str,
    /// Who may write into it beside root.
    pub writer: Option<Owner>,
    /// The group that goes on reading it when it is taken from another owner.
    pub readers: &'static str,
    /// Whether the files in it are root's alone too, as a daemon that runs as root reads them.
    pub files: bool,
}

/// Where a directory lies, seen from the one that holds it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Place {
    /// On the same volume.
    #[default]
    Plain,
    /// It is a mount point.
    Volume,
    /// It is a link to a directory somewhere else.
    Link {
        /// The text of the link.
        target: String,
    },
}

/// What has to happen when a file is written or removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notify {
    /// The actions; none where the file is read when it is needed.
    pub actions: Vec<Action>,
    /// The top-level keys of a JSON file for which a reload does instead of a restart.
    pub reloadable: &'static [ReloadableKey],
}

impl Notify {
    /// Nothing: the file is read when it is needed.
    pub fn nobody() -> Self {
        Self::default()
    }

    /// These actions.
    pub fn of(actions: impl IntoIterator<Item = Action>) -> Self {
        Self { actions: actions.into_iter().collect(), reloadable: &[] }
    }
}

/// A key that a daemon takes without a restart.
#[derive(Debug, PartialEq, Eq)]
pub struct ReloadableKey {
    /// The top-level key.
    pub key: &'static str,
    /// Where that is documented.
    pub source: &'static str,
}
