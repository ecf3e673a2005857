//! The last lines of a unit in the journal, each with its age.

use crate::system::command;
use crate::system::environment::unix_millis;
use std::path::Path;
use std::time::Duration;

/// Most lines that are read.
const LINES: &str = "--lines=1000";

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How long ago it was written; zero if the clock was set back since.
    pub age: Duration,
    /// What the program wrote.
    pub text: String,
}

/// The lines that a unit wrote in this boot within this time, the newest first: at most 1000 lines or 64 KiB. Empty if the
/// journal does not answer.
pub async fn recent(path: &str, unit: &str, within: Duration, timeout: Duration) -> Vec<Line> {
    let since = format!("--since=-{}s", within.as_secs());
    // The newest first, because the end of a long output is cut off.
    let args = [
        "--boot",
        "--unit",
        unit,
        &since,
        LINES,
        "--reverse",
        "--output=short-unix",
        "--no-pager",
        "--quiet",
    ];
    let ran = command::run(Path::new("/usr/bin/journalctl"), &args, path, timeout).await;
    let now = unix_millis();
    ran.map(|output| output.stdout.lines().filter_map(|line| read(line, now)).collect())
        .unwrap_or_default()
}

/// `1795374245.123456 host consul[42]: text` (journalctl(1), `short-unix`).
fn read(line: &str, now: u64) -> Option<Line> {
    let (moment, rest) = line.split_once(' ')?;
    let (seconds, fraction) = moment.split_once('.')?;
    let millis =
        seconds.parse::<u64>().ok()?.checked_mul(1000)? + fraction.get(..3)?.parse::<u64>().ok()?;
    let (_, text) = rest.split_once("]: ")?;
    Some(Line { age: Duration::from_millis(now.saturating_sub(millis)), text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_journal_has_an_age() {
        let line = read("1795374245.123456 ip-10-0-0-4 consul[42]: a [b]: c", 1_795_374_250_623);
        let expected = Line { age: Duration::from_millis(5500), text: "a [b]: c".to_owned() };
        assert_eq!(line, Some(expected));
        assert_eq!(read("1795374245.123456 h c[4]: x", 0).unwrap().age, Duration::ZERO);
        for other in
            ["", "-- Boot 1 --", "    second line of a message", "1.2 h c[4]: x", "x.123 h c[4]: x"]
        {
            assert_eq!(read(other, 0), None, "{other}");
        }
    }
}
