//! The manifest of the image: which programs it has. `apply` reads the versions from it, so that a first boot does not start a
//! 100 MB program only to ask for its version; `doctor --image` compares the programs with it.

use super::text;
use crate::facts::image::{Image, Program};
use crate::state::{File, Notify, format};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use crate::facts::binaries::IMAGE_MANIFEST;

/// The form of the file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Manifest {
    /// When the image was built, as the builder said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built: Option<String>,
    /// Path → the program there.
    pub binaries: BTreeMap<String, Program>,
}

/// The file.
pub(super) fn file(image: &Image, built: Option<&str>) -> File {
    let programs = image.programs.iter();
    let manifest = Manifest {
        built: built.map(str::to_owned),
        binaries: programs.map(|program| (program.path.clone(), program.clone())).collect(),
    };
    let value = serde_json::to_value(manifest).unwrap_or_default();
    text(IMAGE_MANIFEST, format::json(&value), Notify::nobody())
}
