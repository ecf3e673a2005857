//! Splits HCL 1 into tokens, like `hcl/scanner` of <https://github.com/hashicorp/hcl/tree/v1.0.0>.

use super::setting::Unclear;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A key without quotes.
    Word(&'a str),
    /// A quoted string, without its quotes.
    Text(&'a str),
    /// A boolean, number or heredoc, as written.
    Literal(&'a str),
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
    Equals,
    End,
}

/// Splits a text into tokens.
pub(super) struct Scanner<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { rest: text, line: 1 }
    }

    pub(super) fn unclear<T>(&self, problem: &'static str) -> Result<T, Unclear> {
        Err(Unclear { line: self.line, problem })
    }

    /// Consumes `length` bytes.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Result<Token<'a>, Unclear> {
        self.skip()?;
        let Some(first) = self.rest.chars().next() else { return Ok(Token::End) };
        let token = match first {
            '{' => Token::Open,
            '}' => Token::Close,
            '[' => Token::OpenList,
            ']' => Token::CloseList,
            ',' => Token::Comma,
            '=' => Token::Equals,
            '"' => return self.text(),
            '<' => return self.heredoc(),
            'a'..='z' | 'A'..='Z' | '_' => return self.word(),
            '0'..='9' | '-' => return self.number(),
            _ => return self.unclear("unexpected character"),
        };
        self.take(1);
        Ok(token)
    }

    /// Skips white space and comments.
    fn skip(&mut self) -> Result<(), Unclear> {
        loop {
            let blank =
                self.rest.len() - self.rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
            self.take(blank);
            let length = if self.rest.starts_with('#') || self.rest.starts_with("//") {
                self.rest.find('\n').unwrap_or(self.rest.len())
            } else if let Some(inner) = self.rest.strip_prefix("/*") {
                match inner.find("*/") {
                    Some(end) => end + 4,
                    None => return self.unclear("unterminated comment"),
                }
            } else {
                return Ok(());
            };
            self.take(length);
        }
    }

    fn word(&mut self) -> Result<Token<'a>, Unclear> {
        let is_inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let length = self.rest.find(|c| !is_inside(c)).unwrap_or(self.rest.len());
        // The daemons accept letters beyond ASCII too, but by Go's Unicode tables, which may differ from Rust's.
        if self.rest[length..].starts_with(|c: char| !c.is_ascii()) {
            return self.unclear("expected a key in ASCII");
        }
        Ok(match self.take(length) {
            literal @ ("true" | "false") => Token::Literal(literal),
            word => Token::Word(word),
        })
    }

    /// Reads a plain decimal number; other notations are an error.
    fn number(&mut self) -> Result<Token<'a>, Unclear> {
        let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_');
        let length = self.rest.find(|c| !inside(c)).unwrap_or(self.rest.len());
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let text = &self.rest[..length];
        let (whole, fraction) = match text.trim_start_matches('-').split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (text.trim_start_matches('-'), None),
        };
        let is_plain = digits(whole) && (whole == "0" || !whole.starts_with('0'));
        if !is_plain || !fraction.is_none_or(digits) || text.starts_with("--") {
            return self.unclear("expected a decimal number");
        }
        Ok(Token::Literal(self.take(length)))
    }

    /// Reads a quoted string, in which `${…}` may hold quotes and line feeds.
    fn text(&mut self) -> Result<Token<'a>, Unclear> {
        let mut braces = 0_u32;
        let mut chars = self.rest.char_indices().skip(1).peekable();
        while let Some((index, c)) = chars.next() {
            match c {
                '"' if braces == 0 => return Ok(Token::Text(&self.take(index + 1)[1..index])),
                '\n' if braces == 0 => break,
                '$' if braces == 0 && chars.next_if(|(_, next)| *next == '{').is_some() => {
                    braces = 1;
                }
                '{' if braces > 0 => braces += 1,
                '}' if braces > 0 => braces -= 1,
                '\\' => {
                    let length = escape(&self.rest[index + 1..]);
                    let Some(length) = length else { return self.unclear("unknown escape") };
                    for _ in 0..length {
                        chars.next();
                    }
                }
                _ => {}
            }
        }
        self.unclear("unterminated string")
    }

    /// Reads a heredoc: from `<<NAME` up to a line that holds only `NAME`. The dash of `<<-` counts when lengths are
    /// compared, because it does in the daemons' scanner.
    fn heredoc(&mut self) -> Result<Token<'a>, Unclear> {
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        let anchor = &self.rest[..end];
        let Some(anchor) = anchor.strip_prefix("<<") else {
            return self.unclear("expected `<<`");
        };
        let name = anchor.strip_prefix('-').unwrap_or(anchor);
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return self.unclear("expected a heredoc name of letters, digits and _");
        }
        let mut length = end + 1;
        while let Some(line_end) = self.rest.get(length..).and_then(|rest| rest.find('\n')) {
            let line = &self.rest[length..length + line_end];
            length += line_end + 1;
            let blank = [' ', '\t', '\u{b}', '\u{c}', '\r'];
            let ends = line
                .trim_start_matches(blank)
                .strip_prefix(name)
                .is_some_and(|rest| rest.bytes().all(|b| b == b'\r'));
            if ends && line.len() >= anchor.len() {
                return Ok(Token::Literal(self.take(length)));
            }
        }
        self.unclear("unterminated heredoc")
    }
}

/// The number of characters of an escape after its backslash; `None` if the escape is unknown.
fn escape(rest: &str) -> Option<usize> {
    let digits = |skip: usize, count: usize, radix: u32| {
        let all = rest.chars().skip(skip).take(count).filter(|c| c.is_digit(radix)).count();
        (all == count).then_some(skip + count)
    };
    match rest.chars().next()? {
        'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' | '"' => Some(1),
        '0'..='7' => digits(0, 3, 8),
        'x' => digits(1, 2, 16),
        'u' => digits(1, 4, 16),
        'U' => digits(1, 8, 16),
        _ => None,
    }
}
