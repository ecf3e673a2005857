//! The body of a part, with transfer encoding, packing and character set decoded.

use super::kind;
use super::message::Content;
use super::unpack::{self, Budget};
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use std::borrow::Cow;

/// The text of a part for cos-agent.
pub(super) struct Text {
    /// The text, not yet parsed.
    pub(super) toml: String,
    /// Whether it was packed, so that its line numbers are not those of the message.
    pub(super) was_packed: bool,
}

/// Reads a part for cos-agent that begins after so many lines of the message. The error says what is wrong.
pub(super) fn text(body: &[u8], content: &Content, lines_before: usize) -> Result<Text, String> {
    let decoded = transfer(body, content)?;
    // A budget of its own, so that the parts for other programs cannot use it up.
    let unpacked = unpack::unpack(&decoded, &mut Budget::default());
    if let Some(problem) = unpacked.broken {
        return Err(format!("cannot be read: {problem}"));
    }
    let was_packed = unpacked.data != body;
    let lines_before = if was_packed { 0 } else { lines_before };
    let toml = characters(&unpacked.data, content.charset.as_deref(), lines_before)?;
    Ok(Text { toml: toml.trim_start_matches('\u{feff}').to_owned(), was_packed })
}

/// Decodes the transfer encoding (RFC 2045, 6).
pub(super) fn transfer<'a>(body: &'a [u8], content: &Content) -> Result<Cow<'a, [u8]>, String> {
    match content.encoding.as_deref() {
        None | Some("" | "7bit" | "8bit" | "binary") => Ok(Cow::Borrowed(body)),
        Some("base64") => unpack::transfer_base64(body)
            .map(Cow::Owned)
            .map_err(|error| format!("is not base64: {error}")),
        Some("quoted-printable") => is_quoted_printable(body)
            .then(|| quoted_printable_decode(body))
            .flatten()
            .map(Cow::Owned)
            .ok_or_else(|| {
                "is not quoted-printable: expected two digits or a line end after `=`".to_owned()
            }),
        Some(other) => Err(format!(
            "has the unknown transfer encoding `{other}`; expected 7bit, 8bit, binary, base64 or quoted-printable"
        )),
    }
}

/// Whether a body is valid quoted-printable. The decoder is lenient: it drops what it cannot read.
fn is_quoted_printable(body: &[u8]) -> bool {
    body.split(|byte| *byte == b'=').skip(1).all(|after| {
        let digits = after.len() >= 2 && after[..2].iter().all(u8::is_ascii_hexdigit);
        let line = after.split(|byte| *byte == b'\n').next().unwrap_or_default();
        digits || line.trim_ascii().is_empty()
    })
}

fn characters(bytes: &[u8], charset: Option<&str>, lines_before: usize) -> Result<String, String> {
    match charset {
        None | Some("utf-8" | "utf8" | "us-ascii" | "ascii") => match std::str::from_utf8(bytes) {
            Ok(text) if !kind::is_wide(bytes) => Ok(text.to_owned()),
            _ => Err(format!("cannot be read: {}", kind::wrong_encoding(bytes, lines_before))),
        },
        Some(charset) => {
            let decode = charset_decoder(charset.as_bytes()).ok_or_else(|| {
                format!("has the character set `{charset}`, which is unknown; expected utf-8")
            })?;
            let text = decode(bytes);
            // The decoder replaces bytes that the character set does not have with this character.
            if text.contains('\u{fffd}') {
                return Err(format!("is not text in `{charset}`, which its headers announce"));
            }
            Ok(text)
        }
    }
}
