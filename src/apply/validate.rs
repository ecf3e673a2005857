//! Checks the new configuration, together with the operator's files, with the daemon's own validator before it replaces the
//! old one. If the validator rejects it, the disk stays as it was.

use super::ApplyError;
use crate::observe;
use crate::plan::Plan;
use crate::state::Daemon;
use crate::state::OperatorFile;
use crate::system::System;
use crate::system::daemon::program;
use crate::system::root::{FileError, Root};
use crate::text::secret;
use std::path::Path;

/// The directory of the copies that are validated. Only root can read it, and it is removed afterwards.
const STAGING: &str = "/run/cos-agent/validate";

/// Validates every configuration whose bytes change.
pub(super) async fn all(system: &System, plan: &Plan) -> Result<(), ApplyError> {
    for daemon in Daemon::ALL {
        let Some(write) = plan.writes().find(|write| write.path == daemon.file()) else { continue };
        if write.before.as_ref() == Some(&write.bytes) {
            continue;
        }
        if system.root.stat(daemon.program())?.is_none() {
            let program = daemon.program();
            let words =
                format!("{program} does not exist, so its new configuration is not validated");
            // Another root is often a tree without binaries, so no warning is needed there.
            if system.root.is_host() {
                tracing::warn!("{words}");
            } else {
                tracing::info!("{words}");
            }
            continue;
        }
        let _staging = Staging(&system.root);
        one(system, daemon, write.bytes.for_their_file()).await?;
    }
    Ok(())
}

async fn one(system: &System, daemon: Daemon, ours: &[u8]) -> Result<(), ApplyError> {
    let root = &system.root;
    let directory = format!("{STAGING}{}", daemon.directory());
    root.make_directory(STAGING, 0o700, None)?;
    root.make_directory(&directory, 0o700, None)?;
    let operators = observe::operator_files(root, daemon)?;
    for file in &operators {
        root.write(Path::new(&directory).join(&file.name), &file.bytes, 0o600)?;
    }
    root.write(format!("{directory}/cos.json"), ours, 0o600)?;
    let place = root.resolve(&directory)?;
    verdict(system, daemon, &place, &operators).await
}

/// Validates the configuration of a daemon as it is on the disk. Nothing is written.
pub async fn as_it_is(system: &System, daemon: Daemon) -> Result<(), ApplyError> {
    let operators = observe::operator_files(&system.root, daemon)?;
    let place = system.root.resolve(daemon.directory())?;
    verdict(system, daemon, &place, &operators).await
}

/// What the validator says of a directory that holds the configuration of a daemon.
async fn verdict(
    system: &System,
    daemon: Daemon,
    place: &Path,
    operators: &[OperatorFile],
) -> Result<(), ApplyError> {
    let verb: &[&str] = match daemon {
        Daemon::Consul => &["validate"],
        Daemon::Nomad => &["config", "validate"],
    };
    let path = &system.environment.path;
    let output = program::validate(&system.root, daemon.program(), verb, place, path)
        .await
        .map_err(ApplyError::Validator)?;
    if output.success() {
        return Ok(());
    }
    let command = format!("{} {}", daemon.program(), verb.join(" "));
    if output.was_killed() {
        return Err(ApplyError::ValidatorKilled { command });
    }
    // The validator names the copy, but people know the path of the original.
    let words = output.words().replace(&*place.to_string_lossy(), daemon.directory());
    let words = without_values(words, operators);
    Err(ApplyError::Refused { command, words })
}

/// Masks the values of the operator's files in the validator's output, which may quote a secret.
fn without_values(words: String, operators: &[OperatorFile]) -> String {
    let texts: Vec<_> = operators.iter().map(|file| String::from_utf8_lossy(&file.bytes)).collect();
    let mut values: Vec<&str> = texts.iter().flat_map(|text| secret::quoted_values(text)).collect();
    // Longest first, because one value may contain another.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values.into_iter().fold(words, |words, value| words.replace(value, secret::MASK))
}

/// Removes the copies when validation ends, however it ends.
struct Staging<'a>(&'a Root);

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        if let Err(error) = sweep(self.0) {
            tracing::warn!("{error}: {}", error.source);
        }
    }
}

/// Removes the copies that a run left behind, also those of a killed run.
pub(super) fn sweep(root: &Root) -> Result<(), FileError> {
    if root.stat(STAGING)?.is_some() { root.remove_directory(STAGING) } else { Ok(()) }
}
