//! PURE: the shared types. Files, directories and units describe a machine. Everything else that must happen is an action,
//! which a changed file causes.

mod action;
mod contents;
mod daemon;
mod desired;
mod file;
pub mod format;
mod formation;
pub mod leftover;
mod observed;
mod region;
mod sealed;
mod unit;

pub use action::{Action, Stage, Tool, Verb};
pub use contents::{Amend, Amended, Contents, Document, Keys, Shape, nothing_besides};
pub use daemon::{Daemon, is_data};
pub use desired::{DesiredState, Identity, MoveAside};
pub use file::{Directory, File, Guarded, Notify, Owner, Place, ROOT, ReloadableKey};
pub use formation::Formation;
pub use observed::{Data, GuardedFile, Observed, OperatorFile, Seen, Stat};
pub use region::Region;
pub use sealed::{Bytes, Sealed, sha256};
pub use unit::{
    AGENT, Cause, DIAGNOSE, DNS_LINK, DNSMASQ, DOCKER, IMAGES, Origin, PROGRAM, READY, RESOLVED,
    UNITS, Unit, UnitState, WATCH, Wanted, unit_of,
};

use serde::{Deserialize, Serialize};

/// What kind of thing a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, socket, or device.
    Other,
}

/// A moment on this machine, by the clock that never jumps (`CLOCK_MONOTONIC`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// The kernel's id of the boot.
    pub boot: String,
    /// Microseconds since its beginning, as systemd counts them.
    pub micros: u64,
}
