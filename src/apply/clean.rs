//! Removes what an image must not have.

use crate::observe::leftovers::{Found, leftovers};
use crate::system::System;
use crate::system::root::FileError;

/// Removes every left-over; what was found. A crash leaves some of them, and the next run removes those.
pub fn clean(system: &System) -> Result<Vec<Found>, FileError> {
    let all = leftovers(&system.root)?;
    for found in &all {
        for path in &found.remove {
            system.root.remove_directory(path)?;
        }
        for path in &found.empty {
            system.root.remove_directory(path)?;
            system.root.write(path, b"", 0o444)?;
        }
    }
    Ok(all)
}
