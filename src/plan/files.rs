//! Compares a file by the kind of its contents.

use super::compare::{Compared, changed, new, regular, written};
use super::{Inputs, PlanError, operator_file};
use crate::state::{Bytes, Contents, File};

pub(super) fn file_change(file: &File, inputs: &Inputs<'_>) -> Result<Compared, PlanError> {
    let seen = regular(&file.path, inputs.observed)?;
    match &file.contents {
        Contents::Keys(keys) => operator_file::change(file, keys, seen, inputs),
        contents => {
            let bytes = contents.whole().unwrap_or(Bytes::Open(Vec::new()));
            let write = match seen {
                // The agent writes such a file once; from then on it is the operator's.
                Some(_) if contents.is_operators() => None,
                Some(seen) => changed(file, &bytes, seen, inputs)?,
                None => Some(new(file, bytes.clone(), inputs)?),
            };
            let is_recorded = !matches!(contents, Contents::Seed(_));
            let written = is_recorded.then(|| written(file, &bytes, seen, inputs));
            Ok(Compared { write, written, notes: Vec::new() })
        }
    }
}
