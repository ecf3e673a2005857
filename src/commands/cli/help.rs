//! The help below the options of a command: examples, what else there is to say, and the exit codes.

use crate::exit::ExitCode;

/// An exit code, and what it means for one command.
pub(super) type Line = (ExitCode, &'static str);

/// The exit codes of a command that cannot fail.
pub(super) const DONE: &[Line] = &[usual(ExitCode::Done)];

/// An exit code with its general meaning.
pub(super) const fn usual(code: ExitCode) -> Line {
    (code, code.meaning())
}

/// The exit codes that follow [`ExitCode::Done`] in a list that begins with it.
pub(super) fn after_done(codes: &[Line]) -> &[Line] {
    codes.get(1..).unwrap_or_default()
}

/// The help of one command: the examples a line each, a paragraph (may be empty), and the exit codes.
pub(super) fn page(examples: &[&str], text: &str, codes: &[Line]) -> String {
    let examples: String = examples.iter().map(|example| format!("  {example}\n")).collect();
    let text = if text.is_empty() { String::new() } else { format!("{text}\n\n") };
    format!("Examples:\n{examples}\n{text}Exit codes:\n{}", list(codes))
}

/// The help of the program: every exit code, with its meaning.
pub(super) fn all_exit_codes() -> String {
    format!("Exit codes (sysexits.h):\n{}", list(&ExitCode::ALL.map(usual)))
}

fn list(codes: &[Line]) -> String {
    let lines: Vec<String> =
        codes.iter().map(|(code, meaning)| format!("  {:>2}  {meaning}", *code as u8)).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_examples_text_and_exit_codes() {
        assert_eq!(
            page(&["cos-agent man"], "", DONE),
            "Examples:\n  cos-agent man\n\nExit codes:\n   0  done"
        );
        assert_eq!(
            page(&["a", "b"], "Why.", &[(ExitCode::Usage, "no such file")]),
            "Examples:\n  a\n  b\n\nWhy.\n\nExit codes:\n  64  no such file"
        );
    }
}
