//! Reads the keys of an HCL 1 file, the format of both daemons (<https://github.com/hashicorp/hcl/tree/v1.0.0>,
//! `hcl/scanner` and `hcl/parser`). No maintained crate reads it. Values are skipped, and anything doubtful is an error;
//! then only the daemon's own validator can judge the file.

use super::scanner::{Scanner, Token};
use super::setting::{DEEPEST, Setting, Unclear, is_off};

/// The settings of a file, in file order.
pub(super) fn settings(text: &str) -> Result<Vec<Setting>, Unclear> {
    if text.contains(['\0', '\u{e123}']) {
        return Err(Unclear::somewhere("unexpected character that HCL reserves"));
    }
    // HCL's parser does this first, too.
    let text = text.replace("\r\n", "\n");
    let mut reader = Reader {
        scanner: Scanner::of(&text),
        peeked: None,
        path: Vec::new(),
        depth: 0,
        found: Vec::new(),
    };
    reader.items(&Token::End)?;
    Ok(reader.found)
}

struct Reader<'a> {
    scanner: Scanner<'a>,
    peeked: Option<Token<'a>>,
    path: Vec<String>,
    depth: usize,
    found: Vec<Setting>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Token<'a>, Unclear> {
        self.peeked.take().map_or_else(|| self.scanner.next(), Ok)
    }

    fn unclear<T>(&self, problem: &'static str) -> Result<T, Unclear> {
        self.scanner.unclear(problem)
    }

    /// Reads items up to `end`. One comma may follow each item.
    fn items(&mut self, end: &Token<'_>) -> Result<(), Unclear> {
        loop {
            let first = self.next()?;
            if first == *end {
                return Ok(());
            }
            self.item(first)?;
            let next = self.next()?;
            if next != Token::Comma {
                self.peeked = Some(next);
            }
        }
    }

    fn item(&mut self, first: Token<'a>) -> Result<(), Unclear> {
        let outer = self.path.len();
        let mut token = first;
        loop {
            match token {
                Token::Word(key) => self.path.push(key.to_owned()),
                Token::Text(key) if key.contains(['\\', '$']) => {
                    return self.unclear("expected a key without escapes");
                }
                Token::Text(key) => self.path.push(key.to_owned()),
                Token::Equals if self.path.len() == outer + 1 => {
                    let value = self.next()?;
                    self.value(&value)?;
                    break;
                }
                Token::Open if self.path.len() > outer => {
                    self.block()?;
                    break;
                }
                _ => return self.unclear("expected a key followed by `=` or `{`"),
            }
            token = self.next()?;
        }
        self.path.truncate(outer);
        Ok(())
    }

    fn value(&mut self, value: &Token<'_>) -> Result<(), Unclear> {
        match value {
            Token::Text(text) | Token::Literal(text) => self.set(is_off(text)),
            Token::Open => self.block()?,
            Token::OpenList => self.list()?,
            _ => return self.unclear("expected a value"),
        }
        Ok(())
    }

    fn set(&mut self, off: bool) {
        self.found.push(Setting { path: self.path.clone(), off });
    }

    fn deeper(&mut self) -> Result<(), Unclear> {
        self.depth += 1;
        if self.depth > DEEPEST { self.unclear("nested too deeply") } else { Ok(()) }
    }

    /// Reads a block. An empty block is a setting too, because it may replace another block.
    fn block(&mut self) -> Result<(), Unclear> {
        self.deeper()?;
        let before = self.found.len();
        self.items(&Token::Close)?;
        if self.found.len() == before {
            self.set(false);
        }
        self.depth -= 1;
        Ok(())
    }

    fn list(&mut self) -> Result<(), Unclear> {
        self.deeper()?;
        let before = self.found.len();
        let mut needs_comma = false;
        loop {
            let token = self.next()?;
            if needs_comma && !matches!(token, Token::Comma | Token::CloseList) {
                return self.unclear("expected `,` or `]`");
            }
            match token {
                Token::CloseList => break,
                Token::Comma => needs_comma = false,
                Token::Text(_) | Token::Literal(_) => needs_comma = true,
                Token::Open => {
                    self.block()?;
                    needs_comma = true;
                }
                Token::OpenList => self.list()?,
                _ => return self.unclear("expected a list item"),
            }
        }
        if self.found.len() == before {
            self.set(false);
        }
        self.depth -= 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nested_too_deeply_is_unclear_and_what_stands_side_by_side_is_not() {
        let blocks = |depth: usize| "a {".repeat(depth) + &"}".repeat(depth);
        let lists = |depth: usize| format!("a = {}{}", "[".repeat(depth), "]".repeat(depth));
        for nested in [&blocks as &dyn Fn(usize) -> String, &lists] {
            assert_eq!(settings(&nested(DEEPEST)).unwrap().len(), 1);
            assert_eq!(settings(&nested(DEEPEST + 1)).unwrap_err().problem, "nested too deeply");
            let beside = (nested(1) + "\n").repeat(DEEPEST + 1);
            assert_eq!(settings(&beside).unwrap().len(), DEEPEST + 1, "{beside}");
        }
    }
}
