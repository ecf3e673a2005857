//! Why settings are refused, and what to do about it.

use crate::exit::hint::{Advice, Hint, Topic, topics};

/// Settings that are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A value or key of a layer.
    #[error("{name}:{line}:{column}: {problem}")]
    Layer {
        /// The name of the layer.
        name: String,
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1, in characters.
        column: usize,
        /// What was found and what is allowed.
        problem: String,
        /// The nearest allowed key.
        nearest: Option<String>,
    },
    /// A file that is not UTF-8.
    #[error("{name}: expected text in UTF-8, found an invalid byte at offset {offset}")]
    Encoding {
        /// The name of the layer.
        name: String,
        /// The offset of the first invalid byte.
        offset: usize,
    },
    /// User data for cos-agent that cannot be unpacked.
    #[error("user data: {problem}")]
    UserData {
        /// What is wrong.
        problem: String,
    },
    /// Values of different layers that contradict each other.
    #[error("the settings contradict each other: {problem}")]
    Merged {
        /// What is wrong.
        problem: String,
    },
}

topics! {
    MISSPELT: "setting-misspelt", "did you mean `{key}`? `cos-agent config schema` lists all keys";
    USER_DATA: "user-data-form",
        "make the user data TOML text, or a MIME message with one part of type application/vnd.cos-agent+toml";
    INVALID: "setting-invalid",
        "correct it, then check it with `cos-agent config check FILE`; `cos-agent config schema` lists all keys";
}

impl Hint for SettingsError {
    const TOPICS: &'static [Topic] = TOPICS;

    fn hint(&self) -> Option<Advice> {
        Some(match self {
            Self::Layer { nearest: Some(key), .. } => MISSPELT.with(&[("key", key)]),
            Self::UserData { .. } => USER_DATA.plain(),
            Self::Layer { .. } | Self::Encoding { .. } | Self::Merged { .. } => INVALID.plain(),
        })
    }
}
