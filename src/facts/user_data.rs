//! User data: our TOML, our part of a MIME message, either of them packed, or somebody else's, which is left alone.

use super::settings::{self, SettingsError};
use base64::Engine;
use std::io::Read;

/// The media type of our part in a MIME message.
pub const MEDIA_TYPE: &str = "application/vnd.cos-agent+toml";
/// EC2 takes 16 KiB; packed data may grow, but not without end.
pub const CAP: usize = 1024 * 1024;

/// What the user data holds for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserData {
    /// Settings as TOML text.
    Settings(String),
    /// Something that is not ours, in a few words.
    NotOurs(&'static str),
}

/// Looks for settings in user data.
pub fn decode(bytes: &[u8]) -> Result<UserData, SettingsError> {
    let unpacked = unpack(bytes)?;
    let Ok(text) = std::str::from_utf8(&unpacked) else {
        return Ok(UserData::NotOurs("binary data"));
    };
    let text = text.trim_start_matches('\u{feff}');
    if is_mime(text) {
        return mime_part(text);
    }
    Ok(plain(text))
}

/// Undoes gzip and base64, in whatever order they were applied, at most three times.
fn unpack(bytes: &[u8]) -> Result<Vec<u8>, SettingsError> {
    let mut data = bytes.to_vec();
    for _ in 0..3 {
        if data.starts_with(&[0x1f, 0x8b]) {
            let mut plain = Vec::new();
            let mut reader = flate2::read::GzDecoder::new(data.as_slice()).take(CAP as u64 + 1);
            reader
                .read_to_end(&mut plain)
                .map_err(|error| broken(format!("the gzip data is broken: {error}")))?;
            if plain.len() > CAP {
                return Err(broken(format!("the gzip data unpacks to more than {CAP} bytes")));
            }
            data = plain;
        } else if let Some(plain) = base64_of(&data) {
            data = plain;
        } else {
            break;
        }
    }
    Ok(data)
}

/// Base64 only where it decodes to something that we could read: a word such as `abcd` is base64 by accident.
fn base64_of(data: &[u8]) -> Option<Vec<u8>> {
    let compact: Vec<u8> =
        data.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if compact.len() < 16 {
        return None;
    }
    let plain = base64::engine::general_purpose::STANDARD.decode(&compact).ok()?;
    (plain.starts_with(&[0x1f, 0x8b]) || std::str::from_utf8(&plain).is_ok()).then_some(plain)
}

fn plain(text: &str) -> UserData {
    let kinds = [
        ("#!", "a script"),
        ("#cloud-config", "a cloud-config"),
        ("#include", "a cloud-init include"),
        ("<", "a Windows script"),
        ("{", "JSON"),
    ];
    if text.trim().is_empty() {
        return UserData::NotOurs("empty");
    }
    if let Some((_, kind)) = kinds.iter().find(|(start, _)| text.trim_start().starts_with(start)) {
        return UserData::NotOurs(kind);
    }
    if names_our_tables(text) {
        UserData::Settings(text.to_owned())
    } else {
        UserData::NotOurs("text without a table of ours")
    }
}

/// Whether a line opens or sets a table of ours, typos included: a broken settings text is to be refused, not ignored.
fn names_our_tables(text: &str) -> bool {
    let ours = |word: &str| {
        settings::TABLES
            .iter()
            .any(|table| strsim::damerau_levenshtein(word, table) <= usize::from(table.len() > 3))
    };
    text.lines().map(str::trim).any(|line| {
        let (header, rest) = match line.strip_prefix('[') {
            Some(rest) => (true, rest.trim_start_matches('[').trim_start()),
            None => (false, line),
        };
        let word: String = rest
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '-')
            .collect();
        let after = rest[word.len()..].trim_start();
        ours(&word)
            && if header {
                after.starts_with([']', '.'])
            } else {
                after.starts_with('.') || after.starts_with("= {") || after.starts_with("={")
            }
    })
}

fn is_mime(text: &str) -> bool {
    text.lines().take(5).any(|line| {
        let line = line.to_ascii_lowercase();
        line.starts_with("content-type: multipart/") || line.starts_with("mime-version:")
    })
}

/// Finds our part of a multipart message (RFC 2046, 5.1). Two parts of ours are an error: which one counts is a guess.
fn mime_part(text: &str) -> Result<UserData, SettingsError> {
    let text = text.replace("\r\n", "\n");
    let (head, body) = split_head(&text)
        .ok_or_else(|| broken("the MIME message has no blank line after its headers".to_owned()))?;
    let content_type = header(&head, "content-type").unwrap_or_default();
    let Some(boundary) = parameter(&content_type, "boundary") else {
        return if media_type(&content_type) == MEDIA_TYPE {
            decode_part(&head, body)
        } else {
            Ok(UserData::NotOurs("a MIME message without parts"))
        };
    };
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut closed = false;
    for line in body.split_inclusive('\n') {
        let bare = line.trim_end();
        if bare == format!("{delimiter}--") {
            closed = true;
            break;
        } else if bare == delimiter {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push_str(line);
        }
    }
    let mut found = None;
    for (index, part) in parts.iter().enumerate() {
        let number = index + 1;
        let Some((head, body)) = split_head(part) else {
            if part.to_ascii_lowercase().contains(MEDIA_TYPE) {
                return Err(broken(format!(
                    "part {number} of the MIME message has no blank line after its headers"
                )));
            }
            continue;
        };
        if media_type(&header(&head, "content-type").unwrap_or_default()) != MEDIA_TYPE {
            continue;
        }
        if !closed {
            return Err(broken(format!(
                "the MIME message ends without `{delimiter}--`: it was cut off"
            )));
        }
        if found.replace(decode_part(&head, body)?).is_some() {
            return Err(broken(format!(
                "the MIME message has two parts of type {MEDIA_TYPE}, expected one"
            )));
        }
    }
    Ok(found.unwrap_or(UserData::NotOurs("a MIME message without a part of ours")))
}

fn decode_part(head: &str, body: &str) -> Result<UserData, SettingsError> {
    let encoding =
        header(head, "content-transfer-encoding").unwrap_or_default().to_ascii_lowercase();
    let bytes = match encoding.as_str() {
        "" | "7bit" | "8bit" | "binary" => body.as_bytes().to_vec(),
        "base64" => {
            let compact: String = body.split_ascii_whitespace().collect();
            let engine = base64::engine::general_purpose::STANDARD;
            engine
                .decode(compact)
                .map_err(|error| broken(format!("our MIME part is no base64: {error}")))?
        }
        other => {
            return Err(broken(format!(
                "our MIME part has the transfer encoding `{other}`, expected 7bit, 8bit or base64"
            )));
        }
    };
    let text = String::from_utf8(unpack(&bytes)?)
        .map_err(|_| broken("our MIME part is not UTF-8".to_owned()))?;
    Ok(UserData::Settings(text))
}

fn split_head(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start_matches('\n');
    let (head, body) = text.split_once("\n\n")?;
    // Unfold: a line that begins with white space continues the one before it (RFC 5322, 2.2.3).
    Some((head.replace("\n ", " ").replace("\n\t", " "), body))
}

fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn parameter(content_type: &str, name: &str) -> Option<String> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"');
        (key.trim().eq_ignore_ascii_case(name) && !value.is_empty()).then(|| value.to_owned())
    })
}

fn broken(problem: String) -> SettingsError {
    SettingsError::UserData { problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const TOML: &str = "[nomad]\nlog_level = \"debug\"\n";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn base64(bytes: &[u8]) -> String {
        base64::engine::general_purpose::STANDARD.encode(bytes)
    }

    fn mime(encoding: &str, body: &str) -> String {
        format!(
            "Content-Type: multipart/mixed; boundary=\"==b==\"\nMIME-Version: 1.0\n\n--==b==\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n\
             --==b==\nContent-Type: {MEDIA_TYPE}; charset=utf-8\n{encoding}\n{body}\n--==b==--\n"
        )
    }

    #[track_caller]
    fn ours(bytes: &[u8]) {
        match decode(bytes) {
            Ok(UserData::Settings(text)) => assert_eq!(text.trim(), TOML.trim()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_wrapping_is_undone() {
        ours(TOML.as_bytes());
        ours(format!("\u{feff}{TOML}").as_bytes());
        ours(&gzip(TOML.as_bytes()));
        ours(base64(TOML.as_bytes()).as_bytes());
        ours(base64(&gzip(TOML.as_bytes())).as_bytes());
        ours(mime("", TOML).as_bytes());
        ours(mime("", TOML).replace('\n', "\r\n").as_bytes());
        ours(mime("Content-Transfer-Encoding: base64\n", &base64(TOML.as_bytes())).as_bytes());
        ours(&gzip(
            mime("Content-Transfer-Encoding: base64\n", &base64(&gzip(TOML.as_bytes()))).as_bytes(),
        ));
        ours(format!("Content-Type: {MEDIA_TYPE}\nMIME-Version: 1.0\n\n{TOML}").as_bytes());
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        for text in [
            "",
            "  \n",
            "#!/bin/bash\nconsul.x\n",
            "#cloud-config\nconsul: {}\n",
            "<powershell>",
            "{\"a\":1}",
            "A=b\n",
            "hello world",
            "PATH = \"/bin\"\n",
        ] {
            assert!(matches!(decode(text.as_bytes()), Ok(UserData::NotOurs(_))), "{text:?}");
        }
        assert_eq!(decode(&[0xff, 0xfe, 0x00]), Ok(UserData::NotOurs("binary data")));
        assert!(matches!(
            decode(mime("", TOML).replace(MEDIA_TYPE, "text/plain").as_bytes()),
            Ok(UserData::NotOurs(_))
        ));
    }

    #[test]
    fn typos_in_our_tables_are_ours_to_refuse() {
        for text in [
            "[nomda]\nx = 1\n",
            "[[consul]]\n",
            "consul.version = \"1\"\n",
            "[ consul ]",
            "[nomad\n[nomad]\n",
        ] {
            assert!(matches!(decode(text.as_bytes()), Ok(UserData::Settings(_))), "{text:?}");
        }
    }

    #[track_caller]
    fn refused(bytes: &[u8], word: &str) {
        let error = decode(bytes).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }

    #[test]
    fn broken_wrappings_say_what_is_broken() {
        refused(&gzip(TOML.as_bytes())[..12], "gzip");
        refused(&gzip(&vec![b'a'; CAP + 1]), "more than");
        refused(mime("", TOML).replace("--==b==--\n", "").as_bytes(), "cut off");
        refused(mime("Content-Transfer-Encoding: base64\n", "%%%").as_bytes(), "base64");
        refused(mime("Content-Transfer-Encoding: uuencode\n", TOML).as_bytes(), "uuencode");
        let twice = mime("", TOML)
            .replace("Content-Type: text/x-shellscript", &format!("Content-Type: {MEDIA_TYPE}"));
        refused(twice.as_bytes(), "two parts");
        refused(b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b", "blank line");
    }
}
