//! Lengths of time as people type them.

use std::time::Duration;

/// A length of time as people type it: `500ms`, `90s`, `5m`, `1h 30m`. `None` if it is malformed, or longer than `longest`.
///
/// <https://docs.rs/humantime/2/humantime/fn.parse_duration.html>
pub fn duration(text: &str, longest: Duration) -> Option<Duration> {
    // The crate panics if whole seconds at the limit of u64 are followed by 1000ms. Even in years that needs 12 + 4 digits.
    if text.bytes().filter(u8::is_ascii_digit).count() > 15 {
        return None;
    }
    humantime::parse_duration(text).ok().filter(|length| *length <= longest)
}

/// How long ago something was, in its largest unit: `12 s ago`, `3 min ago`, `5 h ago`, `2 d ago`.
pub fn ago(length: Duration) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "d"), (3600, "h"), (60, "min")];
    let seconds = length.as_secs();
    let (size, unit) = UNITS.into_iter().find(|(size, _)| seconds >= *size).unwrap_or((1, "s"));
    format!("{} {unit} ago", seconds / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_ago_is_told_in_its_largest_unit() {
        for (seconds, text) in [
            (0, "0 s ago"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (7199, "1 h ago"),
            (180_000, "2 d ago"),
        ] {
            assert_eq!(ago(Duration::from_secs(seconds)), text);
        }
    }

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
}
