//! Removes what an image must not have.

use super::{ApplyError, tools};
use crate::exit::ExitCode;
use crate::exit::hint::{Advice, Hint, Topic, topics};
use crate::observe::leftovers::{Found, leftovers};
use crate::store::MANIFEST;
use crate::system::System;
use crate::system::root::FileError;
use crate::system::systemd::services::ServiceError;

/// Why a machine is not cleaned. Nothing was removed.
#[derive(Debug, thiserror::Error)]
pub enum CleanError {
    /// `install` has not run here.
    #[error("this machine is not an image: `cos-agent install` has not run here")]
    NotAnImage,
    /// The machine is a node of a cluster.
    #[error("this machine is a node: it runs {}", .0.join(", "))]
    IsNode(Vec<&'static str>),
    /// No daemon runs, but `apply` has made the machine a node of a cluster.
    #[error("this machine has been a node: `cos-agent apply` has run here ({})", MANIFEST.path)]
    WasNode,
    /// systemd did not say what runs.
    #[error("cannot check whether this machine is a node")]
    Services(#[from] ServiceError),
    /// journald would go on writing into the image.
    #[error("cannot make journald stop writing to the disk")]
    Journal(#[source] Box<ApplyError>),
}

topics! {
    NOT_AN_IMAGE: "clean-not-an-image",
        "run `cos-agent clean` only at the end of the build of an image, after `cos-agent install`";
    IS_NODE: "clean-is-a-node",
        "leave this node alone: `cos-agent clean` would remove its identity, its keys and the data of its daemons";
    WAS_NODE: "clean-was-a-node",
        "to make an image of it all the same, run `cos-agent clean --force`: it removes the identity, the keys and the data of that node";
}

impl CleanError {
    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::NotAnImage | Self::IsNode(_) | Self::WasNode => ExitCode::Config,
            Self::Services(error) => error.exit_code(),
            Self::Journal(error) => error.exit_code(),
        }
    }
}

impl Hint for CleanError {
    const TOPICS: &'static [Topic] = TOPICS;

    fn hint(&self) -> Option<Advice> {
        match self {
            Self::NotAnImage => Some(NOT_AN_IMAGE.plain()),
            Self::IsNode(_) => Some(IS_NODE.plain()),
            Self::WasNode => Some(WAS_NODE.plain()),
            Self::Services(_) | Self::Journal(_) => None,
        }
    }
}

/// Ends the journal on the disk of a machine that runs. Call it before [`clean`].
pub async fn end_journal(system: &System) -> Result<(), CleanError> {
    let ended = tools::relinquish_journal(system).await;
    ended.map(drop).map_err(|error| CleanError::Journal(Box::new(error)))
}

/// Removes every left-over; what was found. A crash leaves some of them, and the next run removes those.
pub fn clean(system: &System) -> Result<Vec<Found>, FileError> {
    let all = leftovers(&system.root)?;
    for found in &all {
        for path in &found.remove {
            system.root.remove_directory(path)?;
        }
        for path in &found.empty {
            system.root.remove_directory(path)?;
            system.root.write(path, b"", 0o444)?;
        }
    }
    Ok(all)
}
