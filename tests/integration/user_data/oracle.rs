//! Messages by chance: held against Python's `email`, which cloud-init reads with, and against what must always hold.

use super::{MEDIA_TYPE, TOML, base64, gzip, read, taken};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cos_agent::facts::user_data::{self, UserData};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::io::Write;
use std::process::{Command, Stdio};

/// Prints, for each message, the bodies of its parts of our type.
const PYTHON: &str = "
import base64, email, json, sys
def bodies(message):
    for part in email.message_from_bytes(message).walk():
        if part.get_content_type() == sys.argv[1] and not part.is_multipart():
            yield base64.b64encode(part.get_payload(decode=True)).decode()
print(json.dumps([list(bodies(base64.b64decode(m))) for m in json.load(sys.stdin)]))
";

fn python(messages: &[Vec<u8>]) -> Vec<Vec<Vec<u8>>> {
    let mut child = Command::new("python3")
        .args(["-c", PYTHON, MEDIA_TYPE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is needed, whose email package is what cloud-init reads messages with");
    let coded: Vec<String> = messages.iter().map(|message| STANDARD.encode(message)).collect();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&serde_json::to_vec(&coded).unwrap()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let found: Vec<Vec<String>> = serde_json::from_slice(&output.stdout).unwrap();
    let decode = |coded: String| STANDARD.decode(coded).unwrap();
    found.into_iter().map(|bodies| bodies.into_iter().map(decode).collect()).collect()
}

/// A valid part of somebody else, which may be a whole message.
fn neighbour() -> impl Strategy<Value = String> + use<> {
    let kinds =
        ["text/x-shellscript", "text/cloud-config", "text/plain", "application/x", "text/jinja2"];
    let body = select(vec![
        "#!/bin/sh\n",
        "#cloud-config\n",
        "[consul]\n",
        "--b\u{e4}\n",
        "\n",
        "x: y\n",
        "--b--c\n",
        "=",
    ]);
    let body = proptest::collection::vec(body, 0..6).prop_map(|pieces| pieces.concat());
    let leaf = (select(kinds.to_vec()), body, 0_u8..4).prop_map(|(kind, body, form)| {
        let coded = "Content-Transfer-Encoding: base64\n";
        match form {
            0 => format!("Content-Type: {kind}\n\n{body}"),
            1 => format!("Content-Type: {kind}; name=\"a;b\"\n{coded}\n{}", base64(&body)),
            2 => format!("{coded}Content-Type: {kind}\n\n{}", base64(gzip(&body))),
            _ => format!("\n{body}"),
        }
    });
    leaf.prop_recursive(3, 12, 3, |part| {
        (boundary(), proptest::collection::vec(part, 0..3))
            .prop_map(|(b, parts)| multipart(&b, &parts))
    })
}

/// No colon: Python takes a delimiter with one for a header, where it stands in the place of the blank line.
fn boundary() -> impl Strategy<Value = String> {
    "[a-z0-9=_/;.+-]{3,20}".prop_map(|middle| format!("=={middle}=="))
}

/// A multipart of parts whose delimiters differ from its own.
fn multipart(boundary: &str, parts: &[String]) -> String {
    let number = parts.iter().map(|part| part.matches("multipart").count()).sum::<usize>();
    let boundary = format!("{boundary}{number}");
    let parts: String = parts.iter().map(|part| format!("--{boundary}\n{part}\n")).collect();
    format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\n\n{parts}--{boundary}--\n")
}

/// A part of ours, in the encodings that it may have.
fn our_part() -> impl Strategy<Value = String> {
    (0_u8..5).prop_map(|form| {
        let head = format!("Content-Type: {MEDIA_TYPE}");
        let coded = format!("{head}\nContent-Transfer-Encoding: base64\n\n");
        match form {
            0 => format!("{head}\n\n{TOML}"),
            1 => format!("{head}\n{TOML}"),
            2 => format!("{head}; charset=utf-8\n\n{TOML}"),
            3 => coded + &base64(TOML),
            _ => coded + &base64(gzip(TOML)),
        }
    })
}

/// A message with a part of ours among others, in a message or not.
fn whole() -> impl Strategy<Value = Vec<u8>> {
    let others = || proptest::collection::vec(neighbour(), 0..4);
    (others(), others(), our_part(), boundary(), any::<Index>(), any::<[bool; 4]>()).prop_map(
        |(mut parts, outside, ours, boundary, at, [nested, crlf, packed, joined])| {
            parts.insert(at.index(parts.len() + 1), ours);
            let mut text = multipart(&boundary, &parts);
            if nested {
                text = multipart(&boundary, &[outside, vec![text]].concat());
            }
            if joined {
                text = text.replacen("\n\n", "\n", 1);
            }
            if crlf {
                text = text.replace('\n', "\r\n");
            }
            let text = format!("MIME-Version: 1.0\n{text}");
            if packed { gzip(text) } else { text.into_bytes() }
        },
    )
}

/// Lines of messages in any order.
fn scrambled() -> impl Strategy<Value = Vec<u8>> {
    let ours = format!("Content-Type: {MEDIA_TYPE}");
    let lines = [
        "MIME-Version: 1.0",
        "Content-Type: multipart/mixed; boundary=b",
        "Content-Type: multipart/mixed; boundary=\"bb\"",
        ours.as_str(),
        ours.as_str(),
        "Content-Type: text/x-shellscript",
        "Content-Transfer-Encoding: base64",
        "--b",
        "--b",
        "--bb",
        "--b--",
        "--bb--",
        "",
        "",
        "[consul]",
        "log_level = \"debug\"",
        " folded",
        "#!/bin/sh",
    ];
    let lines = lines.map(str::to_owned).to_vec();
    let body = proptest::collection::vec(select(lines), 0..24);
    (body, any::<bool>()).prop_map(|(lines, crlf)| {
        let text = format!("Content-Type: multipart/mixed; boundary=b\n{}\n", lines.join("\n"));
        if crlf { text.replace('\n', "\r\n") } else { text }.into_bytes()
    })
}

#[test]
fn what_cloud_init_would_find_is_used_or_refused() {
    let mut runner = TestRunner::default();
    let strategy = prop_oneof![3 => scrambled(), 1 => whole()];
    let mut draw = || strategy.new_tree(&mut runner).unwrap().current();
    let messages: Vec<_> = (0..3000).map(|_| draw()).filter(|m| m[0] != 0x1f).collect();
    let (mut used, mut refused) = (0, 0);
    for (message, bodies) in messages.iter().zip(python(&messages)) {
        let shown = String::from_utf8_lossy(message);
        match user_data::decode(message) {
            Err(_) => refused += 1,
            Ok(UserData::NotOurs(_)) => assert!(bodies.is_empty(), "ignored: {shown}"),
            // Python takes less: a part whose headers come after a blank line has none for it.
            Ok(UserData::Settings(_)) if bodies.is_empty() => {}
            Ok(UserData::Settings(layer)) => {
                used += 1;
                assert_eq!(bodies.len(), 1, "one of several: {shown}");
                let packed = bodies[0].starts_with(&[0x1f, 0x8b]);
                let body = if packed { TOML.as_bytes() } else { &bodies[0] };
                assert_eq!(layer.text.trim(), str::from_utf8(body).unwrap().trim(), "{shown}");
            }
        }
    }
    assert!(used > 300 && refused > 300, "{used} used, {refused} refused of {}", messages.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn our_part_is_found_beside_all_others(message in whole()) {
        taken(message);
    }

    #[test]
    fn no_bytes_panic(
        message in prop_oneof![whole(), scrambled(), any::<Vec<u8>>()],
        changes in proptest::collection::vec((any::<Index>(), any::<u8>(), 0_u8..3), 0..6),
        packing in 0_u8..3,
    ) {
        let mut bytes = message;
        for (at, byte, change) in changes.iter().filter(|_| !bytes.is_empty()).collect::<Vec<_>>() {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match change {
                0 => bytes[at] = *byte,
                1 => bytes.insert(at, *byte),
                _ => bytes.truncate(at),
            }
        }
        let packed = match packing {
            0 => bytes,
            1 => gzip(bytes),
            _ => base64(bytes).into_bytes(),
        };
        let found = read(&packed);
        prop_assert_eq!(&found, &read(&packed));
        if let Err(error) = found {
            prop_assert!(error.to_string().starts_with("user data"), "{}", error);
        }
    }
}
