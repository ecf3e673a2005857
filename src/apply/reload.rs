//! Whether systemd has to read its units again.

use crate::plan::{Plan, PlannedAction, Why};
use crate::system::systemd::services::ServiceManager;
use std::collections::BTreeSet;

/// Where the units of ours and their drop-ins are.
const FOLDER: &str = "/etc/systemd/system/";

/// Not on most first boots: systemd reads a unit when somebody asks for it, and that is after its files were written. A
/// file that an instance never had before, and from which systemd says that it has read the unit, was read as it is.
///
/// `NeedDaemonReload` would not do: it is `no` for a new drop-in folder of a unit that is loaded (systemd 31752), and
/// compares times.
pub(super) async fn is_needed(
    services: &dyn ServiceManager,
    plan: &Plan,
    planned: &PlannedAction,
) -> bool {
    let new: Vec<&str> = plan
        .writes()
        .filter(|write| write.why == Why::New && write.path.starts_with(FOLDER))
        .map(|write| write.path.as_str())
        .collect();
    // A file that changes or goes is a reason too, and so is what an earlier run left to be done.
    if !plan.is_first || new.is_empty() || new.len() != planned.because.len() {
        return true;
    }
    let units: BTreeSet<&str> = new.iter().map(|path| unit(path)).collect();
    let units: Vec<&str> = units.into_iter().collect();
    match services.sources(&units).await {
        Ok(sources) => !new.iter().all(|path| sources.contains(*path)),
        Err(_) => true,
    }
}

/// The unit that a file or a drop-in is of.
fn unit(path: &str) -> &str {
    let name = path.strip_prefix(FOLDER).unwrap_or(path);
    let first = name.split_once('/').map_or(name, |(folder, _)| folder);
    first.strip_suffix(".d").unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_of_its_unit() {
        assert_eq!(unit("/etc/systemd/system/nomad.service.d/cos.conf"), "nomad.service");
        assert_eq!(unit("/etc/systemd/system/nomad.service"), "nomad.service");
    }
}
