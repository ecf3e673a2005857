//! Whether a text is for cos-agent or for another program, decided by its beginning and by its TOML tables.

use super::super::settings::TABLES;
use super::message;
use super::tables::names_our_tables;
use std::borrow::Cow;

/// The byte order mark of UTF-8.
pub(super) const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

const ARCHIVE: &str = "#cloud-config-archive";

/// The beginnings of texts for other programs: for cloud-init (<https://docs.cloud-init.io/en/latest/explanation/format.html>),
/// for the launch agents of Windows, and those that are not TOML.
const KINDS: [(&str, &str); 16] = [
    ("#!", "a script"),
    (ARCHIVE, "a cloud-config archive"),
    ("#cloud-config", "a cloud-config"),
    ("#cloud-boothook", "a cloud-init boothook"),
    ("#include", "a cloud-init include"),
    ("#part-handler", "a cloud-init part handler"),
    ("#upstart-job", "an upstart job"),
    ("## template:", "a cloud-init template"),
    ("##template:", "a cloud-init template"),
    ("#ps1", "a Windows script"),
    ("rem cmd", "a Windows script"),
    ("<", "a Windows script"),
    ("{", "JSON"),
    ("---", "YAML"),
    ("%YAML", "YAML"),
    ("-----BEGIN", "PEM"),
];

/// The kind of a text that is certainly for another program.
pub(super) fn of(text: &str) -> Option<&'static str> {
    let start = text.trim_start();
    if start.is_empty() {
        return Some("empty");
    }
    KINDS.iter().find(|(mark, _)| start.starts_with(mark)).map(|(_, kind)| *kind)
}

/// Whether damaged data is for cos-agent, by the part that can be read.
pub(super) fn is_addressed(data: &[u8]) -> bool {
    let text = readable(data);
    let last = text.rsplit('\n').next().unwrap_or_default();
    let begins_a_table = last.strip_prefix('[').is_some_and(|begun| {
        begun.len() > 1 && TABLES.iter().any(|table| table.starts_with(begun))
    });
    if message::is_message(text.as_bytes()) {
        return message::names_our_type(text.as_bytes());
    }
    of(&text).is_none()
        && (names_our_tables(&text) || begins_a_table || message::names_our_type(text.as_bytes()))
}

/// Any bytes as text. UTF-16 and UTF-32 keep only their ASCII letters, of which TOML keys consist.
fn readable(data: &[u8]) -> Cow<'_, str> {
    if is_wide(data) {
        let letters = data.iter().copied().filter(|byte| (1..0x80).contains(byte));
        return Cow::Owned(letters.map(char::from).collect());
    }
    String::from_utf8_lossy(data.strip_prefix(UTF8_MARK).unwrap_or(data))
}

/// Whether bytes are UTF-16 or UTF-32: most of a TOML text is ASCII, where every other byte is null.
pub(super) fn is_wide(data: &[u8]) -> bool {
    let start = &data[..data.len().min(64)];
    let nulls = count(start, 0);
    data.starts_with(b"\xff\xfe") || data.starts_with(b"\xfe\xff") || nulls * 3 > start.len()
}

/// The problem of a settings text that is not UTF-8 and begins after so many lines.
pub(super) fn wrong_encoding(data: &[u8], lines_before: usize) -> String {
    if is_wide(data) {
        return "expected UTF-8, found UTF-16 or UTF-32".to_owned();
    }
    let valid = std::str::from_utf8(data).map_or_else(|error| error.valid_up_to(), str::len);
    let line = lines_before + count(&data[..valid], b'\n') + 1;
    let before = String::from_utf8_lossy(&data[..valid]);
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let found = data.get(valid).copied().unwrap_or_default();
    format!("line {line}, column {column}: expected UTF-8, found the byte 0x{found:02x}")
}

/// How often a byte occurs in data.
pub(super) fn count(data: &[u8], wanted: u8) -> usize {
    data.split(|byte| *byte == wanted).count() - 1
}

/// Whether a text is a cloud-config archive (a list of parts in YAML) with a part for cos-agent.
pub(super) fn is_archive_with_ours(text: &str) -> bool {
    let entry = |line: &str| {
        let key = line.trim_start_matches([' ', '\t', '-', '{']);
        key.strip_prefix("type:").is_some_and(|kind| kind.contains(message::OUR_WORD))
    };
    text.trim_start().starts_with(ARCHIVE) && text.lines().any(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_text_is_told_by_what_is_left_of_it() {
        for ours in [
            &b"[nomad]\nx"[..],
            b"# x\n[no",
            b"\xff\xfe[\0n\0o\0m\0a\0d\0]\0\n\0",
            b"\xef\xbb\xbf[ca]\n\xe4",
        ] {
            assert!(is_addressed(ours), "{ours:?}");
        }
        for other in [
            &b""[..],
            b"#!/bin/sh\n[nomad]\n",
            b"[x",
            b"[",
            b"\0\0\0\0",
            b"\xff\xfe#\0!\0[\0c\0a\0]\0",
        ] {
            assert!(!is_addressed(other), "{other:?}");
        }
    }
}
