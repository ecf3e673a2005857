//! Removes what the agent wrote and no longer wants.

use super::compare::{is_masked, is_ours, regular, was_secret};
use super::manifest::Written;
use super::operator_file::object;
use super::{Change, Inputs, Ownership, PlanError, Why, Write, keys};
use crate::state::{Bytes, Seen, format};
use serde_json::{Map, Value};

/// The removals of files, and of the agent's keys from the operator's files.
pub(super) fn changes(inputs: &Inputs<'_>) -> Result<Vec<Change>, PlanError> {
    let mut changes = Vec::new();
    for (path, written) in &inputs.manifest.files {
        let is_wanted = inputs.desired.files.iter().any(|file| file.path == *path);
        if is_wanted || is_masked(path, inputs.observed) {
            continue;
        }
        let Some(seen) = regular(path, inputs.observed)? else { continue };
        let change = match &written.keys {
            Some(ours) => without_keys(path, written, ours, seen, inputs)?,
            None => Some(removal(path, seen, inputs)),
        };
        changes.extend(change);
    }
    Ok(changes)
}

fn removal(path: &str, seen: &Seen, inputs: &Inputs<'_>) -> Change {
    Change::Remove {
        path: path.to_owned(),
        before: Bytes::of(seen.bytes.clone(), was_secret(path, inputs)),
        foreign: !is_ours(path, seen, inputs),
    }
}

/// The operator's file without the agent's keys. If the agent created the file and nothing else is in it, the file is
/// removed.
fn without_keys(
    path: &str,
    written: &Written,
    ours: &Map<String, Value>,
    seen: &Seen,
    inputs: &Inputs<'_>,
) -> Result<Option<Change>, PlanError> {
    let found = object(path, Some(seen))?;
    let before = keys::Before { ours: &written.all_keys(), replaced: written.replaced.as_ref() };
    let rest = keys::without(&found, before);
    if rest.is_empty() && written.created {
        return Ok(Some(removal(path, seen, inputs)));
    }
    Ok((rest != found).then(|| {
        Change::Write(Write {
            path: path.to_owned(),
            bytes: Bytes::Open(format::json(&Value::Object(rest.clone())).into_bytes()),
            mode: seen.stat.mode,
            ownership: Ownership::Operators { ids: Some((seen.stat.uid, seen.stat.gid)) },
            before: Some(Bytes::Open(seen.bytes.clone())),
            foreign: true,
            keys: Some((keys::pick(&found, ours), keys::pick(&rest, ours))),
            besides: Vec::new(),
            why: Why::Changed,
        })
    }))
}
