//! Why a plan cannot be made, with the exit code and the hint of each reason.

use super::node::conflicts::Conflict;
use crate::exit::ExitCode;
use crate::exit::hint::{Advice, Hint, Topic, topics};
use crate::state::Daemon;

/// Why a plan cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A file of the operator overrides the agent's configuration, or may do so.
    #[error("a file in a daemon's directory conflicts with the agent's configuration")]
    Conflict(#[from] Conflict),
    /// A JSON file in which the agent sets keys does not hold a JSON object.
    #[error("cannot set the agent's keys in {path}: expected a JSON object ({problem})")]
    OperatorJson {
        /// The absolute path.
        path: String,
        /// Where and what was found, without any value of the file.
        problem: String,
    },
    /// The path of an agent's file is not a regular file.
    #[error("expected a regular file at {path}, found a {found}")]
    NotRegular {
        /// The absolute path.
        path: String,
        /// `directory`, or `link or special file`.
        found: &'static str,
    },
    /// A user or group does not exist in the image.
    #[error(
        "user {user} or group {group} does not exist, and {path} has to belong to {user}:{group}"
    )]
    NoOwner {
        /// The name of the user.
        user: &'static str,
        /// The name of the group.
        group: &'static str,
        /// The absolute path that should belong to them.
        path: String,
    },
    /// The disk holds server data, and no record says which instance created it.
    #[error("{} has the data of a server, and no record says which instance created it", daemon.server_data())]
    UnrecordedData {
        /// The daemon whose data it is.
        daemon: Daemon,
    },
}

topics! {
    OPERATOR_JSON: "operator-file-not-json", "correct {path}; nothing was changed";
    NOT_REGULAR: "file-in-the-way", "move {path} away; nothing was changed";
    NO_OWNER: "user-missing",
        "create the user in the image: `useradd --system --home-dir /nonexistent --shell /bin/false {user}`";
    UNRECORDED_DATA: "data-unrecorded",
        "if this instance created it (on a node that run-{daemon} set up), run `cos-agent apply --adopt-data`; if it came with \
         an image, run `cos-agent apply --discard-data`, which moves it aside; nothing was changed";
}

impl PlanError {
    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::NotRegular { .. } => ExitCode::File,
            Self::UnrecordedData { .. } => ExitCode::Data,
            Self::Conflict(_) | Self::OperatorJson { .. } | Self::NoOwner { .. } => {
                ExitCode::Config
            }
        }
    }
}

impl Hint for PlanError {
    const TOPICS: &'static [Topic] = TOPICS;

    fn hint(&self) -> Option<Advice> {
        Some(match self {
            Self::Conflict(_) => return None,
            Self::OperatorJson { path, .. } => OPERATOR_JSON.with(&[("path", path)]),
            Self::NotRegular { path, .. } => NOT_REGULAR.with(&[("path", path)]),
            Self::NoOwner { user, .. } => NO_OWNER.with(&[("user", user)]),
            Self::UnrecordedData { daemon } => UNRECORDED_DATA.with(&[("daemon", &daemon.name())]),
        })
    }
}
