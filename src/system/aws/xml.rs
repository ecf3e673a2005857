//! AWS's XML, read one element at a time: names are compared, namespaces are ignored. No tree is built and nothing
//! recurses, so the time is proportional to the length of the answer, even if it is deep, wide or full of entities. An
//! element is read again for each child that is asked for, which is simple and takes 3 ms for the seven servers of a
//! large cluster.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use std::borrow::Cow;

/// Calls `each` for each child with its name and the raw text between its tags.
fn children<'a>(
    inner: &'a str,
    mut each: impl FnMut(&str, Cow<'a, str>) -> Result<(), String>,
) -> Result<(), String> {
    let mut reader = Reader::from_str(inner);
    reader.config_mut().expand_empty_elements = true;
    loop {
        match reader.read_event().map_err(words)? {
            Event::Start(start) => {
                let inner = reader.read_text(start.name()).map_err(words)?.into_inner();
                each(start.local_name().as_ref(), inner)?;
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

/// The raw text between the tags of the child of this name. AWS never sends two of one name, so that is an error.
pub(super) fn child<'a>(inner: &'a str, name: &str) -> Result<Option<Cow<'a, str>>, String> {
    let mut found = None;
    children(inner, |child, inner| {
        if child == name && found.replace(inner).is_some() {
            return Err(format!("expected one `{name}`, found more"));
        }
        Ok(())
    })?;
    Ok(found)
}

/// What `read` returns for each child `name` of the child `list`; a missing list is empty.
pub(super) fn list<T>(
    inner: &str,
    list: &str,
    name: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let mut items = Vec::new();
    children(&child(inner, list)?.unwrap_or_default(), |child, inner| {
        if child == name {
            items.push(read(&inner)?);
        }
        Ok(())
    })?;
    Ok(items)
}

/// The text of the child of this name.
pub(super) fn field(inner: &str, name: &str) -> Result<Option<String>, String> {
    child(inner, name)?.map(|inner| text(&inner)).transpose()
}

/// The text of a child that must be there.
pub(super) fn required(inner: &str, name: &str) -> Result<String, String> {
    field(inner, name)?.ok_or_else(|| format!("`{name}` is missing"))
}

/// The text of the first element of this name, at any depth, even if the document around it is malformed.
pub(super) fn first(document: &str, name: &str) -> Option<String> {
    let mut reader = Reader::from_str(document);
    let config = reader.config_mut();
    (config.check_end_names, config.allow_unmatched_ends) = (false, true);
    config.allow_dangling_amp = true;
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) if start.local_name().as_ref() == name => {
                return text(&reader.read_text(start.name()).ok()?).ok();
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

/// The characters between two tags. Entities that a document declares for itself are refused.
fn text(inner: &str) -> Result<String, String> {
    let mut reader = Reader::from_str(inner);
    let mut text = String::new();
    loop {
        match reader.read_event().map_err(words)? {
            Event::Text(part) => text.push_str(&part.xml10_content()),
            Event::CData(part) => text.push_str(&part.xml10_content()),
            Event::GeneralRef(name) => match name.resolve_char_ref().map_err(words)? {
                Some(char) => text.push(char),
                None => text.push_str(
                    resolve_predefined_entity(&name)
                        .ok_or_else(|| format!("unknown entity `{}`", &*name))?,
                ),
            },
            Event::Start(start) | Event::Empty(start) => {
                return Err(format!(
                    "expected text, found an element `{}`",
                    start.local_name().as_ref()
                ));
            }
            Event::Eof => return Ok(text),
            _ => {}
        }
    }
}

fn words(error: quick_xml::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_it_was_meant() {
        for (inner, meant) in [
            ("<a/>", ""),
            ("<a></a>", ""),
            ("<a> b </a>", " b "),
            ("<x:a xmlns:x=\"u\">b</x:a>", "b"),
            ("<a>&lt;&#228;&#xe4;&amp;amp;&apos;</a>", "<ää&amp;'"),
            ("<a>b<![CDATA[<c>&]]><!-- d --></a>", "b<c>&"),
            ("<b><a>no</a></b><a>yes</a>", "yes"),
            ("<?xml version=\"1.0\"?>\n<!DOCTYPE a>\n<a>b</a>\n", "b"),
        ] {
            assert_eq!(field(inner, "a"), Ok(Some(meant.to_owned())), "{inner}");
            assert_eq!(first(inner, "a").is_some(), !inner.contains("<a/>"), "{inner}");
        }
        assert_eq!(field("<b>a</b>", "a"), Ok(None));
    }

    #[test]
    fn what_is_no_xml_of_aws_is_refused() {
        for wrong in [
            "<a>",
            "<a",
            "<a></b>",
            "<a>b</a><a>c</a>",
            "<a><b/></a>",
            "<a>&b;</a>",
            "<a>b & c</a>",
            "<a>&#xd800;</a>",
            "<a>b</a></c>",
            "<a>b</a><c>",
            "<a>&#99999999999;</a>",
            "<html><br><a>b</a></html>",
        ] {
            assert!(field(wrong, "a").is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_error_is_found_in_whatever_stands_around_it() {
        let error = "<html><br>a & b &c; </p><e:Code>No&amp;</e:Code>";
        assert_eq!(first(error, "Code").as_deref(), Some("No&"));
        for wrong in ["", "<", "<Code>", "<Code>a", "<Code>&b;</Code>", "Code", "<Code><a/></Code>"]
        {
            assert_eq!(first(wrong, "Code"), None, "{wrong}");
        }
    }

    /// Long enough to show a cost that grows with the square of the length.
    const LONG: usize = 1024 * 1024;

    #[test]
    fn depth_width_and_entities_cost_their_own_length() {
        let deep = format!("{}{}", "<a>".repeat(900_000), "</a>".repeat(900_000));
        assert!(field(&deep, "a").is_err());
        assert_eq!(first(&deep, "b"), None);
        let unclosed = "<a>".repeat(LONG / 3);
        assert!(child(&unclosed, "a").is_err());
        let wide = format!("<a>{}</a>", "<b/>".repeat(LONG / 4));
        let items = list(&wide, "a", "c", |_| Ok(()));
        assert_eq!(items, Ok(Vec::new()));
        let laughs: String = (1..=64)
            .map(|n| format!("<!ENTITY l{n} '{}'>", format!("&l{};", n - 1).repeat(10)))
            .collect();
        let bomb = format!("<!DOCTYPE a [<!ENTITY l0 'ha'>{laughs}]><a>&l64;</a>");
        assert_eq!(field(&bomb, "a"), Err("unknown entity `l64`".to_owned()));
        assert_eq!(first(&bomb, "a"), None);
    }
}
