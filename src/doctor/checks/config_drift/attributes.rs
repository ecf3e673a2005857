//! PURE: the mode and the owner of the agent's files.

use crate::exit::hint::topics;
use crate::gates::{Finding, Problem};
use crate::plan::{Change, Why, Write};
use crate::state::{Daemon, Stat};
use std::collections::BTreeMap;

topics! {
    ATTRIBUTES: "config-attributes", "run `cos-agent apply`, which restores the mode and the owner";
}

/// The first file with another mode or owner, one that harms first.
pub(super) fn judge(changes: &[&Change], seen: &BTreeMap<String, Stat>) -> Option<Finding> {
    let mut wrong: Vec<(&Write, &Stat)> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Write(write) if write.why == Why::Attributes => {
                Some((write, seen.get(&write.path)?))
            }
            _ => None,
        })
        .collect();
    wrong.sort_by_key(|(write, stat)| harm(write, stat).is_none());
    let (write, stat) = *wrong.first()?;
    let harm = harm(write, stat);
    let found = format!(
        "{} has mode {:04o} and owner {}:{}{}",
        write.path,
        stat.mode,
        stat.uid,
        stat.gid,
        harm.map(|harm| format!(", so {harm}")).unwrap_or_default()
    );
    let ids = write.ownership.ids().map(|(uid, gid)| format!(" and owner {uid}:{gid}"));
    let expected = format!("mode {:04o}{}", write.mode, ids.unwrap_or_default());
    let problem = Problem::new(found, expected, ATTRIBUTES.plain());
    Some(if harm.is_some() { Finding::Fail(problem) } else { Finding::Warn(problem) })
}

/// The harm that a mode and an owner do; `None` if they only differ.
fn harm(write: &Write, stat: &Stat) -> Option<&'static str> {
    let (_, group) = write.ownership.ids()?;
    let is_read_by_a_user =
        group != 0 && Daemon::ALL.iter().any(|daemon| daemon.file() == write.path);
    let by_group = stat.gid == group && stat.mode & 0o040 != 0;
    // The owner may be the user of the daemon.
    let by_owner = stat.uid != 0 && stat.mode & 0o400 != 0;
    if write.bytes.is_secret() && stat.mode & 0o004 != 0 {
        Some("every user can read a secret in it")
    } else if is_read_by_a_user && !by_group && !by_owner && stat.mode & 0o004 == 0 {
        Some("its daemon cannot read it")
    } else {
        None
    }
}
