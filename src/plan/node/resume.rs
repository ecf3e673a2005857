//! PURE: whether the daemons that ran on this machine before a reboot may run again although no plan can be made: the
//! settings are refused, the facts are missing, or the agent is frozen.
//!
//! Nothing is rendered and nothing is written, so it is enough to verify that this is still the same node.

use crate::facts::{Facts, Glimpse};
use crate::node::tags;
use crate::plan::manifest::Manifest;
use std::collections::BTreeMap;

/// The tags that identify the cluster and the role of the daemons.
pub const TAGS: [&str; 2] = [tags::CLUSTER, tags::ROLE];

/// Why no daemon may be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotResumed {
    /// No `apply` has succeeded on this disk.
    #[error("no `apply` has succeeded on this node yet")]
    FirstBoot,
    /// The records of the last `apply` cannot be read, or contradict each other.
    #[error("the record of the last `apply` contradicts itself: {0}")]
    Record(&'static str),
    /// Neither metadata nor firmware nor an address says which instance this is.
    #[error(
        "cannot verify that this is still instance {recorded}, which the last `apply` recorded"
    )]
    Unknown {
        /// The instance id on record.
        recorded: String,
    },
    /// The last `apply` on this disk ran on another instance.
    #[error("this is instance {found}, but the last `apply` on this disk recorded {recorded}")]
    OtherInstance {
        /// The id of this instance.
        found: String,
        /// The instance id on record.
        recorded: String,
    },
    /// The tags name another cluster or role.
    #[error("tag `{key}` is {found:?}, but the last `apply` recorded {recorded:?}")]
    OtherTag {
        /// The key of the tag.
        key: &'static str,
        /// Its value now.
        found: String,
        /// Its value on record.
        recorded: String,
    },
}

/// Checks that this is the node on record. `carries_address`: an interface has the address on record, which counts only if
/// nothing else identifies this instance.
pub fn check(
    recorded: Option<&Facts>,
    manifest: &Manifest,
    seen: &Glimpse,
    carries_address: bool,
) -> Result<(), NotResumed> {
    let facts = recorded.ok_or(NotResumed::FirstBoot)?;
    let id = &facts.instance.id;
    // An `apply` records the instance in the manifest once data has been moved, and in the facts at its end, so a run that
    // ended in between leaves two instances.
    if manifest.instance.as_ref() != Some(id) {
        return Err(NotResumed::Record("facts and manifest name different instances"));
    }
    // A run that ended after writing files and before saving facts has left the files of another role.
    if manifest.role.as_ref() != facts.tags.values.get(tags::ROLE) {
        return Err(NotResumed::Record("facts and manifest name different roles"));
    }
    match &seen.instance {
        Some(found) if found == id => {}
        Some(found) => {
            return Err(NotResumed::OtherInstance { found: found.clone(), recorded: id.clone() });
        }
        None if carries_address => {}
        None => return Err(NotResumed::Unknown { recorded: id.clone() }),
    }
    TAGS.into_iter().try_for_each(|key| same(key, &seen.tags, &facts.tags.values))
}

/// Compares a tag with the record. A tag that cannot be read is no contradiction.
fn same(
    key: &'static str,
    seen: &BTreeMap<String, String>,
    recorded: &BTreeMap<String, String>,
) -> Result<(), NotResumed> {
    let recorded = recorded.get(key).cloned().unwrap_or_default();
    match seen.get(key) {
        Some(found) if *found != recorded => {
            Err(NotResumed::OtherTag { key, found: found.clone(), recorded })
        }
        _ => Ok(()),
    }
}
