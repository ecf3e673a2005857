//! What was done about the launch hook of this instance; saved once nothing is left to do.

use super::{LAUNCH_HOOK, StateFile};
use serde::{Deserialize, Serialize};

/// Where it is kept.
pub static FILE: StateFile<LaunchHook> = StateFile::of(&LAUNCH_HOOK);

/// A hook with nothing left to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchHook {
    /// The instance id: the file may have come with an image.
    pub instance: String,
    /// The name of the hook.
    pub hook: String,
    /// How it ended.
    pub outcome: Ended,
}

/// How a launch hook ended. As JSON: `{"result": "not-active", "state": "InService"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Ended {
    /// The instance went into service.
    Completed,
    /// The instance was abandoned.
    Abandoned,
    /// There was nothing to complete.
    NotActive {
        /// The lifecycle state in which the group sees the instance, such as `InService`.
        state: String,
    },
}
