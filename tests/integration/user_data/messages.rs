//! Messages: missing blank lines, messages in messages, headers in all their forms.

use super::{MEDIA_TYPE, SCRIPT, TOML, base64, gzip, ignored, message, ours, refused, taken};

#[test]
fn headers_in_all_their_forms() {
    let part = ours("", TOML);
    let plain = message("MIMEBOUNDARY", &[SCRIPT, &part]);
    let top = "Content-Type: multipart/mixed; boundary=\"MIMEBOUNDARY\"";
    for form in [
        plain.clone(),
        plain.replace('\n', "\r\n"),
        format!("\n{plain}"),
        format!("\r\n \n{plain}"),
        format!("\u{feff}{plain}"),
        format!("From nobody Thu Jan  1 00:00:00 1970\n{plain}"),
        plain.replace("mixed; boundary", "mixed;\n\tboundary"),
        plain.replace("\"MIMEBOUNDARY\"", "MIMEBOUNDARY"),
        plain.replace("MIME-Version: 1.0\n", ""),
        plain.replace(top, &format!("{top}; charset=\"utf-8\"")),
        plain.replace(top, &format!("Subject: x: y\n{top}\nNumber-Attachments: 2")),
        plain.replace("Content-Type", "CONTENT-TYPE").replace("multipart", "Multipart"),
        plain.replace("Content-Type: ", "content-type:"),
        plain.replace("Content-Type: ", "Content-Type:\n "),
        plain.replace(MEDIA_TYPE, "Application/vnd.COS-agent+TOML"),
        plain.replace(MEDIA_TYPE, &format!("{MEDIA_TYPE}; charset=\"utf-8\"; name=x")),
        plain.replace(MEDIA_TYPE, &format!("{MEDIA_TYPE} (settings)")),
        plain.replace("--MIMEBOUNDARY\n", "--MIMEBOUNDARY  \n"),
        plain.replace("MIMEBOUNDARY", "a;b"),
        plain.replace("MIMEBOUNDARY", "//"),
        plain.replace("MIMEBOUNDARY", "=_a:b c?d"),
        plain.replace("MIMEBOUNDARY", "b"),
        format!("A message.\n{plain}").replacen("A message.\n", "", 1) + "\nThe end.\n",
        plain.replacen("\n\n--MIME", "\n\nThis is a message of many parts.\n--MIME", 1),
        plain.trim_end().to_owned(),
        format!("MIME-Version: 1.0\n{}", ours("", TOML)),
        ours("", TOML),
        ours("Content-Disposition: attachment;\n filename=\"a.toml\"\n", TOML),
    ] {
        taken(form);
    }
}

#[test]
fn a_blank_line_may_be_missing_anywhere() {
    let part = ours("", TOML);
    let joined = format!("Content-Type: {MEDIA_TYPE}\n{TOML}");
    taken(&joined);
    taken(joined.replace('\n', "\r\n"));
    for comment in ["# Content: x\n", "#x:y\n", "consul.datacenter=\"a:b\"\n"] {
        taken(format!(
            "Content-Type: {MEDIA_TYPE}\n{comment}{}",
            TOML.replace("[consul]\n", "consul.")
        ));
    }
    for parts in [
        [SCRIPT, &joined],
        [&joined, SCRIPT],
        [&joined, "Content-Type: text/x-shellscript\n#!/bin/sh\n"],
    ] {
        let whole = message("//", &parts);
        taken(&whole);
        taken(whole.replacen("\n\n", "\n", 1));
        taken(whole.replace('\n', "\r\n"));
    }
    taken(message("b", &[SCRIPT, &part]).replacen("\n\n", "\n", 1));
    taken(message("b", &[SCRIPT, &part]).replacen("\n\n", "\n  \n", 3));
    taken(message("b", &[SCRIPT, &format!("\n{part}")]));
    // A table for the continuation of a header: nobody can tell.
    let indented = TOML.replace('\n', "\n  ");
    let words = refused(
        message("b", &[&format!("Content-Type: {MEDIA_TYPE}\n  {indented}")]),
        "no blank line",
    );
    assert!(
        words.starts_with("user data: part 1 of the MIME message has no blank line"),
        "{words}"
    );
    for line in ["[nmd]", "consul.log_level = 1", "# x\n  nomad = {}"] {
        refused(format!("Content-Type: {MEDIA_TYPE}\n  {line}\n\n{TOML}"), "no blank line");
    }
    taken(message("b", &[&format!("Content-Type: {MEDIA_TYPE}\n\n  {indented}")]));
}

#[test]
fn a_message_in_a_message_is_read() {
    let inner = message("INNER", &[SCRIPT, &ours("", TOML)]);
    let encoded = |kind: &str, body: &str| {
        format!(
            "Content-Type: {kind}\nMIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n{}",
            base64(body)
        )
    };
    for part in [
        inner.clone(),
        inner.replace("INNER", "OUTER-INNER"),
        inner.replacen("\n\n", "\n", 1),
        // Tools that put what they are given into a part of a type that they were told, or of none.
        format!("Content-Type: multipart/mixed\nMIME-Version: 1.0\n\n{inner}"),
        format!("Content-Type: message/rfc822\n\n{inner}"),
        format!("Content-Type: text/plain\n\n{inner}"),
        format!("Content-Type: text/x-shellscript\n\n{inner}"),
        format!("\n{inner}"),
        encoded("text/plain", &inner),
        encoded("message/rfc822", &inner),
        format!(
            "Content-Type: application/gzip\nContent-Transfer-Encoding: base64\n\n{}",
            base64(gzip(&inner))
        ),
    ] {
        for whole in [message("OUTER", &[&part, SCRIPT]), message("OUTER", &[SCRIPT, &part])] {
            taken(&whole);
            taken(whole.replace('\n', "\r\n"));
            taken(gzip(&whole));
        }
    }
    let mut deep = ours("", TOML);
    for level in 0..8 {
        deep = message(&format!("level-{level}"), &[&deep, SCRIPT]);
    }
    taken(&deep);
    for level in 8..200 {
        deep = message(&format!("level-{level}"), &[&deep, SCRIPT]);
    }
    refused(&deep, "more than 12 messages");
    ignored(deep.replace(MEDIA_TYPE, "text/plain"));
}

#[test]
fn a_delimiter_is_a_whole_line() {
    let toml = TOML
        .replace("\n\n", "\n# run it with --b, or --bind\n--b\n")
        .replace("\n--b\n", "\n#--b\n");
    taken(message("b", &[&ours("", &toml), SCRIPT]));
    let script = "Content-Type: text/x-shellscript\n\n#!/bin/sh\nx \\\n--bind y --b z\n--b-- z\n";
    taken(message("b", &[script, &ours("", TOML)]));
}

#[test]
fn a_part_of_ours_that_cannot_be_found_is_refused() {
    let part = ours("", TOML);
    let whole = message("b", &[SCRIPT, &part]);
    for (form, words) in [
        (whole.replace("--b--\n", ""), "was cut off: expected `--b--` at its end"),
        (whole.replace("; boundary=\"b\"", ""), "boundary is missing"),
        (whole.replace("\"b\"", "\"c\""), "expected a line `--c` before each part"),
        (whole.replace("\n--b", "\n  --b"), "expected a line `--b`"),
        (format!("{whole}\n{part}"), "outside of its parts"),
        (format!("{whole}{whole}"), "outside of its parts"),
        (format!("Dear all,\n{whole}"), "does not begin with the headers"),
        (
            whole.replace('\n', "\n    ").replacen("Content", "    Content", 1),
            "does not begin with the headers",
        ),
        (whole.replace('\n', "\r"), "type"),
        (message("b", &[&part, &part]), "two parts of type"),
        (message("b", &[&message("c", &[&part]), &part]), "two parts of type"),
        (
            message("b", &[&format!("Content-Type: text/plain\n{part}")]),
            "part 1 of the MIME message has the type `text/plain`",
        ),
        (message("b", &[&format!("# settings\n{part}")]), "not a header"),
        (
            whole.replace(MEDIA_TYPE, "application/cos-agent"),
            "has the type `application/cos-agent`, expected",
        ),
        (
            whole.replace(MEDIA_TYPE, "text/vnd.cos-agent+toml"),
            "has the type `text/vnd.cos-agent+toml`",
        ),
        (message("o", &[&whole.replace("--b--\n", ""), SCRIPT]), "was cut off: expected `--b--`"),
    ] {
        refused(form, words);
    }
}

#[test]
fn an_entry_of_ours_in_a_cloud_config_archive_is_refused() {
    let archive = |kind: &str| {
        format!("#cloud-config-archive\n- content: x\n- type: {kind}\n  content: |\n    [consul]\n")
    };
    let other = archive("text/x-shellscript");
    for ours in [archive(MEDIA_TYPE), archive(&format!("\"{MEDIA_TYPE}\""))] {
        refused(&ours, "cloud-config archive with an entry of the type of cos-agent");
        let part = format!("Content-Type: text/cloud-config-archive\n\n{ours}");
        refused(
            message("b", &[SCRIPT, &part]),
            "part 2 of the MIME message is a cloud-config archive",
        );
    }
    ignored(&other);
    ignored(message("b", &[&format!("Content-Type: text/cloud-config-archive\n\n{other}")]));
}

#[test]
fn a_part_says_its_character_set() {
    let latin = |charset: &str| {
        let text = message("b", &[SCRIPT, &ours("", TOML)])
            .replace(MEDIA_TYPE, &format!("{MEDIA_TYPE}{charset}"));
        let (head, tail) = text.split_at(text.find("[consul]\nlog").unwrap());
        [head.as_bytes(), b"# caf\xe9\n", tail.as_bytes()].concat()
    };
    taken(latin("; charset=iso-8859-1"));
    taken(latin("; charset=\"Windows-1252\""));
    for charset in ["", "; charset=utf-8", "; charset=us-ascii"] {
        refused(
            latin(charset),
            "part 2 of the MIME message cannot be read: line 13, column 6: expected UTF-8, found the byte 0xe9",
        );
    }
    refused(latin("; charset=klingon"), "`klingon`, which is unknown; expected utf-8");
    let wide: Vec<u8> =
        format!("\u{feff}{TOML}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let encoded = |charset: &str| {
        let kind = format!("{MEDIA_TYPE}{charset}\nContent-Transfer-Encoding: base64");
        message("b", &[&ours("", &base64(&wide)).replace(MEDIA_TYPE, &kind)])
    };
    taken(encoded("; charset=utf-16"));
    refused(encoded(""), "UTF-16");
    taken(message("b", &[&ours("", &format!("\u{feff}{}", TOML.replace('\n', "\r\n")))]));
}
