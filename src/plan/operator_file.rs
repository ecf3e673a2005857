//! A JSON file of the operator in which the agent sets keys.

use super::compare::{self, Compared};
use super::manifest::Written;
use super::{Inputs, Ownership, PlanError, Why, Write, keys};
use crate::state::{Bytes, File, Keys, Seen, format};
use crate::text;
use serde_json::{Map, Value};

/// The write that sets the agent's keys in the file; none if that does not change it. Mode and owner stay as the operator
/// has them.
pub(super) fn change(
    file: &File,
    ours: &Keys,
    seen: Option<&Seen>,
    inputs: &Inputs<'_>,
) -> Result<Compared, PlanError> {
    let before = inputs.manifest.files.get(&file.path);
    let merged = merged(&file.path, seen, before, ours)?;
    let written = Some(Written {
        keys: Some(ours.ours.clone()),
        replaced: merged.replaced,
        ..compare::written(file, &merged.bytes, seen, inputs)
    });
    let notes = merged.notes;
    if seen.is_some_and(|seen| seen.bytes == merged.bytes.for_their_file()) {
        return Ok(Compared { write: None, written, notes });
    }
    let new = compare::new(file, merged.bytes, inputs)?;
    let new = Write { keys: Some(merged.shown), besides: merged.besides, ..new };
    let write = match seen {
        None => new,
        Some(seen) => Write {
            mode: seen.stat.mode,
            ownership: Ownership::Operators { ids: Some((seen.stat.uid, seen.stat.gid)) },
            before: Some(Bytes::Open(seen.bytes.clone())),
            foreign: !compare::is_ours(&file.path, seen, inputs),
            why: Why::Changed,
            ..new
        },
    };
    Ok(Compared { write: Some(write), written, notes })
}

/// A file of the operator with the agent's keys set.
struct Merged {
    /// Its contents.
    bytes: Bytes,
    /// The operator's values that the agent's keys replace.
    replaced: Option<Map<String, Value>>,
    /// The agent's keys before and after.
    shown: (Map<String, Value>, Map<String, Value>),
    /// Other changes, in words.
    besides: Vec<String>,
    /// Notes for people, one sentence each.
    notes: Vec<String>,
}

/// The desired contents of the file.
fn merged(
    path: &str,
    seen: Option<&Seen>,
    before: Option<&Written>,
    Keys { ours, amend }: &Keys,
) -> Result<Merged, PlanError> {
    let found = object(path, seen)?;
    let all_keys = before.map(Written::all_keys).unwrap_or_default();
    let replaced = before.and_then(|before| before.replaced.as_ref());
    let mut rest = found.clone();
    let amended = amend(&mut rest, ours);
    let (set, replaced) = keys::set(&rest, keys::Before { ours: &all_keys, replaced }, ours);
    let either = all_keys.iter().fold(ours.clone(), |either, keys| keys::merged(&either, keys));
    let is_marked = seen.is_some_and(|seen| text::is_marked(&seen.bytes));
    let bytes = match seen {
        // A file that already has the agent's keys keeps its own order and indentation.
        Some(seen) if set == found && !is_marked => seen.bytes.clone(),
        _ => format::json(&Value::Object(set)).into_bytes(),
    };
    let mut besides = amended.changes;
    if is_marked {
        besides.push("remove its byte order mark, which some programs cannot read".to_owned());
    }
    Ok(Merged {
        bytes: Bytes::Open(bytes),
        replaced: (!replaced.is_empty()).then_some(replaced),
        shown: (keys::pick(&found, &either), ours.clone()),
        besides,
        notes: amended.notes,
    })
}

/// The JSON object in a file; empty if the file is missing or empty.
pub(super) fn object(path: &str, seen: Option<&Seen>) -> Result<Map<String, Value>, PlanError> {
    let Some(seen) = seen else { return Ok(Map::new()) };
    let wrong = |problem: String| PlanError::OperatorJson { path: path.to_owned(), problem };
    let Some(text) = text::decoded(&seen.bytes) else {
        return Err(wrong("expected UTF-8".to_owned()));
    };
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(&text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => {
            let before = &text[..text.len() - text.trim_start().len()];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            Err(wrong(format!("line {line}, column {column}: found {}", kind(&other))))
        }
        // Only the position is shown: the parser's message may quote the file, which may hold credentials.
        Err(error) => Err(wrong(format!("line {}, column {}", error.line(), error.column()))),
    }
}

/// What kind of JSON value it is; never the value.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
