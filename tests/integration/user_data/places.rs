//! Errors and sources give the place in the text as the user wrote it.

use super::{SCRIPT, TOML, base64, gzip, message, ours, refused, taken};

const WRONG: &str = "[consul]\n\nlog_levle = \"debug\"\n";

#[test]
fn lines_are_those_of_the_user_data() {
    for (text, line) in [
        (WRONG.to_owned(), 3),
        (format!("\u{feff}{}", WRONG.replace('\n', "\r\n")), 3),
        (format!("\n\n{WRONG}"), 5),
        (ours("", WRONG), 5),
        (format!("\n{}", ours("", WRONG)), 6),
        (format!("Content-Type: application/vnd.cos-agent+toml\n{WRONG}"), 4),
        (message("b", &[&ours("", WRONG)]), 9),
        (message("b", &[SCRIPT, &ours("", WRONG)]), 15),
        (message("b", &[SCRIPT, &ours("", WRONG)]).replace('\n', "\r\n"), 15),
        (message("o", &[&message("b", &[SCRIPT, &ours("", WRONG)])]), 19),
    ] {
        assert_eq!(text.lines().nth(line - 1), Some("log_levle = \"debug\""), "{text}");
        let words = format!("user data:{line}:1: unknown key `log_levle`");
        refused(&text, &words);
        refused(gzip(&text), &words);
        refused(base64(&text), &words);
    }
    let layers = taken(message("b", &[SCRIPT, &ours("", TOML)]));
    let source = &layers.sources["nomad.log_level"];
    assert_eq!((source.name.as_str(), source.line), ("user data", 17));
}

#[test]
fn a_part_that_is_packed_by_itself_has_lines_of_its_own_and_says_so() {
    let encoding = "Content-Transfer-Encoding: base64\n";
    let part = ours(encoding, &base64(WRONG));
    let words = "user data, part 2 of the MIME message:3:1: unknown key `log_levle`";
    refused(message("b", &[SCRIPT, &part]), words);
    refused(message("b", &[SCRIPT, &ours("", &base64(gzip(WRONG)))]), words);
    let inner = message("i", &[SCRIPT, SCRIPT, &part]);
    refused(message("b", &[&inner]), "user data, part 1.3 of the MIME message:3:1: ");
    refused(part, "user data, the MIME message:3:1: ");
}

#[test]
fn a_table_that_is_opened_twice_is_named() {
    let twice = "[consul]\n[nomad]\n# x\n\n[consul]\n";
    refused(twice, "user data:5:2: duplicate key `consul`");
    refused(message("b", &[&ours("", twice)]), "user data:11:2: duplicate key `consul`");
    refused(
        "[consul]\nlog_level = \"debug\"\nlog_level = \"info\"\n",
        "user data:3:1: duplicate key `log_level`",
    );
}
