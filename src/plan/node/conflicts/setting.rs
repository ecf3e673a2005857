//! The result of reading a file of a daemon: its settings, or why they cannot be read.

use std::fmt;

/// The deepest nesting of blocks that is read. Configuration does not nest deeper, and reading it would need a deeper
/// stack.
pub(super) const DEEPEST: usize = 100;

/// A key that a file sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The keys from the top down.
    pub path: Vec<String>,
    /// Whether its value switches it off: `false` or `0`, also as a string.
    pub off: bool,
}

/// Whether the daemons read a text as `false`: `0`, or `false` in any case.
pub(super) fn is_off(text: &str) -> bool {
    text == "0" || text.eq_ignore_ascii_case("false")
}

/// Why the agent cannot read the keys of a file. It never quotes the file, which may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unclear {
    /// The line, counted from 1; 0 for the file as a whole.
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
