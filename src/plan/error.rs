//! Why there is no plan, with the exit code and the way out of each.

use super::node::conflicts::Conflict;
use crate::exit::ExitCode;
use crate::state::Daemon;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A file of the operator would win over ours.
    #[error("a file in the daemons' folders is in the way")]
    Conflict(#[from] Conflict),
    /// A JSON file in which we keep keys is no JSON object.
    #[error("{path} is no JSON object ({problem}), and keys of ours belong into it")]
    OperatorJson {
        /// The path.
        path: String,
        /// What was found.
        problem: String,
    },
    /// Something that is no regular file has the name of one of ours.
    #[error("{path} is a {found}, expected a regular file")]
    NoFile {
        /// The path.
        path: String,
        /// What was found.
        found: &'static str,
    },
    /// A user or group is missing.
    #[error("user or group {user}:{group}, who owns {path}, does not exist")]
    NoOwner {
        /// The user.
        user: &'static str,
        /// The group.
        group: &'static str,
        /// The path.
        path: String,
    },
    /// Server data that no record speaks of.
    #[error("{} holds the data of a server, and no record says whose", daemon.server_data())]
    UnrecordedData {
        /// The daemon.
        daemon: Daemon,
    },
}

impl PlanError {
    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::NoFile { .. } => ExitCode::File,
            Self::UnrecordedData { .. } => ExitCode::Data,
            Self::Conflict(_) | Self::OperatorJson { .. } | Self::NoOwner { .. } => {
                ExitCode::Config
            }
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Conflict(Conflict::Sets { path, key, .. })
                if key.starts_with("plugin.docker") =>
            {
                let table = key.rsplit_once('.').map_or("", |(table, _)| table);
                format!(
                    "move it to the table `[nomad.extra.{table}]` of the agent's settings, which is merged with the agent's own block, \
                     and take it out of {path}; nothing was changed"
                )
            }
            Self::Conflict(Conflict::Sets { path, .. }) => format!(
                "take the key out of {path}, or move the file away if it came with a package (`mv {path} {path}.packaged`); \
                 nothing was changed"
            ),
            Self::Conflict(Conflict::Unclear { path, .. }) => {
                format!("write {path} in plain HCL or JSON, or move it away; nothing was changed")
            }
            Self::OperatorJson { path, .. } => format!("mend {path}; nothing was changed"),
            Self::NoFile { path, .. } => format!("move {path} away; nothing was changed"),
            Self::NoOwner { user, .. } => format!(
                "the image lacks it: `useradd --system --home-dir /nonexistent --shell /bin/false {user}`"
            ),
            Self::UnrecordedData { daemon } => format!(
                "if this instance made it (a node that run-{0} once made), run `cos-agent apply --adopt-data`; if it came with \
                 an image, `cos-agent apply --discard-data` moves it aside; nothing was changed",
                daemon.unit().trim_end_matches(".service")
            ),
        })
    }
}
