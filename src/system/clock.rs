//! The clock of this host against that of a server, by the `Date` of its answer (RFC 9110 6.6.1).

use super::environment;
use std::time::{Duration, SystemTime};

/// Two clocks at one moment. A `Date` has whole seconds, so the difference is right to about 1 s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    /// The time of the server.
    pub theirs: SystemTime,
    /// The time of this host.
    pub ours: SystemTime,
}

impl Offset {
    /// By an answer that has just arrived; `None` if it has no valid date.
    pub fn of(response: &reqwest::Response) -> Option<Self> {
        let date = response.headers().get("date")?.to_str().ok()?;
        let theirs = httpdate::parse_http_date(date).ok()?;
        // The fraction of the second is cut off, so on average half a second is missing.
        Some(Self { theirs: theirs + Duration::from_millis(500), ours: environment::now() })
    }

    /// How many seconds the clock of this host is ahead; negative if it is behind.
    pub fn seconds_ahead(self) -> f64 {
        match self.ours.duration_since(self.theirs) {
            Ok(ahead) => ahead.as_secs_f64(),
            Err(behind) => -behind.duration().as_secs_f64(),
        }
    }
}

/// A moment in UTC as `2026-11-22T19:04:05Z` (RFC 3339).
pub fn shown(moment: SystemTime) -> String {
    let since = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    environment::rfc3339(since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(date: &str) -> reqwest::Response {
        hyper::Response::builder().header("date", date).body("").unwrap().into()
    }

    #[test]
    fn an_answer_of_now_has_no_offset_and_one_of_1994_has_a_large_one() {
        let now = httpdate::fmt_http_date(environment::now());
        let offset = Offset::of(&answer(&now)).unwrap().seconds_ahead();
        assert!(offset.abs() < 1.5, "{offset}");
        let old = Offset::of(&answer("Sun, 06 Nov 1994 08:49:37 GMT")).unwrap();
        assert!(old.seconds_ahead() > 1e9);
        assert_eq!(shown(old.theirs), "1994-11-06T08:49:37Z");
        let swapped = Offset { theirs: old.ours, ours: old.theirs };
        assert!(swapped.seconds_ahead() < -1e9);
        assert_eq!(Offset::of(&answer("yesterday")), None);
    }
}
