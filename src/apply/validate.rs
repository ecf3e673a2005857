//! The new configuration before the daemon's own validator, together with the operator's files, before it replaces
//! the old one. A refusal leaves the disk as it was.

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

/// The copies that are validated: for root alone, gone when it is over.
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
            // Another root often is a tree without binaries, which is nothing to warn of.
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
    let folder = format!("{STAGING}{}", daemon.directory());
    root.make_directory(STAGING, 0o700, None)?;
    root.make_directory(&folder, 0o700, None)?;
    let operators = observe::operator_files(root, daemon)?;
    for file in &operators {
        root.write(Path::new(&folder).join(&file.name), &file.bytes, 0o600)?;
    }
    root.write(format!("{folder}/cos.json"), ours, 0o600)?;
    let verb: &[&str] = match daemon {
        Daemon::Consul => &["validate"],
        Daemon::Nomad => &["config", "validate"],
    };
    let place = root.resolve(&folder)?;
    let output = program::validate(root, daemon.program(), verb, &place, &system.environment.path)
        .await
        .map_err(ApplyError::Validator)?;
    if output.success() {
        return Ok(());
    }
    let command = format!("{} {}", daemon.program(), verb.join(" "));
    if output.was_killed() {
        return Err(ApplyError::ValidatorKilled { command });
    }
    // The validator names the copy; people know the file by its own name.
    let words = output.words().replace(&*place.to_string_lossy(), daemon.directory());
    let words = without_values(words, &operators);
    Err(ApplyError::Refused { command, words })
}

/// A validator quotes what it cannot take, and in an operator's file that may be a secret.
fn without_values(words: String, operators: &[OperatorFile]) -> String {
    let texts: Vec<_> = operators.iter().map(|file| String::from_utf8_lossy(&file.bytes)).collect();
    let mut values: Vec<&str> = texts.iter().flat_map(|text| secret::quoted_values(text)).collect();
    // A value may hold another one.
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

/// Removes what a run left behind, a killed one too.
pub(super) fn sweep(root: &Root) -> Result<(), FileError> {
    if root.stat(STAGING)?.is_some() { root.remove_directory(STAGING) } else { Ok(()) }
}
