//! The installed Consul and Nomad as programs: their version and their validator.

use crate::system::command::{self, CommandError, Output};
use crate::system::root::Root;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A cold page-in of a 100 MB binary from EBS took 13 s on a loaded instance (awslabs/amazon-eks-ami 1751).
const VERSION_TIMEOUT: Duration = Duration::from_secs(60);
/// The validators only read files, so one that takes longer hangs.
const VALIDATE_TIMEOUT: Duration = Duration::from_secs(60);

/// The output of `PROGRAM version`; its first line is like `Nomad v1.10.5`.
pub async fn version(root: &Root, program: &str, path: &str) -> Result<Output, CommandError> {
    ask(root, program, &["version"], path).await
}

/// What a program prints with arguments that only ask for its version.
pub async fn ask(
    root: &Root,
    program: &str,
    args: &[&str],
    path: &str,
) -> Result<Output, CommandError> {
    command::run(&resolved(root, program)?, args, path, VERSION_TIMEOUT).await
}

/// Runs a validator (`consul validate`, `nomad config validate`) on a directory; `place` is its full path.
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

/// The path of a program with its links resolved. Below another root they are resolved in that root, not on this host.
fn resolved(root: &Root, program: &str) -> Result<PathBuf, CommandError> {
    root.resolve(program)
        .map_err(|error| CommandError::Spawn { program: error.path, source: error.source })
}
