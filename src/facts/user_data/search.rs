//! The search for the part for cos-agent in a message, through all nested messages and packing.

use super::super::settings::{Layer, SettingsError};
use super::message::{self, Content, Entity, Parts};
use super::unpack::{self, Budget};
use super::{ARCHIVE, MEDIA_TYPE, NAME, kind, part, refused};
use std::borrow::Cow;

/// How deep messages may be nested. Each tool that wraps its input adds one level.
const DEPTH: usize = 12;

/// The settings in the part for cos-agent, if there is one. Two parts are an error, because the agent does not guess.
pub(super) fn settings(
    message: &[u8],
    budget: &mut Budget,
) -> Result<Option<Layer>, SettingsError> {
    let mut search = Search { budget, found: None };
    search.entity(message, Place { lines_before: Some(0), ..Place::default() })?;
    Ok(search.found)
}

/// A place in the message.
#[derive(Debug, Clone, Default)]
struct Place {
    /// The numbers of the nested parts that contain it, outermost first, counted from 1.
    numbers: Vec<usize>,
    /// How many lines of the text are before it; `None` if it was packed separately.
    lines_before: Option<usize>,
    /// How many messages contain it.
    depth: usize,
    /// The closing delimiter that is missing in a multipart around it.
    missing: Option<String>,
}

impl Place {
    /// For people.
    fn name(&self) -> String {
        if self.numbers.is_empty() {
            return "the MIME message".to_owned();
        }
        let numbers: Vec<String> = self.numbers.iter().map(usize::to_string).collect();
        format!("part {} of the MIME message", numbers.join("."))
    }

    fn refused(&self, problem: &str) -> SettingsError {
        refused(format!("{} {problem}", self.name()))
    }
}

struct Search<'a> {
    budget: &'a mut Budget,
    found: Option<Layer>,
}

impl Search<'_> {
    fn entity(&mut self, data: &[u8], mut place: Place) -> Result<(), SettingsError> {
        let entity = Entity::read(data);
        let content = entity.content();
        let before = &data[..data.len() - entity.body.len()];
        place.lines_before = place.lines_before.map(|lines| lines + kind::count(before, b'\n'));
        if content.is_ours() {
            return self.take(&entity, &content, &place);
        }
        if content.is_nearly_ours() || message::names_our_type(entity.head) {
            let found = content.media_type.unwrap_or_default();
            let problem = format!(
                "has the type `{found}`, expected `Content-Type: {MEDIA_TYPE}` and no other"
            );
            return Err(place.refused(&problem));
        }
        let delimiter = content.boundary.as_ref().filter(|_| content.is_container());
        let delimiter = delimiter.map(|boundary| format!("--{boundary}"));
        // A body with parts or headers of its own is not encoded as a whole, whatever its headers say (RFC 2045, 6.4).
        let as_it_is = message::is_message(entity.body)
            || delimiter.as_deref().is_some_and(|line| Parts::read(entity.body, line).is_any());
        let body = match part::transfer(entity.body, &content) {
            Ok(Cow::Owned(decoded)) if !as_it_is => {
                place.lines_before = None;
                Cow::Owned(decoded)
            }
            _ => Cow::Borrowed(entity.body),
        };
        match delimiter {
            Some(delimiter) => self.parts(&body, &delimiter, &place),
            None => self.other(&body, &content, place),
        }
    }

    /// The parts of a multipart.
    fn parts(&mut self, body: &[u8], delimiter: &str, place: &Place) -> Result<(), SettingsError> {
        if !may_descend(body, place)? {
            return Ok(());
        }
        let found = Parts::read(body, delimiter);
        if found.outside.iter().any(|outside| message::names_our_type(outside)) {
            let problem = format!(
                "names the type of cos-agent outside of its parts, expected a line `{delimiter}` before each part and `{delimiter}--` after the last"
            );
            return Err(place.refused(&problem));
        }
        let missing = (!found.closed).then(|| format!("{delimiter}--"));
        for (index, (lines, piece)) in found.parts.into_iter().enumerate() {
            let inner = Place {
                numbers: [place.numbers.as_slice(), &[index + 1]].concat(),
                lines_before: place.lines_before.map(|before| before + lines),
                depth: place.depth + 1,
                missing: place.missing.clone().or_else(|| missing.clone()),
            };
            self.entity(piece, inner)?;
        }
        Ok(())
    }

    /// A part for another program. It may contain a whole message, whatever its type says, because tools wrap their input.
    fn other(
        &mut self,
        body: &[u8],
        content: &Content,
        mut place: Place,
    ) -> Result<(), SettingsError> {
        let unpacked = unpack::unpack(body, self.budget);
        if let Some(problem) = unpacked.broken {
            let ours =
                message::is_message(&unpacked.data) && message::names_our_type(&unpacked.data);
            return if ours {
                Err(place.refused(&format!("cannot be read: {problem}")))
            } else {
                Ok(())
            };
        }
        if unpacked.data != body {
            place.lines_before = None;
        }
        let data = unpacked.data.strip_prefix(kind::UTF8_MARK).unwrap_or(&unpacked.data);
        if message::is_message(data) {
            if may_descend(data, &place)? {
                place.depth += 1;
                return self.entity(data, place);
            }
            return Ok(());
        }
        let text = String::from_utf8_lossy(data);
        if kind::is_archive_with_ours(&text) {
            return Err(place.refused(ARCHIVE));
        }
        let untyped = content.media_type.is_none() && kind::of(&text).is_none();
        if (untyped || content.is_container()) && message::names_our_type(data) {
            let problem = "names the type of cos-agent where no headers are read: a line above it is not a header, or a boundary is missing";
            return Err(place.refused(problem));
        }
        Ok(())
    }

    /// The part for cos-agent.
    fn take(
        &mut self,
        entity: &Entity<'_>,
        content: &Content,
        place: &Place,
    ) -> Result<(), SettingsError> {
        if let Some(delimiter) = &place.missing {
            return Err(refused(format!(
                "the MIME message was cut off: expected `{delimiter}` at its end"
            )));
        }
        if entity.has_toml_in_its_head() {
            return Err(place.refused(
                "has no blank line after its headers, so its first lines are read as headers",
            ));
        }
        let text = part::text(entity.body, content, place.lines_before.unwrap_or(0))
            .map_err(|problem| place.refused(&problem))?;
        let layer = match place.lines_before.filter(|_| !text.was_packed) {
            // Blank lines replace the text before the part, so that errors and sources have the lines of the whole text.
            Some(lines) => Layer { name: NAME.to_owned(), text: "\n".repeat(lines) + &text.toml },
            None => Layer { name: format!("{NAME}, {}", place.name()), text: text.toml },
        };
        if self.found.replace(layer).is_some() {
            return Err(refused(format!(
                "the MIME message has two parts of type {MEDIA_TYPE}; expected one"
            )));
        }
        Ok(())
    }
}

/// Whether to search a nested body. A body that is nested too deep is an error if it is for cos-agent.
fn may_descend(body: &[u8], place: &Place) -> Result<bool, SettingsError> {
    if place.depth < DEPTH {
        Ok(true)
    } else if message::names_our_type(body) {
        Err(place.refused(&format!("is nested in more than {DEPTH} messages")))
    } else {
        Ok(false)
    }
}
