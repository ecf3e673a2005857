//! The hints for a file of the operator that the agent refuses.

use super::Conflict;
use crate::exit::hint::{Advice, Hint, Topic, topics};

topics! {
    KEY_OF_OURS: "operator-file-key",
        "remove the key from {path}, or move the file away if it came with a package (`mv {path} {path}.packaged`); nothing \
         was changed";
    KEY_OF_A_BLOCK: "operator-file-block",
        "move it to the table `[nomad.extra.{table}]` of the agent's settings, which is merged with the agent's own block, and \
         remove it from {path}; nothing was changed";
    UNCLEAR: "operator-file-unclear",
        "write {path} in plain HCL or JSON, or move it away; nothing was changed";
}

impl Hint for Conflict {
    const TOPICS: &'static [Topic] = TOPICS;

    fn hint(&self) -> Option<Advice> {
        Some(match self {
            // Nomad does not merge two such blocks: the last one replaces the others.
            Self::Sets { path, key, .. } if key.starts_with("plugin.docker") => {
                let table = key.rsplit_once('.').map_or("", |(table, _)| table);
                KEY_OF_A_BLOCK.with(&[("table", &table), ("path", path)])
            }
            Self::Sets { path, .. } => KEY_OF_OURS.with(&[("path", path)]),
            Self::Unclear { path, .. } => UNCLEAR.with(&[("path", path)]),
        })
    }
}
