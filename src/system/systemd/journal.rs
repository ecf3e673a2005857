//! What units and the kernel said in this boot (journalctl(1)).

use crate::system::command::{self, CommandError, Output};
use crate::system::environment::unix_millis;
use std::path::Path;
use std::time::Duration;

/// Where to search.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'a> {
    /// What the kernel said.
    Kernel,
    /// What a unit said, and what systemd said of it.
    Unit(&'a str),
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How long ago it was written; zero if the clock was set back since.
    pub age: Duration,
    /// What the program wrote.
    pub text: String,
}

/// The last lines that a unit said, the newest last.
pub async fn last(path: &str, unit: &str, lines: usize, timeout: Duration) -> Vec<String> {
    said(path, unit, &format!("--lines={lines}"), timeout).await
}

/// The lines that a unit said in the last `age`, the newest last.
pub async fn within(path: &str, unit: &str, age: Duration, timeout: Duration) -> Vec<String> {
    said(path, unit, &format!("--since=-{}s", age.as_secs()), timeout).await
}

/// The first lines that a unit said since a moment, in seconds since the epoch, the newest last.
pub async fn from(path: &str, unit: &str, since: u64, timeout: Duration) -> Vec<String> {
    said(path, unit, &format!("--since=@{since}"), timeout).await
}

async fn said(path: &str, unit: &str, which: &str, timeout: Duration) -> Vec<String> {
    let asked = ask(path, &["--unit", unit, "--output=cat", which], timeout).await;
    asked.map(|output| lines(&output)).unwrap_or_default()
}

/// The lines that a unit wrote within this time, each with its age, the newest first: at most 1000 lines or 64 KiB. Empty if
/// the journal does not answer.
pub async fn aged(path: &str, unit: &str, within: Duration, timeout: Duration) -> Vec<Line> {
    let since = format!("--since=-{}s", within.as_secs());
    // The newest first, because the end of a long output is cut off.
    let which = ["--unit", unit, &since, "--lines=1000", "--reverse", "--output=short-unix"];
    let asked = ask(path, &which, timeout).await;
    let now = unix_millis();
    asked
        .map(|output| output.stdout.lines().filter_map(|line| read(line, now)).collect())
        .unwrap_or_default()
}

/// The lines that match a pattern (PCRE), the newest first, each with its time (`2026-11-22T19:04:05+0000`) and its source.
/// `since`: systemd.time(7), `-24h`. `None` if the journal cannot be searched, or not in time.
pub async fn search(
    path: &str,
    scope: Scope<'_>,
    pattern: &str,
    since: Option<&str>,
    timeout: Duration,
) -> Option<Vec<String>> {
    let pattern = format!("--grep={pattern}");
    // Not `--lines`: before systemd 256 that limits the lines that are searched, not those that are shown.
    let mut which = vec!["--reverse", "--output=short-iso", &pattern];
    match scope {
        Scope::Kernel => which.push("--dmesg"),
        Scope::Unit(unit) => which.extend(["--unit", unit]),
    }
    let since = since.map(|since| format!("--since={since}"));
    which.extend(since.as_deref());
    matches(&ask(path, &which, timeout).await.ok()?)
}

async fn ask(path: &str, which: &[&str], timeout: Duration) -> Result<Output, CommandError> {
    let args = [&["--boot", "--quiet", "--no-pager"], which].concat();
    command::run(Path::new("/usr/bin/journalctl"), &args, path, timeout).await
}

/// The lines of the output that are not blank.
fn lines(output: &Output) -> Vec<String> {
    let lines = output.stdout.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// The lines of the output; `None` if it is an error.
fn matches(output: &Output) -> Option<Vec<String>> {
    // Some versions end with 1 if nothing matches. An error has words, such as that the build lacks pattern matching.
    if !output.success() && !output.stderr.trim().is_empty() {
        return None;
    }
    Some(lines(output))
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
    fn no_match_is_an_answer_and_an_error_is_none() {
        let output = |code: i32, stdout: &str, stderr: &str| {
            let (stdout, stderr) = (stdout.to_owned(), stderr.to_owned());
            matches(&Output { code: Some(code), stdout, stderr })
        };
        assert_eq!(output(0, "new\n\n old \n", ""), Some(vec!["new".to_owned(), "old".to_owned()]));
        assert_eq!(output(1, "", ""), Some(Vec::new()));
        assert_eq!(output(1, "", "Compiled without pattern matching support\n"), None);
    }

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
