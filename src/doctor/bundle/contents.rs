//! PURE: the files of a bundle as they come, within its size, and the manifest that lists them.

use super::archive::OVERHEAD;
use super::collectors::{Collector, Failure, Piece};
use super::member::{Clean, Form, Member};
use super::secrets::Secrets;
use serde_json::{Value, json};
use std::time::Duration;

/// Largest bundle, in bytes. The files in it together are smaller even before they are packed, so none exceeds it.
const LARGEST: usize = 5 * 1024 * 1024;
/// What is kept free for the manifest, in bytes.
const MANIFEST: usize = 256 * 1024;

/// What is in a bundle so far.
pub(super) struct Contents {
    files: Vec<Clean>,
    secrets: Secrets,
    room: usize,
    collectors: Vec<Value>,
    /// How many things could not be collected.
    pub(super) failures: usize,
}

impl Contents {
    /// An empty bundle of a node with these secrets.
    pub(super) fn new(secrets: Secrets) -> Self {
        let room = LARGEST - MANIFEST;
        Self { files: Vec::new(), secrets, room, collectors: Vec::new(), failures: 0 }
    }

    /// Adds a file without its secrets, if there is room.
    pub(super) fn add(&mut self, member: Member) -> Result<(), Failure> {
        let clean = member.clean(&self.secrets);
        match self.room.checked_sub(clean.bytes.len() + OVERHEAD) {
            Some(room) => {
                self.room = room;
                self.files.push(clean);
                Ok(())
            }
            None => {
                let why = "left out, because the bundle is full".to_owned();
                Err(Failure { what: clean.name, why })
            }
        }
    }

    /// Adds what a collector brought.
    pub(super) fn take(&mut self, collector: &Collector, pieces: Vec<Piece>, elapsed: Duration) {
        let mut failures = Vec::new();
        for piece in pieces {
            match piece {
                Piece::File(member) => failures.extend(self.add(member).err()),
                Piece::Failed(failure) => failures.push(failure),
            }
        }
        self.failures += failures.len();
        let failed =
            failures.iter().map(|failure| json!({ "what": failure.what, "why": failure.why }));
        self.collectors.push(json!({
            "name": collector.name,
            "what": collector.what,
            "duration_ms": u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            "failed": failed.collect::<Vec<_>>(),
        }));
    }

    /// The files with their manifest, which comes behind the first two: the report. `made`: when, by RFC 3339. `unread`: where
    /// secrets may be that could not be read.
    pub(super) fn close(self, made: &str, unread: &[String]) -> (Vec<Clean>, Secrets) {
        let Self { mut files, secrets, collectors, .. } = self;
        let listed = files.iter().map(|file| {
            json!({
                "name": file.name,
                "bytes": file.bytes.len(),
                "truncated": file.is_cut,
                "redactions": file.redactions,
            })
        });
        let manifest = json!({
            "schema": "cos.bundle/v1",
            "tool": { "name": "cos-agent", "version": env!("CARGO_PKG_VERSION") },
            "made": made,
            "secrets": { "known": secrets.count, "unread": unread },
            "redactions": redactions(&files),
            "files": listed.collect::<Vec<_>>(),
            "collectors": collectors,
        });
        let manifest = Member::whole("manifest.json", Form::Json, manifest.to_string());
        files.insert(files.len().min(2), manifest.clean(&secrets));
        (files, secrets)
    }
}

/// How many secrets were taken out of these files.
pub(super) fn redactions(files: &[Clean]) -> usize {
    files.iter().map(|file| file.redactions).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_does_not_fit_is_left_out_and_listed() {
        let mut contents = Contents::new(Secrets::of(&BTreeSet::new()).unwrap());
        let file = |name: &str, length| Member::whole(name, Form::Log, "x".repeat(length));
        contents.add(file("doctor.json", 10)).unwrap();
        contents.add(file("doctor.txt", 10)).unwrap();
        let collector = &super::super::COLLECTORS[0];
        let pieces = vec![
            Piece::File(file("a", 3_000_000)),
            Piece::File(file("b", 3_000_000)),
            Piece::File(file("c", 1000)),
            Piece::failed("d", "denied"),
        ];
        contents.take(collector, pieces, Duration::from_millis(7));
        assert_eq!(contents.failures, 2);
        let (files, _) = contents.close("2026-11-22T19:04:05Z", &["e".to_owned()]);
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["doctor.json", "doctor.txt", "manifest.json", "a", "c"]);
        let manifest: Value = serde_json::from_slice(&files[2].bytes).unwrap();
        assert_eq!(
            manifest["collectors"][0]["failed"],
            json!([
                { "what": "b", "why": "left out, because the bundle is full" },
                { "what": "d", "why": "denied" },
            ])
        );
        assert_eq!(manifest["files"][3]["name"], "c");
        assert_eq!(manifest["secrets"], json!({ "known": 0, "unread": ["e"] }));
    }
}
