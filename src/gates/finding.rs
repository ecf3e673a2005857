//! What a check found.

use crate::exit::hint::Advice;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Nothing is wrong; what was seen.
    Pass(String),
    /// Something must happen elsewhere first; nothing is wrong with this node.
    Waiting(Problem),
    /// Something is wrong, and the node works in spite of it.
    Warn(Problem),
    /// Something is wrong.
    Fail(Problem),
    /// It cannot be determined; the hint says what would have to be granted or repeated.
    Unknown(Problem),
}

/// What is wrong. Every problem has a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What was found.
    pub found: String,
    /// What was expected.
    pub expected: String,
    /// What to do.
    pub hint: Advice,
    /// Lines that prove what was found: answers, lines of a file or of the journal.
    pub evidence: Vec<String>,
}

impl Finding {
    /// Whether nothing stands in the way of the checks that need this one.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Pass(_) | Self::Warn(_))
    }

    /// The problem, if there is one.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Pass(_) => None,
            Self::Waiting(problem)
            | Self::Warn(problem)
            | Self::Fail(problem)
            | Self::Unknown(problem) => Some(problem),
        }
    }
}

impl Problem {
    /// A problem.
    pub fn new(found: impl Into<String>, expected: impl Into<String>, hint: Advice) -> Self {
        Self { found: found.into(), expected: expected.into(), hint, evidence: Vec::new() }
    }

    /// The same with lines that prove it.
    #[must_use]
    pub fn with(self, evidence: Vec<String>) -> Self {
        Self { evidence, ..self }
    }
}
