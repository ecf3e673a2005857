//! Atomic writes: at every moment each file is the old or the new one, and at the end all are on the disk.

use super::walk::Last;
use super::{FileError, Root, directory};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The suffix of a file that is being written. No daemon loads a file of this name.
const WRITING: &str = ".cos-agent-writing";
/// How many files are synced at once: each waits on a thread of its own.
const AT_ONCE: usize = 16;

/// A file to be written.
pub struct NewFile<'a> {
    /// The path on the node.
    pub path: &'a str,
    /// Its whole contents.
    pub bytes: &'a [u8],
    /// Its permission bits.
    pub mode: u32,
    /// Its owner, where owners are kept.
    pub owner: Option<(u32, u32)>,
}

/// Like [`NewFile`], but the path need not be UTF-8.
struct Wanted<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    mode: u32,
    owner: Option<(u32, u32)>,
}

impl Root {
    /// Writes files atomically: at every moment each file is the old or the new one, and at the end all are on the disk.
    pub fn write_all(&self, files: &[NewFile<'_>]) -> Result<(), FileError> {
        let wanted = files.iter().map(|file| Wanted {
            path: Path::new(file.path),
            bytes: file.bytes,
            mode: file.mode,
            owner: file.owner,
        });
        self.write_wanted(&wanted.collect::<Vec<_>>())
    }

    /// Writes one file.
    pub fn write(&self, path: impl AsRef<Path>, bytes: &[u8], mode: u32) -> Result<(), FileError> {
        self.write_wanted(&[Wanted { path: path.as_ref(), bytes, mode, owner: None }])
    }

    fn write_wanted(&self, files: &[Wanted<'_>]) -> Result<(), FileError> {
        // One handle for each directory: its files are created, renamed and synced through it.
        let mut parents: BTreeMap<&Path, (PathBuf, File)> = BTreeMap::new();
        for file in files {
            let parent = file.path.parent().unwrap_or(Path::new("/"));
            if !parents.contains_key(parent) {
                let (handle, _) = self.parent("write", file.path, Last::Make)?;
                parents.insert(parent, (self.path(parent), handle.into()));
            }
        }
        let holder = |file: &Wanted<'_>| {
            let parent = file.path.parent().unwrap_or(Path::new("/"));
            parents.get(parent).map(|(_, handle)| handle.as_fd())
        };
        let mut open = Vec::with_capacity(files.len());
        for file in files {
            let Some(parent) = holder(file) else { continue };
            let path = self.path(&temporary_of(file.path));
            match self.write_temporary(parent, file) {
                Ok(handle) => open.push((path, handle)),
                Err(source) => return Err(FileError { operation: "write", path, source }),
            }
        }
        sync_side_by_side(&open)?;
        for file in files {
            let (Some(parent), Some(name)) = (holder(file), file.path.file_name()) else {
                continue;
            };
            renameat(parent, temporary_name(name).as_os_str(), parent, name).map_err(|errno| {
                let path = self.path(file.path);
                FileError { operation: "replace", path, source: errno.into() }
            })?;
        }
        sync_side_by_side(&parents.into_values().collect::<Vec<_>>())
    }

    fn write_temporary(
        &self,
        parent: std::os::fd::BorrowedFd<'_>,
        file: &Wanted<'_>,
    ) -> io::Result<File> {
        let name = temporary_name(file.path.file_name().ok_or(Errno::EISDIR)?);
        let flags =
            OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        unlink(parent, &name)?;
        let mode = Mode::from_bits_truncate(0o600);
        let mut handle = File::from(openat(parent, name.as_os_str(), flags, mode)?);
        handle.write_all(file.bytes)?;
        directory::set_attributes(&handle, file.mode, file.owner.filter(|_| self.owners))?;
        Ok(handle)
    }

    /// Whether a crash left a half-written file beside this path.
    pub fn has_leftover(&self, path: impl AsRef<Path>) -> Result<bool, FileError> {
        Ok(self.stat(temporary_of(path.as_ref()))?.is_some())
    }

    /// Removes what a crash left beside this path.
    pub fn sweep(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        self.remove_name(&temporary_of(path.as_ref())).map(drop)
    }

    /// Removes a file; a missing file is not an error.
    pub fn remove(&self, path: &str) -> Result<(), FileError> {
        let path = Path::new(path);
        let Some(parent) = self.remove_name(path)? else { return Ok(()) };
        let parent_path = self.path(path.parent().unwrap_or(Path::new("/")));
        sync_side_by_side(&[(parent_path, parent.into())])
    }

    /// Removes a name, and returns the handle of its directory if that exists.
    fn remove_name(&self, path: &Path) -> Result<Option<OwnedFd>, FileError> {
        let (parent, name) = match self.parent("remove", path, Last::Follow) {
            Err(error) if super::absent(&error.source) => return Ok(None),
            other => other?,
        };
        let fail = |source| FileError { operation: "remove", path: self.path(path), source };
        unlink(parent.as_fd(), name).map_err(fail)?;
        Ok(Some(parent))
    }
}

fn unlink(parent: std::os::fd::BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    match unlinkat(parent, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

fn temporary_name(name: &OsStr) -> OsString {
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(WRITING);
    temporary
}

fn temporary_of(target: &Path) -> PathBuf {
    target.with_file_name(temporary_name(target.file_name().unwrap_or_default()))
}

/// Syncs handles in parallel: a file system commits them together, so ten files take about as long as one. A handle for
/// which no thread can be started is synced by itself.
pub(super) fn sync_side_by_side(handles: &[(PathBuf, File)]) -> Result<(), FileError> {
    let sync = |(path, handle): &(PathBuf, File)| {
        handle.sync_all().map_err(|source| FileError {
            operation: "sync",
            path: path.clone(),
            source,
        })
    };
    let several = |handles: &[(PathBuf, File)]| {
        std::thread::scope(|scope| {
            let mut threads = Vec::with_capacity(handles.len());
            for handle in handles {
                match std::thread::Builder::new().spawn_scoped(scope, move || sync(handle)) {
                    Ok(thread) => threads.push(thread),
                    Err(_) => sync(handle)?,
                }
            }
            threads.into_iter().try_for_each(|thread| match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })
    };
    match handles {
        [] => Ok(()),
        [only] => sync(only),
        many => many.chunks(AT_ONCE).try_for_each(several),
    }
}
