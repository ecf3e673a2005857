//! Compares a file by the kind of its contents.

use super::compare::{Compared, changed, new, regular, written};
use super::{Inputs, PlanError, operator_file};
use crate::state::{Contents, File};

pub(super) fn file_change(file: &File, inputs: &Inputs<'_>) -> Result<Compared, PlanError> {
    let seen = regular(&file.path, inputs.observed)?;
    match file.contents.whole() {
        Err(keys) => operator_file::change(file, keys, seen, inputs),
        Ok(bytes) => {
            let is_seed = matches!(file.contents, Contents::Seed(_));
            let write = match seen {
                // The agent writes such a file once; from then on it is the operator's.
                Some(_) if is_seed => None,
                Some(seen) => changed(file, &bytes, seen, inputs)?,
                None => Some(new(file, bytes.clone(), inputs)?),
            };
            let written = (!is_seed).then(|| written(file, &bytes, seen, inputs));
            Ok(Compared { write, written, notes: Vec::new() })
        }
    }
}
