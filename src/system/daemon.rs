//! The installed Consul and Nomad as programs: their version and their validator.

use super::command::{self, CommandError, Output};
use super::root::Root;
use std::time::Duration;

/// A cold page-in of a 100 MB binary from EBS took 13 s on a loaded instance (awslabs/amazon-eks-ami 1751).
const VERSION_TIMEOUT: Duration = Duration::from_secs(60);
/// The validators read files only; what takes longer hangs.
const VALIDATE_TIMEOUT: Duration = Duration::from_secs(60);

/// What `PROGRAM version` says; the first line is like `Nomad v1.10.5`.
pub async fn version(root: &Root, program: &str, path: &str) -> Result<Output, CommandError> {
    command::run(&root.path(program), &["version"], path, VERSION_TIMEOUT).await
}

/// Runs a validator (`consul validate`, `nomad config validate`) over a folder.
pub async fn validate(
    root: &Root,
    program: &str,
    verb: &[&str],
    folder: &str,
    path: &str,
) -> Result<Output, CommandError> {
    let folder = root.path(folder).to_string_lossy().into_owned();
    let args: Vec<&str> = verb.iter().copied().chain([folder.as_str()]).collect();
    command::run(&root.path(program), &args, path, VALIDATE_TIMEOUT).await
}
