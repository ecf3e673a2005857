//! Text that others write and we read: files as editors save them, lengths of time as people type them.

use std::borrow::Cow;
use std::time::Duration;

/// The text of a file without the byte order mark that it may begin with: UTF-8, or UTF-16 that says by its mark that it is
/// one. `None` where it is neither.
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

/// A length of time as people type it: `500ms`, `90s`, `5m`, `1h 30m`. `None` where it is none, or longer than `longest`.
///
/// <https://docs.rs/humantime/2/humantime/fn.parse_duration.html>
pub fn duration(text: &str, longest: Duration) -> Option<Duration> {
    // The crate panics where whole seconds at the limit of u64 meet 1000ms. Even in years this takes 12 + 4 digits.
    if text.bytes().filter(u8::is_ascii_digit).count() > 15 {
        return None;
    }
    humantime::parse_duration(text).ok().filter(|length| *length <= longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_a_number_a_unit_and_a_limit() {
        const HOUR: Duration = Duration::from_secs(3600);
        for (text, millis) in [
            ("0s", 0),
            ("500ms", 500),
            ("007s", 7000),
            ("90s", 90_000),
            ("5m", 300_000),
            ("5 min", 300_000),
            ("1m 30s", 90_000),
            ("1.5s", 1500),
            ("1h", 3_600_000),
        ] {
            assert_eq!(duration(text, HOUR), Some(Duration::from_millis(millis)), "{text}");
        }
        for wrong in [
            "",
            " ",
            "s",
            "5",
            "-5s",
            "+5s",
            "5S",
            "5 parsecs",
            "s5",
            "5,5s",
            "1h 1ms",
            "3601s",
            "1d",
            "1M",
            "\u{665}s",
            "18446744073709551615s",
            "99999999999999999999s",
            "18446744073709551615h",
            "5s\0",
            "18446744073709551615s 1000ms",
            "5124095576030431h 15s 1000ms",
        ] {
            assert_eq!(duration(wrong, HOUR), None, "{wrong}");
        }
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
