//! The request for a diagnosis, and what the last diagnosis found. The watch has no rights of its own: it asks by a file, and
//! `cos-agent-diagnose.path` starts the service that looks and removes the file.

use crate::system::root::{FileError, Root};
use serde::{Deserialize, Serialize};

/// The file that asks for a diagnosis; `cos-agent-diagnose.path` names it too.
pub const REQUEST: &str = "/run/cos-agent/diagnose";

/// What the last diagnosis found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// When, by RFC 3339.
    pub at: String,
    /// The ids of the causes, the worst first; empty if nothing was wrong.
    pub causes: Vec<String>,
    /// The card of the first cause, as the console shows it; empty if nothing was wrong.
    pub card: String,
}

/// Asks for a diagnosis.
pub fn request(root: &Root) -> Result<(), FileError> {
    root.write(REQUEST, b"", 0o600)
}

/// Takes the request away; the next one then starts the service again.
pub fn take_request(root: &Root) -> Result<(), FileError> {
    root.remove(REQUEST)
}
