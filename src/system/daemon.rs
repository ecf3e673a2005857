//! The installed Consul and Nomad as programs: their version and their validator.

use super::command::{self, CommandError, Output};
use super::root::Root;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A cold page-in of a 100 MB binary from EBS took 13 s on a loaded instance (awslabs/amazon-eks-ami 1751).
const VERSION_TIMEOUT: Duration = Duration::from_secs(60);
/// The validators read files only; what takes longer hangs.
const VALIDATE_TIMEOUT: Duration = Duration::from_secs(60);

/// The first line that `PROGRAM version` prints, such as `Nomad v1.10.5`.
pub async fn version_line(root: &Root, program: &str, path: &str) -> Result<String, CommandError> {
    let program = resolved(root, program)?;
    let output = command::run(&program, &["version"], path, VERSION_TIMEOUT).await?;
    Ok(output.stdout.lines().next().unwrap_or_default().trim().to_owned())
}

/// Runs a validator (`consul validate`, `nomad config validate`) over a directory, whose place is its whole path.
pub async fn validate(
    root: &Root,
    program: &str,
    verb: &[&str],
    place: &Path,
    path: &str,
) -> Result<Output, CommandError> {
    let place = place.to_string_lossy();
    let args: Vec<&str> = verb.iter().copied().chain([place.as_ref()]).collect();
    command::run(&resolved(root, program)?, &args, path, VALIDATE_TIMEOUT).await
}

/// Where a program lies: below another root its links lead to that root's programs, not to this host's.
fn resolved(root: &Root, program: &str) -> Result<PathBuf, CommandError> {
    root.resolve(program)
        .map_err(|error| CommandError::Spawn { program: error.path, source: error.source })
}
