//! The network of a run: one bridge in namespaces of its own. No route leads out of it, and no cable to the host.

use super::run::Run;
use super::space::{Space, ok};
use std::sync::Arc;

/// The address of AWS.
pub(crate) const AWS: &str = "10.20.0.2";

/// A bridge that machines are plugged into.
pub(crate) struct Net {
    /// Where the bridge is; AWS lives here too.
    pub(crate) space: Space,
}

impl Net {
    /// Makes the network.
    pub(crate) fn new(run: &Arc<Run>) -> Self {
        let space = Space::new(run, "aws");
        for words in [
            "link add br0 type bridge",
            &format!("address add {AWS}/16 dev br0"),
            "link set br0 up",
        ] {
            ok(space.beside().arg("ip").args(words.split_whitespace()));
        }
        Self { space }
    }
}
