//! Searches in the journal of this boot.

use crate::system::command::{self, Output};
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

/// The lines of this boot that match a pattern (PCRE), the newest first, each with its time (`2026-11-22T19:04:05+0000`) and
/// its source. `since`: systemd.time(7), `-24h`. `None` if the journal cannot be searched, or not in time.
pub async fn search(
    path: &str,
    scope: Scope<'_>,
    pattern: &str,
    since: Option<&str>,
    timeout: Duration,
) -> Option<Vec<String>> {
    let pattern = format!("--grep={pattern}");
    // Not `--lines`: before systemd 256 that limits the lines that are searched, not those that are shown.
    let mut args =
        vec!["--boot", "--quiet", "--no-pager", "--reverse", "--output=short-iso", &pattern];
    match scope {
        Scope::Kernel => args.push("--dmesg"),
        Scope::Unit(unit) => args.extend(["--unit", unit]),
    }
    let since = since.map(|since| format!("--since={since}"));
    args.extend(since.as_deref());
    let output = command::run(Path::new("/usr/bin/journalctl"), &args, path, timeout).await.ok()?;
    matches(&output)
}

/// The lines of the output; `None` if it is an error.
fn matches(output: &Output) -> Option<Vec<String>> {
    // Some versions end with 1 if nothing matches. An error has words, such as that the build lacks pattern matching.
    if !output.success() && !output.stderr.trim().is_empty() {
        return None;
    }
    let lines = output.stdout.lines().map(str::trim).filter(|line| !line.is_empty());
    Some(lines.map(str::to_owned).collect())
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
}
