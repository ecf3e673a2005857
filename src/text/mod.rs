//! PURE: text as it is read, and as it is shown: encodings, names, near misses, and what is never shown.

mod duration;
pub mod secret;
pub mod wrap;

pub use duration::{ago, duration};
use std::borrow::Cow;
use std::fmt;

/// The text of a file as editors save it, without a byte order mark: UTF-8, or UTF-16 if it begins with that mark.
/// `None` if it is neither.
pub fn decoded(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
        String::from_utf16(&units).ok().filter(|_| rest.is_empty()).map(Cow::Owned)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest).ok().map(Cow::Borrowed),
        _ => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
    }
}

/// Whether a file begins with a byte order mark.
pub fn is_marked(bytes: &[u8]) -> bool {
    [&[0xff, 0xfe][..], &[0xfe, 0xff], &[0xef, 0xbb, 0xbf]]
        .iter()
        .any(|mark| bytes.starts_with(mark))
}

/// The candidate that a misspelt word was probably meant to be.
pub fn nearest<'a>(found: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let found = found.to_lowercase();
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(&found, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A number of things: `1 member`, `2 members`. For nouns whose plural ends in a plain `s`.
pub fn count<N: fmt::Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    if number == N::from(1) { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// A name as people read it: bytes that are not UTF-8, and control characters, are escaped (`\xff.json`).
pub fn shown(name: &std::ffi::OsStr) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut text = String::new();
    for chunk in name.as_bytes().utf8_chunks() {
        for char in chunk.valid().chars() {
            if char.is_control() {
                text.extend(char.escape_default());
            } else {
                text.push(char);
            }
        }
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_singular_and_none_is_plural() {
        let counted = [0, 1, 2].map(|number| count(number, "other server"));
        assert_eq!(counted, ["0 other servers", "1 other server", "2 other servers"]);
    }

    #[test]
    fn every_mark_is_taken_off() {
        let wide = |unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
            "\u{feff}ä{}".encode_utf16().flat_map(unit).collect()
        };
        for bytes in
            ["ä{}".into(), "\u{feff}ä{}".into(), wide(u16::to_le_bytes), wide(u16::to_be_bytes)]
        {
            assert_eq!(decoded(&bytes).as_deref(), Some("ä{}"), "{bytes:?}");
        }
        for bytes in [&b"\xff"[..], b"\xff\xfea", b"\xff\xfe\x00\xd8", b"\xef\xbb\xbf\xff"] {
            assert_eq!(decoded(bytes), None, "{bytes:?}");
        }
    }
}
