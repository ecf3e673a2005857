//! What the quorum guard found.

use serde::{Deserialize, Serialize};

/// What the quorum guard found when the data of a server was still empty. It is kept as long as the data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Formation {
    /// This server can only join a cluster, because one has formed already, or because the parameter store did not answer.
    #[serde(default)]
    pub join_only: bool,
    /// Why the parameter store did not answer; then the next `apply` asks again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<String>,
}

impl Formation {
    /// Whether there is nothing to keep.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}
