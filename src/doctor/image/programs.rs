//! The programs are those of the manifest of the image.

use super::{Check, about};
use crate::exit::hint::topics;
use crate::facts::image::{PARTS, identity};
use crate::gates::{Finding, Impact, Page, Problem};
use crate::render::image::{IMAGE_MANIFEST, Manifest};
use crate::system::System;

topics! {
    INSTALL: "image-not-installed",
        "run `cos-agent install`, which writes the manifest of the image; it must be the last step before `cos-agent clean`";
    REPLACED: "image-program-replaced",
        "run `cos-agent install` again after the last change of a program";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: about(
        "image-programs",
        "the programs are those that the manifest of the image names",
        Impact::Down,
        Page {
            means: "Every program in /usr/share/cos/ami-manifest.json is there, with its recorded SHA-256, size and time of modification.",
            matters: "A node trusts the manifest: it takes the versions of Consul and Nomad from it, and renders their configuration for these versions.",
            look: &[
                "cat /usr/share/cos/ami-manifest.json",
                "sha256sum /usr/bin/consul /usr/bin/nomad",
            ],
            fixes: &[TOPICS, super::TOPICS],
            source: "https://github.com/awslabs/amazon-eks-ami/issues/1751",
        },
    ),
    look,
};

fn look(system: &System) -> Result<Finding, crate::system::root::FileError> {
    let manifest = system.root.read(IMAGE_MANIFEST)?;
    let manifest: Option<Manifest> = manifest.and_then(|text| serde_json::from_slice(&text).ok());
    let Some(manifest) = manifest.filter(|manifest| !manifest.binaries.is_empty()) else {
        let found = format!("{IMAGE_MANIFEST} is missing or not a manifest");
        return Ok(Finding::Fail(Problem::new(
            found,
            "a manifest of the programs",
            INSTALL.plain(),
        )));
    };
    let mut differ = Vec::new();
    for (path, recorded) in &manifest.binaries {
        let Some(found) = identity(&system.root, path)? else {
            differ.push(format!("{path} is missing"));
            continue;
        };
        let is_same = (&found.sha256, found.size, found.mtime_nanos)
            == (&recorded.sha256, recorded.size, recorded.mtime_nanos);
        if !is_same {
            differ.push(format!("{path} is another file than recorded"));
        }
    }
    for part in PARTS {
        if part.place(&system.root)?.is_none() {
            differ.push(format!("{} is missing", part.name));
        }
    }
    if differ.is_empty() {
        let number = crate::text::count(manifest.binaries.len(), "program");
        return Ok(Finding::Pass(format!("{number} as recorded")));
    }
    let found = differ.join("; ");
    Ok(Finding::Fail(Problem::new(found, "the programs of the manifest", REPLACED.plain())))
}
