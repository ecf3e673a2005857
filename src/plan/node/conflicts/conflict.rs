//! Why a file of the operator is refused.

use std::fmt;

/// A file that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// It sets a key of ours.
    #[error("{path} sets `{key}`: {reason}")]
    Sets {
        /// The file.
        path: String,
        /// The dotted key.
        key: String,
        /// Why that is refused.
        reason: String,
    },
    /// What it sets is not known, and it holds a word of a key that must not be set.
    #[error(
        "cannot parse {path} ({problem}); it has the word `{word}`, so it may set a key that the agent owns"
    )]
    Unclear {
        /// The file.
        path: String,
        /// The word.
        word: &'static str,
        /// Where and why.
        problem: Unclear,
    },
}

/// Why the keys of a file are not known. The text itself may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unclear {
    /// From 1 on; 0 for the file as a whole.
    pub line: usize,
    /// What was found, or expected.
    pub problem: &'static str,
}

impl Unclear {
    pub(super) fn somewhere(problem: &'static str) -> Self {
        Self { line: 0, problem }
    }
}

impl fmt::Display for Unclear {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => formatter.write_str(self.problem),
            line => write!(formatter, "line {line}: {}", self.problem),
        }
    }
}
