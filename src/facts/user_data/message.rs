//! The structure of a MIME message: where headers end and where parts begin. The rules are those of Python's `email`, with
//! which cloud-init reads: headers end at a blank line or at the first line that is not a header, and a delimiter is a whole
//! line. A library parses the headers. The libraries that parse whole messages do not fit: they lose what follows a missing
//! blank line, and end a part at a delimiter inside a line.

use super::{MEDIA_TYPE, tables};
use mail_parser::{HeaderName, HeaderValue, MessageParser};

/// A word in the media type of a part for cos-agent, also if the type is misspelt.
pub(super) const OUR_WORD: &str = "cos-agent";

/// Headers and what follows them.
pub(super) struct Entity<'a> {
    /// The header lines, with their line ends.
    pub(super) head: &'a [u8],
    /// The rest, without the blank line after the headers.
    pub(super) body: &'a [u8],
}

impl<'a> Entity<'a> {
    /// Splits at the first line that is neither a header nor the continuation of one.
    pub(super) fn read(data: &'a [u8]) -> Self {
        let mut start = data;
        while let Some(line) = first_line(start).filter(|line| is_blank(line)) {
            start = &start[line.len()..];
        }
        let mut end = 0;
        while let Some(line) = first_line(&start[end..]) {
            let envelope = end == 0 && line.starts_with(b"From ");
            let folded = end > 0 && matches!(line[0], b' ' | b'\t');
            if is_blank(line) {
                return Self { head: &start[..end], body: &start[end + line.len()..] };
            }
            if !envelope && !folded && header_name(line).is_none() {
                break;
            }
            end += line.len();
        }
        Self { head: &start[..end], body: &start[end..] }
    }

    /// Whether the headers contain TOML: without a blank line, indented TOML counts as the continuation of a header.
    pub(super) fn has_toml_in_its_head(&self) -> bool {
        lines(self.head).any(|line| line.trim_ascii().starts_with(b"["))
            || tables::names_our_tables(&String::from_utf8_lossy(self.head))
    }

    /// What the headers say about the body.
    pub(super) fn content(&self) -> Content {
        let mut content = Content::default();
        let envelope = first_line(self.head).filter(|line| line.starts_with(b"From "));
        let head = &self.head[envelope.map_or(0, <[u8]>::len)..];
        let parsed = MessageParser::new().with_mime_headers().parse_headers(head);
        for header in parsed.iter().flat_map(mail_parser::Message::headers) {
            match (&header.name, &header.value) {
                (HeaderName::ContentType, HeaderValue::ContentType(found))
                    if content.media_type.is_none() =>
                {
                    let subtype = found.subtype().unwrap_or_default();
                    content.media_type =
                        Some(format!("{}/{subtype}", found.ctype()).to_ascii_lowercase());
                    let attribute = |name| {
                        found.attribute(name).map(str::trim).filter(|value| !value.is_empty())
                    };
                    content.boundary = attribute("boundary").map(str::to_owned);
                    content.charset = attribute("charset").map(str::to_ascii_lowercase);
                }
                (HeaderName::ContentTransferEncoding, HeaderValue::Text(found))
                    if content.encoding.is_none() =>
                {
                    content.encoding = Some(found.trim().to_ascii_lowercase());
                }
                _ => {}
            }
        }
        content
    }
}

/// What headers say about a body.
#[derive(Default)]
pub(super) struct Content {
    /// The media type, in lower case.
    pub(super) media_type: Option<String>,
    /// The boundary between the parts of a multipart.
    pub(super) boundary: Option<String>,
    /// The character set, in lower case.
    pub(super) charset: Option<String>,
    /// The transfer encoding, in lower case.
    pub(super) encoding: Option<String>,
}

impl Content {
    /// Whether the part is for cos-agent.
    pub(super) fn is_ours(&self) -> bool {
        self.media_type.as_deref() == Some(MEDIA_TYPE)
    }

    /// Whether the type looks like ours: `application/cos-agent`, `text/vnd.cos-agent+toml`.
    pub(super) fn is_nearly_ours(&self) -> bool {
        self.media_type.as_deref().is_some_and(|found| found.contains(OUR_WORD))
    }

    /// Whether the body has headers of its own: a multipart or a message.
    pub(super) fn is_container(&self) -> bool {
        let found = self.media_type.as_deref().unwrap_or_default();
        found.starts_with("multipart/") || found.starts_with("message/")
    }
}

/// The body of a multipart, split into its parts.
#[derive(Default)]
pub(super) struct Parts<'a> {
    /// The parts with their headers, each with the number of lines of the body before it.
    pub(super) parts: Vec<(usize, &'a [u8])>,
    /// The text before the first delimiter and after the last.
    pub(super) outside: Vec<&'a [u8]>,
    /// Whether the closing delimiter is there.
    pub(super) closed: bool,
}

impl<'a> Parts<'a> {
    /// Splits a body at its delimiter lines (RFC 2046, 5.1.1). The line end before a delimiter belongs to the delimiter.
    pub(super) fn read(body: &'a [u8], delimiter: &str) -> Self {
        let mut found = Self::default();
        let (mut at, mut start, mut first) = (0, 0, None);
        for (number, line) in lines(body).enumerate() {
            let bare = line.trim_ascii_end().strip_prefix(delimiter.as_bytes());
            if let Some(end @ (b"" | b"--")) = bare {
                found.push(first, without_line_end(&body[start..at]));
                start = at + line.len();
                first = Some(number + 1);
                if end == b"--" {
                    found.closed = true;
                    found.outside.push(&body[start..]);
                    return found;
                }
            }
            at += line.len();
        }
        found.push(first, &body[start..]);
        found
    }

    /// Whether there is any part.
    pub(super) fn is_any(&self) -> bool {
        !self.parts.is_empty()
    }

    fn push(&mut self, first_line: Option<usize>, piece: &'a [u8]) {
        match first_line {
            Some(lines) => self.parts.push((lines, piece)),
            None => self.outside.push(piece),
        }
    }
}

/// Whether bytes begin with the headers of a MIME message.
pub(super) fn is_message(data: &[u8]) -> bool {
    let head = Entity::read(data).head;
    lines(head).filter_map(header_name).any(|name| {
        name.eq_ignore_ascii_case(b"content-type") || name.eq_ignore_ascii_case(b"mime-version")
    })
}

/// Whether any line is a Content-Type with our media type, also if the type is misspelt.
pub(super) fn names_our_type(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data).to_ascii_lowercase();
    text.split(['\n', '\r']).any(|line| {
        let value = line.trim_start().strip_prefix("content-type").map(str::trim_start);
        let media_type = value.and_then(|value| value.strip_prefix(':')?.split(';').next());
        media_type.is_some_and(|media_type| media_type.contains(OUR_WORD))
    })
}

/// The lines of a text, with their line ends.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n')
}

fn first_line(text: &[u8]) -> Option<&[u8]> {
    lines(text).next()
}

fn is_blank(line: &[u8]) -> bool {
    line.trim_ascii().is_empty()
}

/// The name of a header line. RFC 5322 allows almost any character in it. A line of TOML is not a header line: it has `[`, `#`,
/// a quote or `=` before any colon.
fn header_name(line: &[u8]) -> Option<&[u8]> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = line[..colon].trim_ascii_end();
    let plain = |byte: &u8| byte.is_ascii_graphic() && !b"=[]#\"'".contains(byte);
    (name.first()?.is_ascii_alphanumeric() && name.iter().all(plain)).then_some(name)
}

fn without_line_end(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text)
}
