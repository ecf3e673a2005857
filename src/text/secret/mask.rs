//! Secrets in text of any kind: the values after their names, and in URLs.

use super::{MASK, is_masked, is_name, is_random, is_uuid, plain};
use std::borrow::Cow;

/// A text as it may be shown: without the values of secrets (`token = "…"`, `"encrypt": "…"`, `X-Nomad-Token: …`),
/// without the user and password of a URL, and without the value that a decoder quotes when it cannot decode it.
pub fn masked(text: &str) -> Cow<'_, str> {
    without(text, &spans(text))
}

/// A text with [`MASK`] in place of these ranges, which are in their order and do not overlap.
pub(super) fn without<'a>(text: &'a str, spans: &[Span]) -> Cow<'a, str> {
    if spans.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut kept = 0;
    for span in spans {
        out.push_str(&text[kept..span.start]);
        out.push_str(MASK);
        kept = span.end;
    }
    out.push_str(&text[kept..]);
    Cow::Owned(out)
}

/// The ranges that [`masked`] masks, in their order.
pub(super) fn spans(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(begins).map(|found| at + found) {
        let (end, secret) = one(text, start);
        // A value that is masked already stays.
        spans.extend(secret.filter(|secret| !is_masked(&text[secret.clone()])));
        at = end;
    }
    spans
}

pub(super) type Span = std::ops::Range<usize>;

fn begins(c: char) -> bool {
    is_word(c) || c == ':'
}

pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// Reads the word or URL that begins at `start`: where to continue, and the range to mask.
fn one(text: &str, start: usize) -> (usize, Option<Span>) {
    if let Some(rest) = text[start..].strip_prefix("://") {
        let begin = start + 3;
        let authority = rest.find(|c: char| c.is_whitespace() || "/?#\"'`<>".contains(c));
        let end = begin + authority.unwrap_or(rest.len());
        let user = text[begin..end].rfind('@').map(|length| begin..begin + length);
        return (user.as_ref().map_or(begin, |user| user.end), user);
    }
    let rest = &text[start..];
    let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
    if length == 0 {
        return (start + 1, None);
    }
    let end = start + length;
    let name = plain(&rest[..length]);
    let secret = if is_name(&name) {
        // A header's value is the rest of its line.
        let is_header = rest[..length].contains('-') || name.ends_with("authorization");
        value(text, end, is_header)
    } else if name == "value" && text[end..].starts_with(": ") {
        quoted(text, end + 2)
    } else {
        None
    };
    (secret.as_ref().map_or(end, |secret| secret.end), secret)
}

/// The value of a secret whose name ends at `name_end`.
fn value(text: &str, name_end: usize, is_header: bool) -> Option<Span> {
    let mut at = name_end;
    let skip = |at: usize, of: &[char]| text.len() - text[at..].trim_start_matches(of).len();
    let after_quote = skip(at, &['\\', '"', '\'', '`', ']']);
    let was_quoted = after_quote > at;
    at = skip(after_quote, &[' ', '\t']);
    let sign = text[at..].chars().next().filter(|sign| matches!(sign, '=' | ':'))?;
    at = skip(at, &['=', ':', '>']);
    at = skip(at, &[' ', '\t']);
    if let Some(span) = quoted(text, at) {
        return Some(span);
    }
    let rest = &text[at..];
    let is_list = rest.starts_with('[');
    let length = if is_list {
        rest.find(']').unwrap_or(rest.len())
    } else if is_header {
        rest.find(['\n', '"', '\'', '`', '\u{1b}']).unwrap_or(rest.len())
    } else {
        rest.find(|c: char| c.is_whitespace() || ",;&|)]}\"'`\u{1b}".contains(c))
            .unwrap_or(rest.len())
    };
    let found = &rest[..length];
    if is_list && found.contains('{') {
        return None;
    }
    // `no token: connection refused` is not a secret.
    let is_value = sign == '=' || is_header || was_quoted || is_uuid(found) || is_random(found);
    let is_plain = matches!(found, "true" | "false" | "null" | "{" | "[" | "nothing");
    (is_value && !is_plain).then_some(at..at + length)
}

/// The range between the quotes that open at `at`. A backslash before a quote, as in JSON within JSON, is part of the quote.
pub(super) fn quoted(text: &str, at: usize) -> Option<Span> {
    let opening = text[at..].len() - text[at..].trim_start_matches('\\').len();
    let quote = text[at + opening..].chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let begin = at + opening + 1;
    let closing = format!("{}{quote}", &text[at..at + opening]);
    let mut end = begin;
    loop {
        let found = text[end..].find(&closing).map(|found| end + found);
        match found {
            // An escaped quote is a part of the value.
            Some(found) if opening == 0 && text[begin..found].ends_with('\\') => end = found + 1,
            Some(found) => {
                end = found;
                break;
            }
            None => {
                end = text.len();
                break;
            }
        }
    }
    Some(begin..end)
}

/// The quoted values of an operator's file in HCL or JSON, which a validator may repeat in its messages. Without keys,
/// labels, paths and numbers.
pub fn quoted_values(text: &str) -> Vec<&str> {
    let mut values = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find('"').map(|found| at + found) {
        let Some(span) = quoted(text, open) else {
            at = open + 1;
            continue;
        };
        at = (span.end + 1).min(text.len());
        let behind = text.get(at..).unwrap_or_default().trim_start();
        let value = &text[span];
        let is_path = value.starts_with('/') && !value.contains(['=', '+']);
        let is_number = value.chars().all(|c| c.is_ascii_digit() || ".:/".contains(c));
        if value.len() >= 4 && !behind.starts_with([':', '=', '{', '"']) && !is_path && !is_number {
            values.push(value);
        }
    }
    values
}
