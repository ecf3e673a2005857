//! What is addressed to others: each with tables of ours in it, alone, beside our part, and packed.

use super::{TOML, base64, gzip, ignored, message, ours, refused, taken};

/// Texts that other programs read, by what they begin with.
const TEXTS: [(&str, &str); 24] = [
    ("text/x-shellscript", "#!/bin/sh\ncat > /etc/x <<EOT\n[consul]\nbroken = \nEOT\n"),
    (
        "text/x-shellscript",
        "#!/usr/bin/env python3\nMIME = '''\nMIME-Version: 1.0\n[consul]\n'''\n",
    ),
    (
        "text/x-shellscript",
        "#!/bin/bash\n# MIME-Version: 1.0\nMIME-Version: 1.0\nContent-Type: multipart/mixed\n[consul]\n",
    ),
    (
        "text/x-shellscript",
        "#! /bin/sh\nsend <<EOT\nContent-Type: application/vnd.cos-agent+toml\n\n[consul]\nEOT\n",
    ),
    ("text/x-shellscript", "\n#!/bin/sh\n[consul]\n"),
    ("text/x-shellscript-per-boot", "#!/bin/sh\n[consul]\n"),
    (
        "text/cloud-config",
        "#cloud-config\nwrite_files:\n- content: |\n    [consul]\n    x = \n[consul]\n",
    ),
    ("text/cloud-config", "#cloud-config\nconsul: {}\nnomad.x: =\n[consul]\n"),
    (
        "text/cloud-config-archive",
        "#cloud-config-archive\n- type: text/x-shellscript\n  content: '[consul]'\n[consul]\n",
    ),
    ("text/cloud-config-jsonp", "#cloud-config-jsonp\n[{\"op\": \"add\"}]\n[consul]\n"),
    ("text/cloud-boothook", "#cloud-boothook\n#!/bin/sh\n[consul]\n"),
    ("text/jinja2", "## template: jinja\n#cloud-config\n[consul]\n"),
    ("text/jinja2", "##template: jinja\n#!/bin/sh\n[consul]\n"),
    ("text/x-include-url", "#include\nhttps://example.internal/x\n[consul]\n"),
    ("text/x-include-once-url", "#include-once https://example.internal/x\n[consul]\n"),
    ("text/part-handler", "#part-handler\ndef list_types():\n  return ['x']\n[consul]\n"),
    ("text/upstart-job", "#upstart-job\nstart on x\n[consul]\n"),
    ("text/x-powershell", "<powershell>\n[consul]\n</powershell>\n"),
    ("text/x-powershell", "<script>\n[consul]\n</script>\n"),
    ("text/x-powershell", "#ps1_sysnative\n[consul]\n"),
    ("text/x-cmd", "rem cmd\n[consul]\n"),
    ("application/json", "{\"ignition\": {\"version\": \"3.4.0\"}}\n[consul]\n"),
    ("application/node.eks.aws", "---\napiVersion: node.eks.aws/v1alpha1\n[consul]\n"),
    ("application/pgp", "-----BEGIN PGP MESSAGE-----\n[consul]\n"),
];

/// Types that only the part's header tells; what is in them is the business of whoever reads that type.
const TYPES: [&str; 8] = [
    "text/plain",
    "application/octet-stream",
    "application/x-gzip",
    "application/toml",
    "text/x-not-multipart",
    "image/png",
    "TEXT/X-SHELLSCRIPT; charset=\"us-ascii\"; name=\"cos-agent.sh\"",
    "nonsense",
];

#[test]
fn their_texts_are_no_error() {
    for (_, text) in TEXTS {
        ignored(text);
        ignored(text.replace('\n', "\r\n"));
        ignored(format!("\u{feff}{text}"));
        ignored(gzip(text));
        ignored(base64(gzip(text)));
        ignored([text.as_bytes(), b"\xe4\xff\n"].concat());
    }
}

#[test]
fn their_parts_are_no_error_and_hide_nothing() {
    let typed = TEXTS.map(|(kind, text)| (kind, text));
    let bare = TYPES.map(|kind| (kind, "[consul]\nbroken = \n[consul]\n"));
    for (kind, text) in typed.into_iter().chain(bare) {
        for part in [
            format!("Content-Type: {kind}\n\n{text}"),
            format!("Content-Type: {kind}\nContent-Transfer-Encoding: base64\n\n{}", base64(text)),
            format!(
                "Content-Type: {kind}\nContent-Transfer-Encoding: base64\n\n{}",
                base64(gzip(text))
            ),
            format!(
                "Content-Type: {kind}\nContent-Transfer-Encoding: base64\n\n{}",
                &base64(gzip(text))[..24]
            ),
            format!(
                "Content-Type: {kind}\nContent-Disposition: attachment;\n filename=\"cos-agent\"\n\n{text}"
            ),
            // Blank lines that are missing, in the parts of others.
            format!("Content-Type: {kind}\n{text}"),
            format!("\n{text}"),
        ] {
            ignored(message("==b==", &[&part]));
            taken(message("==b==", &[&part, &ours("", TOML)]));
            taken(message("==b==", &[&ours("", TOML), &part]));
        }
    }
}

#[test]
fn a_text_of_no_kind_without_tables_of_ours_is_no_error() {
    for text in [
        "",
        " \n",
        "A=b\n",
        "hello world",
        "PATH = \"/bin\"\n",
        "[settings.kubernetes]\n[settings.dns]\n",
        "consul.service is enabled\n",
        "apiVersion: v1\ndns: x\n",
        "aGVsbG8gd29ybGQgaGVsbG8gd29ybGQ=\n",
        "MIME-Version\n",
    ] {
        ignored(text);
    }
    ignored([0xff, 0xfe, 0x00]);
    ignored([0; 200]);
    ignored(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
}

#[test]
fn a_text_of_no_kind_with_tables_of_ours_is_ours() {
    taken(TOML);
    taken(TOML.replace('\n', "\r\n"));
    taken(format!("\u{feff}{}", TOML.replace('\n', "\r\n")));
    taken(format!("\n \n# MIME-Version: 1.0\n# Content-Type: text/plain\n{TOML}"));
    for (text, words) in [
        ("[nomda]\nx = 1\n", "user data:1:2: unknown key `nomda`"),
        ("x = 1\n[consul]\n", "user data:1:1: unknown key `x`"),
        ("[consul]\nlog_level = \n", "user data:2:13"),
        ("[consul\nlog_level = 1\n[nomad]\n", "user data:1:8"),
        ("# x\nconsul.version = 1\n", "user data:2:18"),
    ] {
        refused(text, words);
        refused(gzip(text), words);
        refused(base64(text), words);
    }
    refused(
        "see below\nContent-Type: application/vnd.cos-agent+toml\n\nx = 1\n",
        "does not begin with the headers",
    );
}

#[test]
fn letters_that_are_not_utf_8_are_never_the_end_of_our_settings() {
    let latin = [b"# caf\xe9\n", TOML.as_bytes()].concat();
    assert_eq!(
        refused(&latin, "line 1"),
        "user data: line 1, column 6: expected UTF-8, found the byte 0xe9"
    );
    refused(gzip(&latin), "expected UTF-8");
    refused(base64(&latin), "expected UTF-8");
    let wide = |big: bool, mark: bool| -> Vec<u8> {
        let text = format!("{}{TOML}", if mark { "\u{feff}" } else { "" });
        text.encode_utf16()
            .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect()
    };
    for text in [wide(false, false), wide(false, true), wide(true, false), wide(true, true)] {
        refused(&text, "UTF-16");
        refused(gzip(&text), "UTF-16");
        refused(base64(&text), "UTF-16");
    }
    ignored(
        [
            b"\xff\xfe".to_vec(),
            "#!/bin/sh\n[consul]\n".encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ]
        .concat(),
    );
}
