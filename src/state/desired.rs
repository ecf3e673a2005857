//! Everything that a machine should have.

use super::{Daemon, Directory, File, Formation, Guarded, Place, Unit};
use std::collections::BTreeSet;

/// Everything that a machine should have.
#[derive(Debug, Clone, Default)]
pub struct DesiredState {
    /// Its files.
    pub files: Vec<File>,
    /// Its directories.
    pub directories: Vec<Directory>,
    /// The directories around its files, whose owners are checked.
    pub guarded: Vec<Guarded>,
    /// Every unit that the agent knows, in the order in which they start.
    pub units: Vec<Unit>,
    /// The bundle of the trust store; `None` if there are no authorities for it.
    pub trust_bundle: Option<&'static str>,
    /// The daemons whose configuration is written.
    pub daemons: &'static [Daemon],
    /// Data of daemons that does not belong to this machine.
    pub moves: Vec<MoveAside>,
    /// What the manifest records about the machine.
    pub identity: Identity,
}

/// The machine's identity for the manifest. Files, actions and units do not depend on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The instance.
    pub instance: Option<String>,
    /// The role.
    pub role: Option<String>,
    /// What the quorum guard found.
    pub formation: Formation,
    /// The daemons in whose quorum it still votes, although its new role does not.
    pub leaving: BTreeSet<Daemon>,
}

/// Data that is moved aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveAside {
    /// The daemon whose data it is.
    pub daemon: Daemon,
    /// The directory that has it afterwards: the data directory under another name, or a directory inside it if it is a mount
    /// point or a link.
    pub to: String,
    /// Where the data directory is.
    pub place: Place,
    /// The instance that wrote it, if it is known.
    pub of: Option<String>,
}
