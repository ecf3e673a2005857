//! Control groups: one tree a lab, in every hierarchy that the host has, so that its end is one write.

use super::wait::within;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the hierarchies are: all of them, and the one of version 2, which alone can kill a tree.
///
/// A host with the old hierarchies has both: systemd's hybrid layout. With version 2 alone there is one, whose
/// controllers are handed down (not tried: the machine that this was made on is hybrid).
pub(crate) fn hierarchies() -> (Vec<PathBuf>, PathBuf) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let of = |kind: &str| -> Vec<PathBuf> {
        let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        fields.filter(|fields| fields[2] == kind).map(|fields| fields[1].into()).collect()
    };
    let unified = of("cgroup2").into_iter().next().expect("a mounted cgroup2");
    let mut all = of("cgroup");
    all.push(unified.clone());
    (all, unified)
}

/// Makes a group in all hierarchies.
pub(crate) fn create(group: &str) {
    let (all, unified) = hierarchies();
    for hierarchy in &all {
        let mut place = hierarchy.clone();
        for part in Path::new(group) {
            hand_down(&place, *hierarchy == unified);
            let above = place.clone();
            place.push(part);
            fs::create_dir_all(&place).unwrap();
            // A group without processors and memory takes no process.
            for file in ["cpuset.cpus", "cpuset.mems"] {
                if above.join("cgroup.clone_children").exists() && place.join(file).exists() {
                    fs::write(place.join(file), fs::read(above.join(file)).unwrap()).unwrap();
                }
            }
        }
    }
}

/// Makes a group in the hierarchy of version 2 alone: for processes that are killed together and otherwise free.
pub(crate) fn create_unified(group: &str) {
    fs::create_dir_all(hierarchies().1.join(group)).unwrap();
}

/// Hands the controllers of a group on to those in it; the host may have kept some for itself.
fn hand_down(place: &Path, is_unified: bool) {
    if !is_unified {
        return;
    }
    let found = fs::read_to_string(place.join("cgroup.controllers")).unwrap_or_default();
    for controller in found.split_whitespace() {
        let _ = fs::write(place.join("cgroup.subtree_control"), format!("+{controller}"));
    }
}

/// Kills everything in a group and below, and waits until it is gone.
pub(crate) fn kill(group: &str) {
    let place = hierarchies().1.join(group);
    fs::write(place.join("cgroup.kill"), "1").unwrap();
    let ended = within(Duration::from_secs(30), || {
        let events = fs::read_to_string(place.join("cgroup.events")).unwrap();
        if events.contains("populated 1") { Err(events) } else { Ok(()) }
    });
    assert_eq!(ended, Ok(()), "processes of {group} do not end");
}

/// Whether a process runs in a group or below.
pub(crate) fn is_populated(group: &str) -> bool {
    let events = fs::read_to_string(hierarchies().1.join(group).join("cgroup.events"));
    events.is_ok_and(|events| events.contains("populated 1"))
}

/// Stops everything in a group and below where it is, or lets it go on.
pub(crate) fn freeze(group: &str, is_frozen: bool) {
    let place = hierarchies().1.join(group);
    let (number, wanted) = if is_frozen { ("1", "frozen 1") } else { ("0", "frozen 0") };
    fs::write(place.join("cgroup.freeze"), number).unwrap();
    let done = within(Duration::from_secs(30), || {
        let events = fs::read_to_string(place.join("cgroup.events")).unwrap();
        if events.contains(wanted) { Ok(()) } else { Err(events) }
    });
    assert_eq!(done, Ok(()), "processes of {group} neither stop nor go on");
}

/// Removes a group and those below in all hierarchies, as far as they are empty.
pub(crate) fn remove(group: &str) {
    hierarchies().0.iter().for_each(|hierarchy| remove_below(&hierarchy.join(group)));
}

fn remove_below(place: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_below(&entry.path());
        }
    }
    let _ = fs::remove_dir(place);
}

/// The processes of a group, without those below.
pub(crate) fn processes(group: &str) -> Vec<i32> {
    let list = fs::read_to_string(hierarchies().1.join(group).join("cgroup.procs"));
    list.unwrap_or_default().lines().filter_map(|line| line.parse().ok()).collect()
}

/// The memory of a group and those below, in bytes, where the host counts it.
pub(crate) fn memory(group: &str) -> Option<u64> {
    let (all, unified) = hierarchies();
    let counted = |file: &Path| fs::read_to_string(file).ok()?.trim().parse().ok();
    // The old hierarchy counts resident memory apart from the page cache.
    let old = all.iter().find_map(|hierarchy| {
        let text = fs::read_to_string(hierarchy.join(group).join("memory.stat")).ok()?;
        text.lines().find_map(|line| line.strip_prefix("total_rss ")?.parse().ok())
    });
    old.or_else(|| counted(&unified.join(group).join("memory.current")))
}
