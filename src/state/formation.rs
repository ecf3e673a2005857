//! What the quorum guard found.

use serde::{Deserialize, Serialize};

/// What the quorum guard found when a server's data was still empty; kept for as long as the data is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Formation {
    /// This server can only join a cluster: one has formed already, or nobody could tell.
    #[serde(default)]
    pub join_only: bool,
    /// Why nobody could tell whether one has formed; then it is asked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<String>,
}

impl Formation {
    /// Whether there is nothing to keep.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}
