//! Secrets in HCL and TOML that stand behind no name of their own on their line: in a table of tokens
//! (`tokens { agent = "…" }`), in a heredoc, and in a string of several lines.

use super::mask::{Span, is_word, quoted};
use super::{is_masked, is_name, plain};

/// The ranges of such values, in their order.
pub(super) fn spans(text: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(is_word).map(|found| at + found) {
        let rest = &text[start..];
        let end = start + rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let name = plain(&text[start..end]);
        let found = if matches!(name.as_str(), "tokens" | "auths") {
            let (found, behind) = table(text, end);
            at = behind;
            found
        } else {
            let found = is_name(&name).then(|| long_value(text, end)).flatten();
            at = found.as_ref().map_or(end, |found| found.end);
            found.into_iter().collect()
        };
        spans.extend(found.into_iter().filter(|span| !is_masked(&text[span.clone()])));
    }
    spans
}

/// The quoted values of the table that opens behind its name, at whatever depth, and where it ends; keys are not among them.
fn table(text: &str, name_end: usize) -> (Vec<Span>, usize) {
    let rest = &text[name_end..];
    if let Some(body) = rest.strip_prefix("]\n") {
        // TOML: the table ends where the next one begins.
        let start = text.len() - body.len();
        let end = body.find("\n[").map_or(text.len(), |length| start + length);
        return texts(&text[..end], start);
    }
    let before =
        rest.len() - rest.trim_start_matches(['"', '\'', ' ', '\t', '\n', '=', ':', '[']).len();
    let Some(inside) = rest[before..].strip_prefix('{') else { return (Vec::new(), name_end) };
    texts(text, text.len() - inside.len())
}

/// The quoted values from here to the end of the table, or of the text, and where that is.
fn texts(text: &str, start: usize) -> (Vec<Span>, usize) {
    let (mut at, mut depth, mut spans) = (start, 1_usize, Vec::new());
    while let Some(next) = text[at..].find(['"', '\'', '{', '}']).map(|found| at + found) {
        at = next + 1;
        match text.as_bytes()[next] {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {
                let Some(span) = quoted(text, next) else { continue };
                at = (span.end + 1).min(text.len());
                let behind = text.get(at..).unwrap_or_default().trim_start();
                if !behind.starts_with([':', '=', '{']) {
                    spans.push(span);
                }
            }
        }
        if depth == 0 {
            return (spans, at);
        }
    }
    (spans, text.len())
}

/// The lines of a heredoc (`<<EOF`) or of a string in three quotes behind the name of a secret.
fn long_value(text: &str, name_end: usize) -> Option<Span> {
    let rest = &text[name_end..];
    let value = rest.trim_start_matches(['"', '\'', ' ', '\t']);
    let value = value.strip_prefix('=')?.trim_start_matches([' ', '\t']);
    let place = |part: &str| text.len() - part.len();
    if let Some(heredoc) = value.strip_prefix("<<") {
        let (word, lines) = heredoc.split_once('\n')?;
        let word = word.trim_start_matches(['-', '~']).trim();
        let mut length = 0;
        for line in lines.split_inclusive('\n') {
            if line.trim() == word {
                break;
            }
            length += line.len();
        }
        return Some(place(lines)..place(lines) + length);
    }
    let quotes = ["\"\"\"", "'''"].into_iter().find(|quotes| value.starts_with(quotes))?;
    let body = &value[3..];
    let length = body.find(quotes).unwrap_or(body.len());
    Some(place(body)..place(body) + length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::secret::mask::without;

    #[test]
    fn a_value_is_found_in_tables_and_on_lines_of_its_own() {
        for (text, expected) in [
            ("acl { tokens { agent = \"a\" \"default\" = \"b\" } }\nx = \"c\"", &["a", "b"][..]),
            ("tokens = {\n agent = \"a\",\n}\ny = \"c\"", &["a"]),
            (
                "\"auths\": {\"host\": {\"auth\": \"a\", \"email\": \"b\"}}, \"x\": \"c\"",
                &["a", "b"],
            ),
            ("tokens {\n agent = \"a", &["a"]),
            ("[acl.tokens]\nagent = \"a\"\n[x]\ny = \"c\"", &["a"]),
            ("token = <<EOF\na\n  b\nEOF\nx = \"c\"", &["a\n  b\n"]),
            ("token = <<-EOF\n  a\n  EOF\n", &["  a\n"]),
            ("password = \"\"\"\na\"\"\"\nx = 1", &["\na"]),
            ("secret = '''a", &["a"]),
            ("max_tokens = 4\nuser_tokens: 5 tokens of", &[]),
            ("name = <<EOF\na\nEOF", &[]),
            ("token = \"a\"", &[]),
        ] {
            let found: Vec<&str> = spans(text).into_iter().map(|span| &text[span]).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn no_text_is_too_strange() {
        let pieces = [
            "tokens", "token", "{", "}", "\"", "'", "=", " ", "<<E\n", "E\n", "\"\"\"", "é", "\\",
            "\n",
        ];
        for seed in 0..20_000 {
            let mut random = fastrand::Rng::with_seed(seed);
            let text: String =
                (0..random.usize(..20)).map(|_| pieces[random.usize(..pieces.len())]).collect();
            let spans = spans(&text);
            assert!(spans.is_sorted_by(|one, next| one.end <= next.start), "{text:?}: {spans:?}");
            let _ = without(&text, &spans);
        }
    }
}
