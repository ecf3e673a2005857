//! Everything that the agent keeps on disk from one run to the next: the registry of its state files, how one is loaded
//! and saved, and the types that hold plain data. If the type of a file is in a higher room, that room names the entry
//! of the registry: `static LAST_GOOD: StateFile<Facts> = StateFile::of(&store::FACTS)`.
//!
//! Writes are atomic. A file that is broken anyway counts as lost, and the next save replaces it.

pub mod boots;
pub mod diagnosis;
mod file;
pub mod formed;
pub mod launch_hook;
mod shared;
pub mod status;

pub use file::{Batch, StateFile, Stored, Unusable, known_entries};
pub use shared::{lock, sweep_shared};

use crate::system::root::{FileError, Root};

/// An entry of the registry.
#[derive(Debug)]
pub struct Entry {
    /// The absolute path on the node.
    pub path: &'static str,
    /// The version of its format.
    pub schema: Schema,
    /// The permission bits. A file that all users may read is saved with its secrets masked.
    pub mode: u32,
    /// Which units write it. The lock of `apply` protects a file that only `apply` writes; all others are shared, and
    /// [`lock`] protects them.
    pub writers: &'static [Writer],
    /// What it is, for people.
    pub what: &'static str,
}

/// How a state file names the version of its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// In its key `schema`, as `cos-agent/<name>/<version>`. A file with another one is not read.
    Named(&'static str),
    /// It does not: the image may bring a file of the same format, with keys for other readers.
    Unnamed,
}

/// Who writes a state file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// `cos-agent apply`.
    Apply,
    /// `cos-agent-ready.service`.
    Ready,
    /// `cos-agent-watch.service`.
    Watch,
    /// `cos-agent-diagnose.service`.
    Diagnose,
}

/// [`status`]. `/run` is empty after a boot, so everything in it is of this boot.
pub const STATUS: Entry = Entry {
    path: "/run/cos-agent/status.json",
    schema: Schema::Named(status::SCHEMA),
    mode: 0o644,
    writers: &[Writer::Apply, Writer::Ready, Writer::Watch, Writer::Diagnose],
    what: "who this node is, how the last `apply` ended, what the watch sees, and the last diagnosis",
};
/// [`boots`].
pub const BOOTS: Entry = Entry {
    path: "/var/lib/cos-agent/boots.json",
    schema: Schema::Named(boots::SCHEMA),
    mode: 0o644,
    writers: &[Writer::Apply, Writer::Ready],
    what: "where the last boots spent their time",
};
/// The manifest.
pub const MANIFEST: Entry = Entry {
    path: "/var/lib/cos-agent/manifest.json",
    schema: Schema::Named("cos-agent/manifest/1"),
    mode: 0o600,
    writers: &[Writer::Apply],
    what: "what the last `apply` wrote, and which actions are still due",
};
/// What the quorum guard found, in the format of a manifest that holds nothing else.
pub const FORMATION: Entry = Entry {
    path: "/var/lib/cos-agent/formation.json",
    schema: Schema::Named("cos-agent/manifest/1"),
    mode: 0o600,
    writers: &[Writer::Apply],
    what: "what the quorum guard found, beside the copy of it in the manifest",
};
/// The version of the format of facts, on disk and in the output of `cos-agent facts`.
pub const FACTS_SCHEMA: &str = "cos-agent/facts/1";
/// The last good facts.
pub const FACTS: Entry = Entry {
    path: "/var/lib/cos-agent/facts.json",
    schema: Schema::Named(FACTS_SCHEMA),
    mode: 0o600,
    writers: &[Writer::Apply],
    what: "the facts of the last successful `apply`, for a reboot without metadata",
};
/// The versions of the daemons.
pub const VERSIONS: Entry = Entry {
    path: "/var/lib/cos-agent/versions.json",
    schema: Schema::Unnamed,
    mode: 0o644,
    writers: &[Writer::Apply],
    what: "the versions of Consul and Nomad, by size and time of change of their programs",
};
/// [`formed`].
pub const FORMED: Entry = Entry {
    path: "/var/lib/cos-agent/formed.json",
    schema: Schema::Named("cos-agent/formed/1"),
    mode: 0o644,
    writers: &[Writer::Watch],
    what: "when this server last saw in the parameter store that its cluster has formed",
};
/// [`launch_hook`].
pub const LAUNCH_HOOK: Entry = Entry {
    path: "/var/lib/cos-agent/launch-hook.json",
    schema: Schema::Named("cos-agent/launch-hook/1"),
    mode: 0o644,
    writers: &[Writer::Ready],
    what: "what was done about the launch hook of this instance",
};

/// Every state file.
pub const FILES: [&Entry; 8] =
    [&STATUS, &BOOTS, &MANIFEST, &FORMATION, &FACTS, &VERSIONS, &FORMED, &LAUNCH_HOOK];

impl Entry {
    /// Whether a unit other than `apply` may be writing it now.
    pub fn is_shared(&self) -> bool {
        self.writers != [Writer::Apply]
    }
}

/// Removes the half-written files of an `apply` that was killed; a run without changes would not overwrite them. Call
/// it under the lock of `apply`.
pub fn sweep(root: &Root) -> Result<(), FileError> {
    FILES.iter().filter(|entry| !entry.is_shared()).try_for_each(|entry| entry.sweep(root))
}
