//! Why the agent refuses a file of the operator.

use super::setting::Unclear;

/// A file of the operator that the agent refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// It sets a key that the agent owns.
    #[error("{path} sets `{key}`: {reason}")]
    Sets {
        /// The absolute path of the file.
        path: String,
        /// The key, dotted from the top down, like `server.enabled`.
        key: String,
        /// Why the agent refuses it.
        reason: String,
    },
    /// The agent cannot parse it, and it has a word of a key that must not be set.
    #[error(
        "cannot parse {path} ({problem}); it has the word `{word}`, so it may set a key that the agent owns"
    )]
    Unclear {
        /// The absolute path of the file.
        path: String,
        /// The word, in lower case.
        word: &'static str,
        /// The line where parsing stopped, and why.
        problem: Unclear,
    },
}

/// The judgement on a file of the operator.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Why it is refused, if it is.
    pub refused: Option<Conflict>,
    /// Notes for people on what else it sets, one sentence each.
    pub notes: Vec<String>,
}
