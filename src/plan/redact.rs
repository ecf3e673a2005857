//! File contents as they may be shown: secrets as fingerprints, and only a summary of what cannot be parsed.

use crate::state::{Bytes, sha256};
use crate::text::secret::{for_each_text, is_secret, looks_secret};
use serde_json::Value;
use std::collections::BTreeSet;

/// The text of a file for a diff.
pub(super) fn shown(path: &str, bytes: &Bytes) -> String {
    match bytes {
        Bytes::Open(bytes) => open(path, bytes),
        Bytes::Sealed(sealed) => format!("({sealed})\n"),
    }
}

fn open(path: &str, bytes: &[u8]) -> String {
    let summary =
        |what: &str| format!("({what}: {} bytes, sha256 {})\n", bytes.len(), &sha256(bytes)[..16]);
    let Ok(text) = std::str::from_utf8(bytes) else { return summary("not UTF-8") };
    if !path.ends_with(".json") || text.trim().is_empty() {
        return text.to_owned();
    }
    match serde_json::from_str::<Value>(text) {
        Ok(mut value) => {
            if mask(&mut value) {
                format!("{value:#}\n")
            } else {
                text.to_owned()
            }
        }
        // Text that does not parse may hold a secret anywhere.
        Err(_) => summary("not JSON"),
    }
}

/// A text that somebody else wrote, as it may be shown before the agent replaces it: only the lines that the agent's text
/// has too.
pub(super) fn ours_of(before: &str, after: &str) -> String {
    let ours: BTreeSet<&str> = after.lines().collect();
    let mut shown = String::new();
    let mut foreign = 0;
    for line in before.lines().map(Some).chain([None]) {
        if line.is_some_and(|line| !ours.contains(line)) {
            foreign += 1;
            continue;
        }
        if foreign > 0 {
            let lines = if foreign == 1 { "line that is" } else { "lines that are" };
            shown.push_str(&format!("({foreign} {lines} not the agent's)\n"));
            foreign = 0;
        }
        if let Some(line) = line {
            shown.push_str(line);
            shown.push('\n');
        }
    }
    shown
}

/// Replaces secret values with fingerprints; returns whether there were any.
fn mask(value: &mut Value) -> bool {
    let mut found = false;
    for_each_text(value, "", &mut |path, text| {
        if !text.is_empty() && (is_secret(path) || looks_secret(text)) {
            *text = format!("sha256:{}", &sha256(text.as_bytes())[..8]);
            found = true;
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_shown_as_fingerprints() {
        let text = r#"{"auths":{"r.example":{"auth":"dXNlcjpwYXNz"}},"encrypt":"a2V5","acl":[{"tokens":[{"agent":"t0k"}]}],"log_level":"INFO"}"#;
        let shown = open("/etc/docker/config.json", text.as_bytes());
        for secret in ["dXNlcjpwYXNz", "a2V5", "t0k"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(shown.contains("sha256:") && shown.contains("INFO"), "{shown}");
    }

    #[test]
    fn of_a_text_that_somebody_edited_only_our_lines_are_shown() {
        let before = "a=1\nmine\nhush\nb=2\nhush\n";
        let shown =
            "a=1\n(2 lines that are not the agent's)\nb=2\n(1 line that is not the agent's)\n";
        assert_eq!(ours_of(before, "a=1\nb=2\nc=3\n"), shown);
        assert_eq!(ours_of("", "a\n"), "");
    }

    #[test]
    fn what_cannot_be_read_is_not_shown() {
        assert!(!open("x.json", b"{\"encrypt\": \"a2V5\"").contains("a2V5"));
        assert!(open("x", &[0xff, 0xfe]).starts_with("(not UTF-8"));
        assert_eq!(open("cos.sh", b"export A=b\n"), "export A=b\n");
    }
}
