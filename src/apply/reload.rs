//! Whether systemd has to reload its units.

use crate::plan::{Plan, PlannedAction, Why};
use crate::state::unit_of;
use crate::system::systemd::services::ServiceManager;
use std::collections::BTreeSet;

/// Whether a `daemon-reload` is needed. On most first boots it is not, because systemd reads a unit when it is first asked
/// for, which is after the agent wrote the files. If a file is new to this instance and systemd names it as a source of the
/// unit, systemd has read its current contents.
///
/// `NeedDaemonReload` is not enough: it is `no` for a new drop-in directory of a loaded unit (systemd 31752), and it
/// compares times.
pub(super) async fn is_needed(
    services: &dyn ServiceManager,
    plan: &Plan,
    planned: &PlannedAction,
) -> bool {
    let new: Vec<&str> = plan
        .writes()
        .filter(|write| write.why == Why::New && unit_of(&write.path).is_some())
        .map(|write| write.path.as_str())
        .collect();
    // A changed or removed file needs a reload, and so does an action that an earlier run left due.
    if !plan.is_first || new.is_empty() || new.len() != planned.because.len() {
        return true;
    }
    let units: BTreeSet<&str> = new.iter().filter_map(|path| unit_of(path)).collect();
    let units: Vec<&str> = units.into_iter().collect();
    match services.sources(&units).await {
        Ok(sources) => !new.iter().all(|path| sources.contains(*path)),
        Err(_) => true,
    }
}
