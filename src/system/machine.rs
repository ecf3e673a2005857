//! The machine itself: how long it is up, how full its file systems are, the limits of its processes.

use nix::sys::statvfs::{FsFlags, statvfs};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How full a file system is (statvfs(3)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// The file system, as the kernel numbers it. Two paths with the same number are on the same file system.
    pub id: u64,
    /// Its size in bytes.
    pub size: u64,
    /// The bytes that root can still write.
    pub free: u64,
    /// How many inodes it has; 0 if it makes them as needed, as btrfs and XFS do.
    pub inodes: u64,
    /// How many inodes are free.
    pub free_inodes: u64,
    /// Whether it is mounted read-only.
    pub is_read_only: bool,
}

/// How full the file system of a path is; `None` if nothing is there. It blocks for as long as the file system does not
/// answer.
pub fn usage(path: &Path) -> std::io::Result<Option<Usage>> {
    let stat = match statvfs(path) {
        Ok(stat) => stat,
        Err(nix::errno::Errno::ENOENT | nix::errno::Errno::ENOTDIR) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    let id = std::os::unix::fs::MetadataExt::dev(&std::fs::metadata(path)?);
    Ok(Some(Usage {
        id,
        size: stat.blocks() * stat.fragment_size(),
        free: stat.blocks_free() * stat.fragment_size(),
        inodes: stat.files(),
        free_inodes: stat.files_free(),
        is_read_only: stat.flags().contains(FsFlags::ST_RDONLY),
    }))
}

/// How long this machine is up (proc_uptime(5)). In a container that is the time since the boot of its host.
pub fn uptime() -> Duration {
    let text = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds = text.split_whitespace().next().and_then(|text| text.parse().ok());
    Duration::from_secs_f64(seconds.unwrap_or(0.0))
}

/// How many files a process has open, and how many it may have; `None` if it is gone or belongs to somebody else.
pub fn open_files(process: u32) -> Option<(usize, usize)> {
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).ok()?;
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let limit = limit.split_whitespace().next()?.parse().unwrap_or(usize::MAX);
    Some((std::fs::read_dir(format!("/proc/{process}/fd")).ok()?.count(), limit))
}

/// Whether a program is in one of the directories of a search path.
pub fn find_program(name: &str, path: &str) -> Option<PathBuf> {
    let candidates = path.split(':').map(|directory| Path::new(directory).join(name));
    candidates.into_iter().find(|candidate| {
        nix::unistd::access(candidate, nix::unistd::AccessFlags::X_OK).is_ok()
            && candidate.is_file()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_system_of_a_path_has_a_size_and_a_missing_path_has_none() {
        let usage_of = |path: &str| usage(Path::new(path)).unwrap();
        let root = usage_of("/").unwrap();
        assert!(root.size > 0 && root.free < root.size);
        assert_eq!(usage_of("/no/such/path"), None);
        assert_ne!(usage_of("/proc").unwrap().id, root.id);
    }

    #[test]
    fn this_process_has_open_files_and_a_program_is_found() {
        let (open, limit) = open_files(std::process::id()).unwrap();
        assert!(open > 0 && open < limit);
        assert_eq!(open_files(0), None);
        assert_eq!(find_program("sh", "/no/such:/bin"), Some(PathBuf::from("/bin/sh")));
        assert_eq!(find_program("no-such-program", "/bin"), None);
        assert!(uptime() > Duration::ZERO);
    }
}
