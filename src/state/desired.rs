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
    /// The directories around them.
    pub guarded: Vec<Guarded>,
    /// Every unit that the agent knows, in the order in which they start.
    pub units: Vec<Unit>,
    /// The bundle of the trust store that its authorities go into, if it has some.
    pub trust_bundle: Option<&'static str>,
    /// The daemons of which the configuration is written.
    pub daemons: &'static [Daemon],
    /// Data of theirs that is not this machine's.
    pub moves: Vec<MoveAside>,
    /// What is kept of it in the manifest.
    pub identity: Identity,
}

/// What a machine is, for the manifest. Its files, actions and units do not depend on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The instance.
    pub instance: Option<String>,
    /// The role.
    pub role: Option<String>,
    /// What the quorum guard found.
    pub formation: Formation,
    /// The daemons in whose quorum it votes still, although its role does without them.
    pub leaving: BTreeSet<Daemon>,
}

/// Data that goes out of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveAside {
    /// The daemon whose data it is.
    pub daemon: Daemon,
    /// The directory that has it afterwards: the data's own under another name, or one in it where it lies elsewhere.
    pub to: String,
    /// Where it lies.
    pub place: Place,
    /// The instance that made it, if it is known.
    pub of: Option<String>,
}
