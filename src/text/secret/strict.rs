//! Text that leaves this node, as in a bundle for support. Besides what [`masked`](super::masked) masks, it loses the
//! secrets that no name announces: private keys, JSON Web Tokens, AWS access keys, and the values of options.

use super::mask::{self, Span, is_word, without};
use super::{
    MASK, for_each_text, is_masked, is_name, is_random, is_secret, looks_secret, plain, tables,
};
use serde_json::Value;

/// How the first and the last line of a private key end.
const MARKER: &str = "PRIVATE KEY-----";
const END: &str = "-----END ";

/// A configuration file in HCL, TOML, or any other form but JSON.
pub fn file_masked(text: &str) -> String {
    through(text, &[keys, tables::spans, mask::spans, words])
}

/// The lines of a log. A quote that is not closed ends with its line.
pub fn log_masked(text: &str) -> String {
    through(text, &[keys, |text| by_line(text, mask::spans), |text| by_line(text, words)])
}

/// Masks a configuration file in JSON: the values of secrets by their names, and every value that looks like a secret.
pub fn mask_json_strictly(value: &mut Value) {
    for_each_text(value, "", &mut |path, text| {
        if is_masked(text) {
            return;
        }
        *text = if is_secret(path) || looks_secret(text) {
            MASK.to_owned()
        } else {
            through(text, &[keys, mask::spans, words])
        };
    });
}

/// The values of the secrets in a configuration file, by their names.
pub fn values(text: &str) -> Vec<&str> {
    let named = mask::spans(text).into_iter().filter(|span| {
        // `value: "…"` is for the messages of decoders; in a file it is the value of anything.
        let before = text[..span.start].trim_end_matches(['"', '\'', '`', '\\', ' ', ':']);
        !before.ends_with("value")
    });
    named.chain(tables::spans(text)).map(|span| text[span].trim()).collect()
}

/// The private keys (PEM) in a text, without their first and last lines.
pub fn private_keys(text: &str) -> Vec<&str> {
    keys(text).into_iter().map(|span| text[span].trim()).collect()
}

fn through(text: &str, passes: &[fn(&str) -> Vec<Span>]) -> String {
    let mut text = text.to_owned();
    for pass in passes {
        let spans = pass(&text);
        if !spans.is_empty() {
            text = without(&text, &spans).into_owned();
        }
    }
    text
}

fn by_line(text: &str, find: fn(&str) -> Vec<Span>) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let found = find(line.trim_end_matches('\n'));
        spans.extend(found.into_iter().map(|span| span.start + start..span.end + start));
        start += line.len();
    }
    spans
}

/// Private keys. One that began before the text does, or ends behind it, is masked as far as it is there.
fn keys(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut at = 0;
    while let Some(marker) = text[at..].find(MARKER).map(|found| at + found) {
        // Both the first and the last line of a key end with the marker.
        let line = text[at..marker].rfind("-----").map_or(marker, |dashes| at + dashes);
        let span = if text[line..].starts_with(END) {
            std::mem::replace(&mut at, marker + MARKER.len())..line
        } else {
            let body = marker + MARKER.len();
            let end = text[body..].find("-----").map_or(text.len(), |length| body + length);
            let footer = text[end..].starts_with(END).then(|| text[end..].find(MARKER)).flatten();
            at = footer.map_or(end, |footer| end + footer + MARKER.len());
            body..end
        };
        if !is_masked(text[span.clone()].trim()) {
            spans.push(span);
        }
    }
    spans
}

/// Single words: JSON Web Tokens, tokens of Vault, AWS access keys, and what follows `Bearer` or an option like `-token`.
fn words(text: &str) -> Vec<Span> {
    let is_part = |c: char| is_word(c) || c == '.';
    let mut spans: Vec<Span> = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(is_part).map(|found| at + found) {
        let rest = &text[start..];
        let end = start + rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let word = &text[start..end];
        at = end;
        if let Some(length) = announces(word).then(|| argument(&text[end..])).flatten() {
            let value = text[end..].len() - text[end..].trim_start_matches([' ', '\t']).len();
            at = end + value + length;
            spans.push(end + value..at);
        } else if let Some(token) = token(word) {
            spans.push(start + token..end);
        } else {
            let keys = access_keys(word);
            spans.extend(keys.into_iter().map(|key| start + key.start..start + key.end));
        }
    }
    spans
}

/// Whether the next word is a secret.
fn announces(word: &str) -> bool {
    word == "Bearer" || word.starts_with('-') && is_name(&plain(word))
}

/// The length of a value that follows after a space.
fn argument(rest: &str) -> Option<usize> {
    let value = rest.trim_start_matches([' ', '\t']);
    let end = value.find(|c: char| c.is_whitespace() || "\"'`|;&".contains(c));
    let length = end.unwrap_or(value.len());
    let is_value = value.len() < rest.len() && length > 0 && !value.starts_with('-');
    (is_value && !is_masked(&value[..length])).then_some(length)
}

/// Where a token begins in a word: a JSON Web Token (RFC 7519), or a token of Vault.
fn token(word: &str) -> Option<usize> {
    if let Some(start) = word.find("eyJ") {
        let mut parts = word[start..].split('.');
        let is_long = |part: Option<&str>| part.is_some_and(|part| part.len() >= 8);
        if is_long(parts.next()) && is_long(parts.next()) {
            return Some(start);
        }
    }
    let vault = ["hvs.", "hvb.", "hvr."].iter().find_map(|begin| word.find(begin));
    vault.filter(|start| word.len() - start >= 24)
}

/// Access keys of AWS: the identifiers, and every word of 40 or more random characters, as the secret keys are (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>).
fn access_keys(word: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut at = 0;
    for part in word.split(|c: char| !c.is_ascii_alphanumeric()) {
        let is_key = (part.starts_with("AKIA") || part.starts_with("ASIA"))
            && part.len() >= 16
            && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if is_key || part.len() >= 40 && is_random(part) {
            spans.push(at..at + part.len());
        }
        at += part.len() + 1;
    }
    spans
}

#[cfg(test)]
mod tests;
