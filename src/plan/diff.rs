//! The unified diff of two texts, by lines.
//!
//! The text differ of `similar` links every algorithm that it has: 380 kB of a binary that may have 5 MB. Myers alone is
//! enough for configuration files.

use similar::algorithms::{Capture, Replace, myers};
use similar::udiff::UnifiedHunkHeader;
use similar::{DiffOp, group_diff_ops};

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// A line of a diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// The position of the lines that follow, `@@ … @@`.
    Header(String),
    /// A line that both texts have.
    Same(String),
    /// A line that only the old text has.
    Gone(String),
    /// A line that only the new text has.
    Added(String),
}

/// The lines of the diff, without the names of the files.
pub(super) fn lines(before: &str, after: &str) -> Vec<Line> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let mut capture = Replace::new(Capture::new());
    // The error type of the hook has no value, so this cannot fail.
    let Ok(()) = myers::diff(&mut capture, &old, 0..old.len(), &new, 0..new.len());
    let mut lines = Vec::new();
    for hunk in group_diff_ops(capture.into_inner().into_ops(), CONTEXT) {
        lines.push(Line::Header(UnifiedHunkHeader::new(&hunk).to_string()));
        for operation in &hunk {
            let (gone, added) = (&old[operation.old_range()], &new[operation.new_range()]);
            match operation {
                DiffOp::Equal { .. } => {
                    lines.extend(gone.iter().map(|line| Line::Same((*line).to_owned())))
                }
                _ => {
                    lines.extend(gone.iter().map(|line| Line::Gone((*line).to_owned())));
                    lines.extend(added.iter().map(|line| Line::Added((*line).to_owned())));
                }
            }
        }
    }
    lines
}

impl std::fmt::Display for Line {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Header(text) => write!(formatter, "{text}"),
            Self::Same(text) => write!(formatter, " {text}"),
            Self::Gone(text) => write!(formatter, "-{text}"),
            Self::Added(text) => write!(formatter, "+{text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_stand_between_their_neighbours() {
        let before: String = (1..=12).map(|number| format!("{number}\n")).collect();
        let after = before.replace("6\n", "six\nand a half\n");
        let text: Vec<String> = lines(&before, &after).iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            ["@@ -3,7 +3,8 @@", " 3", " 4", " 5", "-6", "+six", "+and a half", " 7", " 8", " 9"]
        );
        assert!(lines("same\n", "same\n").is_empty());
        assert_eq!(lines("", "new\n").len(), 2);
    }
}
