//! Files and directories as they should be.

use super::{Action, Contents};

/// The owner of a file, by names, because ids differ between images.
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
    /// What must happen when it changes.
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

/// A directory that holds what a daemon reads or writes. It is created with the first file in it. An existing directory keeps
/// its mode and owner, unless a user who must not write to it could.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guarded {
    /// The absolute path on the node.
    pub path: &'static str,
    /// Who may write to it besides root.
    pub writer: Option<Owner>,
    /// The group that can still read it after the agent has taken it from another owner.
    pub readers: &'static str,
    /// Whether only root may write the files in it too, because a daemon that runs as root reads them.
    pub files: bool,
}

/// Where a directory is, as seen from its parent.
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

/// What must happen when a file is written or removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notify {
    /// The actions; empty if the file is read whenever it is needed.
    pub actions: Vec<Action>,
    /// The top-level keys of a JSON file for which a reload is enough, instead of a restart.
    pub reloadable: &'static [ReloadableKey],
}

impl Notify {
    /// Nothing, because the file is read whenever it is needed.
    pub fn nobody() -> Self {
        Self::default()
    }

    /// These actions.
    pub fn of(actions: impl IntoIterator<Item = Action>) -> Self {
        Self { actions: actions.into_iter().collect(), reloadable: &[] }
    }
}

/// A key that a daemon applies without a restart.
#[derive(Debug, PartialEq, Eq)]
pub struct ReloadableKey {
    /// The top-level key.
    pub key: &'static str,
    /// Where that is documented.
    pub source: &'static str,
}
