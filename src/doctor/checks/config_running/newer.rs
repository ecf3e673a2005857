//! Whether a file is newer than the daemon that reads it.
//!
//! A file has a time of the wall clock, a start has one of the clock that never jumps. A wall clock that was corrected between
//! both could make any file newer, so the wall clock of the start as systemd recorded it has to agree.

use crate::observe;
use crate::plan::manifest::Manifest;
use crate::state::{Daemon, Stat, sha256};
use crate::system::environment;
use crate::system::root::Root;
use crate::system::systemd::unit_facts::UnitFacts;
use std::path::Path;

/// Differences up to this many seconds mean nothing, because some times have whole seconds only.
const TOLERANCE: u64 = 2;
/// An `apply` that only restores a mode writes the file again, and records that it is done within this many seconds.
const RECORDED: u64 = 120;

/// A file that a daemon reads, and when it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Changed {
    /// Its path, for messages.
    pub(super) path: String,
    /// The modification time, in seconds since the epoch.
    pub(super) at: u64,
    /// Whether it is the agent's.
    pub(super) is_ours: bool,
}

/// The current moment by both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// Seconds since the epoch.
    wall: u64,
    /// Microseconds since the boot, as systemd counts them.
    micros: u64,
}

impl Clock {
    /// Now.
    pub(super) fn now() -> Self {
        Self { wall: environment::unix_seconds(), micros: environment::moment().micros }
    }
}

/// The files of a daemon, the agent's first. A file of the agent that is not as `apply` wrote it is left out, because
/// `config-drift` judges it.
pub(super) fn files(root: &Root, daemon: Daemon, manifest: &Manifest) -> Vec<Changed> {
    let at = |stat: Stat| u64::try_from(stat.mtime_nanos / 1_000_000_000).unwrap_or(0);
    let mut files = Vec::new();
    let (path, written) = (daemon.file(), manifest.files.get(daemon.file()));
    if let (Ok(Some(stat)), Ok(Some(bytes)), Some(written)) =
        (root.stat(path), root.read(path), written)
        && written.sha256 == sha256(&bytes)
    {
        files.push(Changed { path: path.to_owned(), at: at(stat), is_ours: true });
    }
    let operators = observe::operator_files(root, daemon).unwrap_or_default();
    files.extend(operators.into_iter().filter_map(|file| {
        let stat = root.stat_target(Path::new(daemon.directory()).join(&file.name)).ok()??;
        Some(Changed { path: file.path, at: at(stat), is_ours: false })
    }));
    files
}

/// When a unit last started or was reloaded, in seconds since the epoch, by the clock of now.
pub(super) fn latest(unit: &UnitFacts, now: Clock) -> u64 {
    let since = now.micros.saturating_sub(unit.started.max(unit.changed)) / 1_000_000;
    now.wall.saturating_sub(since)
}

/// Whether a file changed after its daemon started and was last reloaded. `applied`: when an `apply` last changed something,
/// by RFC 3339; that run has restarted what needs it.
pub(super) fn is_newer(
    file: &Changed,
    unit: &UnitFacts,
    now: Clock,
    applied: Option<&str>,
) -> bool {
    let start = latest(unit, now).max(unit.started_at.unwrap_or(0)) + TOLERANCE;
    let recorded =
        applied.and_then(environment::since).map(|ago| now.wall.saturating_sub(ago.as_secs()));
    let is_by_apply = file.is_ours
        && recorded.is_some_and(|recorded| {
            recorded + TOLERANCE >= file.at && recorded.saturating_sub(file.at) <= RECORDED
        });
    unit.started > 0 && file.at > start && !is_by_apply
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::manifest::Written;

    const NOW: Clock = Clock { wall: 10_000, micros: 5_000_000_000 };

    fn unit(started: u64, changed: u64, started_at: Option<u64>) -> UnitFacts {
        UnitFacts { started, started_at, changed, ..UnitFacts::default() }
    }

    fn file(at: u64) -> Changed {
        Changed { path: String::new(), at, is_ours: true }
    }

    #[test]
    fn both_clocks_have_to_agree_that_a_file_is_newer() {
        // Started 1000 s ago, at 9000.
        let started = 4_000_000_000;
        for (at, unit, expected) in [
            (9_500, unit(started, 0, None), true),
            (9_500, unit(started, 0, Some(9_000)), true),
            (8_500, unit(started, 0, Some(9_000)), false),
            (9_002, unit(started, 0, None), false),
            // Reloaded through systemd at 9600.
            (9_500, unit(started, 4_600_000_000, None), false),
            // The wall clock was set back by 1000 s after the start.
            (9_500, unit(started, 0, Some(10_000)), false),
            (9_500, unit(0, 0, None), false),
        ] {
            assert_eq!(is_newer(&file(at), &unit, NOW, None), expected, "{at} {unit:?}");
        }
    }

    #[test]
    fn a_file_that_apply_wrote_again_without_a_restart_is_not_newer() {
        let now = Clock::now();
        let unit = unit(now.micros.saturating_sub(1_000_000_000).max(1), 0, None);
        let applied = environment::rfc3339(now.wall - 100);
        let newer = |at, applied: Option<&str>| is_newer(&file(at), &unit, now, applied);
        assert!(newer(now.wall - 105, None));
        assert!(!newer(now.wall - 105, Some(&applied)));
        assert!(newer(now.wall - 50, Some(&applied)), "changed after that run");
    }

    #[test]
    fn our_file_counts_only_as_apply_wrote_it() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::at(directory.path());
        root.write(Daemon::Consul.file(), b"{}", 0o640).unwrap();
        root.write("/etc/consul.d/own.hcl", b"", 0o640).unwrap();
        let mut manifest = Manifest::default();
        let ours = |manifest: &Manifest| -> Vec<bool> {
            files(&root, Daemon::Consul, manifest).iter().map(|file| file.is_ours).collect()
        };
        assert_eq!(ours(&manifest), [false]);
        let written = Written { sha256: sha256(b"{}"), ..Written::default() };
        manifest.files.insert(Daemon::Consul.file().to_owned(), written);
        assert_eq!(ours(&manifest), [true, false]);
    }
}
