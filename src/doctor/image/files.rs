//! What `install` wrote is still as it wrote it.

use super::{Check, about};
use crate::apply::image::MANIFEST;
use crate::exit::hint::topics;
use crate::gates::{Finding, Impact, Page, Problem};
use crate::state::sha256;
use crate::store::Stored;
use crate::system::System;
use crate::system::root::FileError;

topics! {
    CHANGED: "image-file-changed",
        "run `cos-agent install --plan` to see the difference, then `cos-agent install`; put your own changes into drop-ins and \
         /etc/cos-agent";
    UNFINISHED: "image-install-unfinished", "run `cos-agent install` again: its last run did not finish";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: about(
        "image-files",
        "the files of the image are as `install` wrote them",
        Impact::Degraded,
        Page {
            means: "Every file that `cos-agent install` wrote is there and unchanged, and its last run finished.",
            matters: "A changed unit or preset is replaced on every first boot, and a changed resolver or clock differs on every node.",
            look: &["cos-agent install --plan"],
            fixes: &[TOPICS, super::TOPICS],
            source: "https://www.freedesktop.org/software/systemd/man/latest/file-hierarchy.html",
        },
    ),
    look,
};

fn look(system: &System) -> Result<Finding, FileError> {
    let Stored::Known(manifest) = MANIFEST.load(&system.root)? else {
        let found = format!("{} is missing or unusable", MANIFEST.path());
        return Ok(Finding::Fail(Problem::new(found, "a finished `install`", UNFINISHED.plain())));
    };
    if !manifest.pending.is_empty() {
        let left: Vec<String> = manifest.pending.iter().map(ToString::to_string).collect();
        let found = format!("still to do: {}", left.join(", "));
        return Ok(Finding::Fail(Problem::new(found, "a finished `install`", UNFINISHED.plain())));
    }
    let mut changed = Vec::new();
    // A file that other programs share holds only some keys of ours.
    for (path, written) in manifest.files.iter().filter(|(_, written)| written.keys.is_none()) {
        match system.root.read(path)? {
            None => changed.push(format!("{path} is missing")),
            Some(bytes) if sha256(&bytes) != written.sha256 => {
                changed.push(format!("{path} was changed"));
            }
            Some(_) => {}
        }
    }
    if changed.is_empty() {
        let number = crate::text::count(manifest.files.len(), "file");
        return Ok(Finding::Pass(format!("{number} as written")));
    }
    let found = changed.join("; ");
    Ok(Finding::Fail(Problem::new(found, "the files of the image", CHANGED.plain())))
}
