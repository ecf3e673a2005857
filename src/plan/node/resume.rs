//! PURE: whether what ran on this machine before a reboot may run again, where no plan can be made: the settings are
//! refused, the facts are missing, the agent is frozen.
//!
//! Nothing is rendered and nothing is written, so all that has to be known is that this is the same node.

use crate::facts::{Facts, Glimpse};
use crate::node::tags;
use crate::plan::manifest::Manifest;
use std::collections::BTreeMap;

/// The tags that say whose daemons these are.
pub const TAGS: [&str; 2] = [tags::CLUSTER, tags::ROLE];

/// Why nothing may be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotResumed {
    /// No `apply` has succeeded on this disk.
    #[error("no `apply` has succeeded on this node yet")]
    FirstBoot,
    /// What is on record cannot be understood.
    #[error("the record of the last `apply` contradicts itself: {0}")]
    Record(&'static str),
    /// Neither metadata nor firmware nor an address say which instance this is.
    #[error(
        "cannot verify that this is still instance {recorded}, which the last `apply` recorded"
    )]
    Unknown {
        /// The instance on record.
        recorded: String,
    },
    /// The disk was another instance's.
    #[error("this is instance {found}, but the last `apply` on this disk recorded {recorded}")]
    OtherInstance {
        /// This instance.
        found: String,
        /// The instance on record.
        recorded: String,
    },
    /// The tags name another cluster or role.
    #[error("tag `{key}` is {found:?}, but the last `apply` recorded {recorded:?}")]
    OtherTag {
        /// The tag.
        key: &'static str,
        /// Its value now.
        found: String,
        /// Its value on record.
        recorded: String,
    },
}

/// Whether this is the node that is on record. `carries_address`: an interface has the address on record, which counts where
/// nothing else tells who this is.
pub fn check(
    recorded: Option<&Facts>,
    manifest: &Manifest,
    seen: &Glimpse,
    carries_address: bool,
) -> Result<(), NotResumed> {
    let facts = recorded.ok_or(NotResumed::FirstBoot)?;
    let id = &facts.instance.id;
    // Facts are written at the end of an `apply`, and whose the data is when it has been moved.
    if manifest.instance.as_ref() != Some(id) {
        return Err(NotResumed::Record("facts and manifest name different instances"));
    }
    // A run that ended between its files and its facts has left files of another role.
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

/// A tag that cannot be read speaks against nothing.
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
