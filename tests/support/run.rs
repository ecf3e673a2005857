//! One run of a test: its folder, its control group, and the end of everything in them.
//!
//! Every process of a run is in the run's control group, so the end is one write to `cgroup.kill`. Networks
//! are in namespaces that live as long as their processes, so nothing else has to be taken down.

use super::wait::within;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const PREFIX: &str = "cos-net-";
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// The folder and the control group of a run; dropping it kills what runs there and removes both.
pub(crate) struct Run {
    /// Scratch space on the disk of the host.
    pub(crate) folder: PathBuf,
    /// The control group, in the unified hierarchy.
    pub(crate) cgroup: PathBuf,
}

impl Run {
    /// Makes a run, or panics with the names of what this machine lacks.
    pub(crate) fn new() -> Self {
        let missing = missing();
        assert!(missing.is_empty(), "this test needs {}", missing.join(", "));
        let hierarchy = unified_hierarchy().unwrap();
        let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        sweep(&scratch, &hierarchy);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}", std::process::id());
        let run = Self { folder: scratch.join(&name), cgroup: hierarchy.join(&name) };
        fs::create_dir_all(&run.folder).unwrap();
        fs::create_dir(&run.cgroup).unwrap();
        run
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        end(&self.cgroup);
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What a run needs and this machine has not.
fn missing() -> Vec<String> {
    let mut missing = Vec::new();
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        missing.push("root, for namespaces".to_owned());
    }
    if unified_hierarchy().is_none_or(|hierarchy| !hierarchy.join("cgroup.procs").exists()) {
        missing.push("a mounted cgroup2".to_owned());
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let there =
        |program: &str| path.split(':').any(|folder| Path::new(folder).join(program).is_file());
    missing.extend(
        ["ip", "nsenter", "setpriv", "unshare"]
            .iter()
            .filter(|program| !there(program))
            .map(|program| format!("the program `{program}`")),
    );
    missing
}

/// Where the unified hierarchy is mounted: systemd's hybrid layout has it beside the old ones.
fn unified_hierarchy() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (place, kind) = (fields.next()?, fields.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(place))
    })
}

/// Ends what earlier runs left behind: those whose process is dead.
fn sweep(scratch: &Path, hierarchy: &Path) {
    for (base, is_cgroup) in [(hierarchy, true), (scratch, false)] {
        for entry in fs::read_dir(base).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
            match owner {
                Some(pid) if !Path::new("/proc").join(pid).exists() => {}
                _ => continue,
            }
            if is_cgroup {
                end(&entry.path());
            } else {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// Kills everything in a control group and removes it.
fn end(cgroup: &Path) {
    let _ = fs::write(cgroup.join("cgroup.kill"), "1");
    let _ = within(Duration::from_secs(30), || {
        match fs::read_to_string(cgroup.join("cgroup.events")) {
            Ok(events) if events.contains("populated 1") => Err(events),
            _ => Ok(()),
        }
    });
    remove_groups(cgroup);
}

/// The files of a control group cannot be removed, its groups can.
fn remove_groups(cgroup: &Path) {
    for entry in fs::read_dir(cgroup).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_groups(&entry.path());
        }
    }
    let _ = within(Duration::from_secs(10), || match fs::remove_dir(cgroup) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.to_string()),
        _ => Ok(()),
    });
}
