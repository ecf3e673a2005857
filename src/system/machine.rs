//! What the kernel says of this machine: how long it is up, the space of a file system, who holds a lock.
//!
//! These calls block while a file system hangs, so callers run them on threads of their own.

use nix::sys::stat::{major, minor, stat};
use nix::sys::statvfs::{FsFlags, statvfs};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Clock ticks in a second, as in /proc (`USER_HZ`; 100 on x86-64 and aarch64, time(7)).
const TICKS: f64 = 100.0;

/// Lets this process run before others (nice -10, setpriority(2)). Without the right to do so nothing
/// changes.
pub fn run_first() {
    let _ = rustix::process::setpriority_process(None, -10);
}

/// The space of a file system, as statvfs(3) counts it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Space {
    /// The path with its links resolved.
    pub place: PathBuf,
    /// The device number of the file system (`st_dev`).
    pub device: u64,
    /// Its size in bytes.
    pub total: u64,
    /// How many bytes are free, with those that are reserved for root.
    pub free: u64,
    /// How many bytes a process without privileges can still write.
    pub available: u64,
    /// How many files it can hold; 0 if it has no such limit, as btrfs.
    pub inodes: u64,
    /// How many more files it can hold.
    pub inodes_free: u64,
    /// Whether it is mounted for reading only.
    pub is_read_only: bool,
}

impl Space {
    /// How much is used, in percent, as `df` counts it: what is reserved for root is neither used nor available.
    pub fn used_percent(&self) -> u64 {
        let used = self.total.saturating_sub(self.free);
        percent(used, used.saturating_add(self.available))
    }

    /// How many of the inodes are used, in percent; 0 if there is no limit.
    pub fn inodes_used_percent(&self) -> u64 {
        percent(self.inodes.saturating_sub(self.inodes_free), self.inodes)
    }
}

/// A part of a whole in percent, rounded up as `df` does; 0 if the whole is 0.
pub fn percent(part: u64, whole: u64) -> u64 {
    if whole == 0 { 0 } else { part.saturating_mul(100).div_ceil(whole) }
}

/// The space of the file system in which a path is; `None` if nothing is there.
pub fn space(path: &Path) -> io::Result<Option<Space>> {
    match of_path(path) {
        Ok(space) => Ok(Some(space)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn of_path(path: &Path) -> io::Result<Space> {
    let found = statvfs(path)?;
    let unit = found.fragment_size();
    Ok(Space {
        place: std::fs::canonicalize(path)?,
        device: stat(path)?.st_dev,
        total: found.blocks().saturating_mul(unit),
        free: found.blocks_free().saturating_mul(unit),
        available: found.blocks_available().saturating_mul(unit),
        inodes: found.files(),
        inodes_free: found.files_free(),
        is_read_only: found.flags().contains(FsFlags::ST_RDONLY),
    })
}

/// How long this machine is up; in a container, how long the container is.
pub fn uptime() -> Option<Duration> {
    up(
        &std::fs::read_to_string("/proc/uptime").ok()?,
        &std::fs::read_to_string("/proc/1/stat").ok()?,
    )
}

/// The time since PID 1 was started: /proc/uptime is that of the kernel, also in a container (proc_pid_stat(5), field 22).
fn up(uptime: &str, stat: &str) -> Option<Duration> {
    let kernel: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    // The name of the program, in parentheses, may hold blanks.
    let (_, fields) = stat.rsplit_once(')')?;
    let started: f64 = fields.split_whitespace().nth(19)?.parse().ok()?;
    Duration::try_from_secs_f64((kernel - started / TICKS).max(0.0)).ok()
}

/// Whether a process holds a lock on this file (flock(2)). The lock is not touched.
pub fn is_locked(path: &Path) -> bool {
    let (Ok(file), Ok(locks)) = (stat(path), std::fs::read_to_string("/proc/locks")) else {
        return false;
    };
    let name = format!("{:02x}:{:02x}:{}", major(file.st_dev), minor(file.st_dev), file.st_ino);
    has_lock(&locks, &name)
}

/// Looks for a file in /proc/locks (proc_locks(5)): its sixth column is `MAJOR:MINOR:INODE`. A line with `->` is a process
/// that waits for the lock.
fn has_lock(locks: &str, name: &str) -> bool {
    locks.lines().any(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        columns.get(1) == Some(&"FLOCK") && columns.get(5) == Some(&name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::root::Root;

    #[test]
    fn the_time_of_a_container_begins_with_its_first_process() {
        let stat = |start: &str| {
            format!("1 (systemd) x) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 {start} 9 9")
        };
        let seconds = |start: &str| up("1000.50 1.0\n", &stat(start)).map(|up| up.as_secs());
        assert_eq!(seconds("12"), Some(1000));
        assert_eq!(seconds("99050"), Some(10));
        assert_eq!(seconds("999999"), Some(0), "two clocks may differ a little");
        assert_eq!(up("", ""), None);
        assert!(uptime().is_some());
    }

    #[test]
    fn a_directory_has_space_and_a_path_without_a_file_has_none() {
        let directory = tempfile::tempdir().unwrap();
        let found = space(directory.path()).unwrap().unwrap();
        assert!(found.total > 0 && found.free <= found.total && !found.is_read_only);
        assert!(found.used_percent() <= 100 && found.inodes_used_percent() <= 100);
        assert_eq!(space(&directory.path().join("none")).unwrap(), None);
    }

    #[test]
    fn what_is_reserved_for_root_is_not_available() {
        let space = Space { total: 1000, free: 100, available: 50, ..Space::default() };
        assert_eq!(space.used_percent(), 95);
        assert_eq!(Space::default().used_percent(), 0);
        assert_eq!((percent(1, 1000), percent(1000, 1000)), (1, 100));
    }

    #[test]
    fn a_lock_that_somebody_holds_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::at(directory.path());
        let path = directory.path().join("lock");
        assert!(!is_locked(&path));
        let lock = root.try_lock("/lock").unwrap().unwrap();
        assert!(is_locked(&path));
        drop(lock);
        assert!(!is_locked(&path));
        let waits = "1: -> FLOCK  ADVISORY  WRITE 7 00:19:42 0 EOF\n";
        assert!(!has_lock(waits, "00:19:42"));
        assert!(!has_lock("1: POSIX  ADVISORY  WRITE 7 00:19:42 0 EOF\n", "00:19:42"));
    }
}
