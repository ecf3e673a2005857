//! Why a configuration cannot be rendered.

use crate::exit::ExitCode;
use crate::exit::hint::{Advice, Hint, Topic, topics};

/// An `extra` table that cannot be merged, or a configuration into which nothing can be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A key that the agent owns.
    #[error("setting `{table}.{key}` sets a key that the agent owns")]
    Owned {
        /// The table, such as `consul.extra`.
        table: &'static str,
        /// The dotted key.
        key: String,
    },
    /// A value whose type differs from the rendered one.
    #[error("expected {expected} for setting `{table}.{key}`, found {found}")]
    Type {
        /// The table.
        table: &'static str,
        /// The dotted key.
        key: String,
        /// The type found.
        found: &'static str,
        /// The type of the rendered value.
        expected: &'static str,
    },
    /// A secret, which would be visible wherever settings are printed.
    #[error("setting `{table}.{key}` contains a secret, and settings must not contain secrets")]
    Secret {
        /// The table.
        table: &'static str,
        /// The dotted key.
        key: String,
    },
    /// A configuration of the agent that did not become a JSON object: a bug.
    #[error("cannot serialize {path}: expected a JSON object, found {found}")]
    Document {
        /// The path.
        path: String,
        /// The type found.
        found: &'static str,
    },
}

topics! {
    KEY_OWNED: "extra-key-owned",
        "remove it: identity comes from the tags alone; `cos-agent config dump` shows the file and line that set it";
    TYPE_WRONG: "extra-type", "give it the type of the value that it replaces";
    SECRET: "extra-secret",
        "put it into a file of your own in /etc/{daemon}.d, with mode 0640 and group {daemon}";
}

impl RenderError {
    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Owned { .. } | Self::Type { .. } | Self::Secret { .. } => ExitCode::Config,
            Self::Document { .. } => ExitCode::Bug,
        }
    }
}

impl Hint for RenderError {
    const TOPICS: &'static [Topic] = TOPICS;

    fn hint(&self) -> Option<Advice> {
        Some(match self {
            Self::Owned { .. } => KEY_OWNED.plain(),
            Self::Type { .. } => TYPE_WRONG.plain(),
            Self::Secret { table, .. } => {
                SECRET.with(&[("daemon", &table.split('.').next().unwrap_or_default())])
            }
            Self::Document { .. } => return None,
        })
    }
}
