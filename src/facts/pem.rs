//! The sections of a PEM text (RFC 7468). People concatenate and edit such files, so every BEGIN and END is found anywhere in
//! the text, and each that does not belong to a valid section is reported.

/// What is between a BEGIN and its END, or was meant to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section<'a> {
    /// The label, such as `CERTIFICATE`.
    pub label: &'a str,
    /// The text of the body, or what is wrong with the section.
    pub body: Result<&'a str, Problem<'a>>,
}

/// What is wrong with a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem<'a> {
    /// The text ends, or the next section begins, before an END.
    #[error("it has a BEGIN line and no END line")]
    NoEnd,
    /// An END without a BEGIN.
    #[error("it has an END line and no BEGIN line")]
    NoBegin,
    /// The END has another label.
    #[error("its END line has the label {:?}, expected that of its BEGIN line", shortened(.0))]
    OtherEnd(&'a str),
    /// A malformed BEGIN line.
    #[error("its BEGIN line is malformed, expected five hyphens on each side and capital letters")]
    Begin,
    /// A malformed END line.
    #[error("its END line is malformed, expected five hyphens on each side and capital letters")]
    End,
}

/// The start of a label, for messages.
pub fn shortened(label: &str) -> String {
    label.chars().take(40).collect()
}

/// A BEGIN or END.
struct Marker<'a> {
    is_begin: bool,
    /// Whether it has the form of RFC 7468.
    is_right: bool,
    label: &'a str,
    /// The first byte after it; after the word BEGIN or END if it is malformed.
    after: usize,
    /// The first byte of its hyphens.
    start: usize,
}

const HYPHENS: &str = "-----";
/// How much of a line is searched after BEGIN or END, in bytes.
const LONGEST: usize = 80;

/// All sections, in their order.
pub fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections = Vec::new();
    let mut open: Option<Marker<'_>> = None;
    for marker in markers(text) {
        let begin = open.take();
        if marker.is_begin {
            sections.extend(begin.map(unended));
            open = Some(marker);
            continue;
        }
        sections.push(match begin {
            None => Section { label: marker.label, body: Err(Problem::NoBegin) },
            Some(begin) => Section { label: begin.label, body: body(text, &begin, &marker) },
        });
    }
    sections.extend(open.map(unended));
    sections
}

fn unended(begin: Marker<'_>) -> Section<'_> {
    let problem = if begin.is_right { Problem::NoEnd } else { Problem::Begin };
    Section { label: begin.label, body: Err(problem) }
}

fn body<'a>(text: &'a str, begin: &Marker<'a>, end: &Marker<'a>) -> Result<&'a str, Problem<'a>> {
    if !begin.is_right {
        Err(Problem::Begin)
    } else if !end.is_right {
        Err(Problem::End)
    } else if begin.label != end.label {
        Err(Problem::OtherEnd(end.label))
    } else {
        Ok(text.get(begin.after..end.start).unwrap_or_default())
    }
}

fn markers(text: &str) -> Vec<Marker<'_>> {
    let mut markers: Vec<Marker<'_>> = Vec::new();
    for (at, _) in text.match_indices(['B', 'b', 'E', 'e']) {
        // Part of the last marker.
        if markers.last().is_some_and(|last| at < last.after) {
            continue;
        }
        markers.extend(["BEGIN", "END"].into_iter().find_map(|word| marker(text, at, word)));
    }
    markers
}

/// The marker whose word is at this byte.
fn marker<'a>(text: &'a str, at: usize, word: &str) -> Option<Marker<'a>> {
    let found = text.get(at..at + word.len())?;
    let rest = text.get(at + word.len()..)?.strip_prefix([' ', '\t'])?;
    if !found.eq_ignore_ascii_case(word) {
        return None;
    }
    let (before, is_begin, is_exact) = (&text[..at], word == "BEGIN", found == word);
    // Without a limit, a long line with many such words would take quadratic time.
    let rest = rest.get(..rest.floor_char_boundary(LONGEST)).unwrap_or(rest);
    let line = rest.split(['\n', '\r']).next().unwrap_or_default();
    if let Some((label, _)) = line.split_once(HYPHENS)
        && is_exact
        && before.ends_with(HYPHENS)
        && !label.contains('-')
    {
        let after = at + word.len() + 1 + label.len() + HYPHENS.len();
        let start = at - HYPHENS.len();
        return Some(Marker { is_begin, is_right: true, label, after, start });
    }
    // A marker and not a word of a sentence: it has a dash at one end at least, and at both ends if it is in small letters.
    let label = line.split(is_dash).next().unwrap_or_default();
    let is_label = !label.trim().is_empty()
        && label.chars().all(|char| char.is_ascii_alphanumeric() || char == ' ');
    let dash_after = line.len() > label.len();
    let dash_before = before.trim_end_matches([' ', '\t']).ends_with(is_dash);
    let is_meant = is_label
        && !before.ends_with(char::is_alphanumeric)
        && if is_exact { dash_before || dash_after } else { dash_before && dash_after };
    let (label, after) = (label.trim(), at + word.len());
    is_meant.then_some(Marker { is_begin, is_right: false, label, after, start: at })
}

/// A hyphen, or a dash that a word processor puts in place of hyphens.
fn is_dash(char: char) -> bool {
    matches!(char, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let shown = |section: Section<'_>| match section.body {
            Ok(body) => format!("{}={}", section.label, body.trim()),
            Err(problem) => format!("{}!{problem:?}", section.label),
        };
        sections(text).into_iter().map(shown).collect()
    }

    #[test]
    fn every_begin_and_every_end_is_found() {
        for (text, expected) in [
            ("", &[][..]),
            ("-----BEGIN A-----\nx\n-----END A-----", &["A=x"]),
            ("-----BEGIN A-----x-----END A----------BEGIN B-----y-----END B-----", &["A=x", "B=y"]),
            ("-----BEGIN A-----x-----END A-----BEGIN B-----y-----END B-----", &["A=x", "B=y"]),
            ("------BEGIN A------\rx\r------END A------", &["A=-\rx\r-"]),
            (
                "-----BEGIN A-----\n-----BEGIN B-----y-----END B-----\n-----END A-----",
                &["A!NoEnd", "B=y", "A!NoBegin"],
            ),
            ("-----BEGIN A-----x-----END B-----", &["A!OtherEnd(\"B\")"]),
            ("-----BEGIN A", &["A!Begin"]),
            ("-----BEGIN A-----", &["A!NoEnd"]),
            ("-----BEGIN -----x-----END -----", &["=x"]),
            ("-----BEGIN A-----x-----END A----", &["A!End"]),
            ("---- BEGIN SSH2 PUBLIC KEY ----", &["SSH2 PUBLIC KEY!Begin"]),
            ("\u{2014}BEGIN A\u{2014}x\u{2014}END A\u{2014}", &["A!Begin"]),
            ("-----begin a-----x-----end a-----", &["a!Begin"]),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn words_are_no_markers() {
        for text in [
            "BEGIN",
            "END",
            "The bundle begins here - and that is the end - of it",
            "weekend-",
            "# BEGIN of the list",
            "BEGIN\n-----",
            "vENDor x-",
            "AABEGINx+END/BEGIN=",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_much(text in "(-----|BEGIN|END| |A|\n|\r|-|—|é){0,60}") {
            let begins = text.matches("-----BEGIN A-----").count();
            proptest::prop_assert!(sections(&text).len() >= begins);
        }
    }
}
