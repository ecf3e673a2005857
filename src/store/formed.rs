//! When this server last saw in the parameter store that its cluster has formed. A reboot within an hour does not ask again.

use super::{FORMED, StateFile};
use crate::state::Daemon;
use serde::{Deserialize, Serialize};

/// Where it is kept.
pub static FILE: StateFile<Formed> = StateFile::of(&FORMED);

/// What a server has seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Formed {
    /// The instance id of the server: the file may have come with an image.
    pub instance: String,
    /// The daemon whose cluster it is.
    pub daemon: Daemon,
    /// When, in seconds since the epoch; 0 if the file does not say.
    #[serde(default)]
    pub checked: u64,
}
