//! Directories: created, given a mode and owner, and removed, all through handles.

use super::walk::Last;
use super::{FileError, Root, Stat, names};
use crate::state::is_data;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, fchmod, fstat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, unlinkat};
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Flags that open a directory and fail for anything else.
pub(super) const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY);

impl Root {
    /// Whether a data directory holds data in the sense of [`is_data`]; `false` if it does not exist.
    pub fn holds_data(&self, directory: impl AsRef<Path>) -> Result<bool, FileError> {
        Ok(self.list(directory)?.iter().any(|name| is_data(name)))
    }

    /// The directory that holds a path, opened for a change in it, and the name of the path in it.
    pub(super) fn parent<'a>(
        &self,
        operation: &'static str,
        path: &'a Path,
        last: Last,
    ) -> Result<(OwnedFd, &'a OsStr), FileError> {
        let parent = path.parent().unwrap_or(Path::new("/"));
        let handle = match last {
            Last::Make => self.made(parent, None)?,
            _ => self.directory(operation, parent, last, None)?,
        };
        match path.file_name() {
            Some(name) => Ok((handle, name)),
            None => {
                let source = Errno::EISDIR.into();
                Err(FileError { operation, path: self.path(path), source })
            }
        }
    }

    /// A directory, created with its parents if it is missing.
    fn made(&self, path: &Path, of_daemon: Option<u32>) -> Result<OwnedFd, FileError> {
        let make = || self.directory("create directory", path, Last::Make, of_daemon);
        match make() {
            // The prefix itself is missing. The caller named it, so it is created as named.
            Err(error) if super::absent(&error.source) && !self.is_host() => {
                let fail = |source| FileError {
                    operation: "create directory",
                    path: self.prefix.clone(),
                    source,
                };
                std::fs::create_dir_all(&self.prefix).map_err(fail)?;
                make()
            }
            other => other,
        }
    }

    /// A directory opened for a change. `of_daemon` is the user ID that must own it if it is reached through a link
    /// that others can move.
    pub(super) fn directory(
        &self,
        operation: &'static str,
        path: &Path,
        last: Last,
        of_daemon: Option<u32>,
    ) -> Result<OwnedFd, FileError> {
        super::walk::open(self, path, DIRECTORY, last)
            .and_then(|found| found.for_change(of_daemon))
            .map_err(|source| FileError { operation, path: self.path(path), source })
    }

    /// The attributes of a directory that will be changed, `None` if it does not exist.
    pub fn stat_directory(
        &self,
        path: &str,
        of_daemon: Option<u32>,
    ) -> Result<Option<Stat>, FileError> {
        let path = Path::new(path);
        let Some(found) = self.open("stat", path, OFlag::O_PATH, Last::Follow)? else {
            return Ok(None);
        };
        let fail = |source| FileError { operation: "stat", path: self.path(path), source };
        let handle = found.for_change(of_daemon).map_err(fail)?;
        self.stat_of(path, handle).map(Some)
    }

    /// Creates a directory and its parents, and sets this mode and owner. A directory that exists may be reached
    /// through a link that root made; if others can move that link, the directory must already belong to this owner.
    pub fn make_directory(
        &self,
        path: &str,
        mode: u32,
        owner: Option<(u32, u32)>,
    ) -> Result<(), FileError> {
        let path = Path::new(path);
        let handle = self.made(path, owner.map(|(uid, _)| uid))?;
        self.give(path, handle, mode, owner)
    }

    /// Sets the mode and owner of an existing file or directory.
    pub fn set_attributes(
        &self,
        path: impl AsRef<Path>,
        mode: u32,
        owner: Option<(u32, u32)>,
    ) -> Result<(), FileError> {
        let path = path.as_ref();
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK;
        let handle = super::walk::open(self, path, flags, Last::Follow)
            .and_then(|found| found.for_change(None));
        let handle = handle.map_err(|source| self.not_given(path, source))?;
        self.give(path, handle, mode, owner)
    }

    fn give(
        &self,
        path: &Path,
        handle: OwnedFd,
        mode: u32,
        owner: Option<(u32, u32)>,
    ) -> Result<(), FileError> {
        set_attributes(handle, mode, owner.filter(|_| self.owners))
            .map_err(|source| self.not_given(path, source))
    }

    fn not_given(&self, path: &Path, source: io::Error) -> FileError {
        FileError { operation: "set the mode and owner of", path: self.path(path), source }
    }

    /// Removes a directory and everything in it. A link in its place is removed, not its target.
    pub fn remove_directory(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        let path = path.as_ref();
        let (parent, name) = match self.parent("remove", path, Last::Follow) {
            Err(error) if super::absent(&error.source) => return Ok(()),
            other => other?,
        };
        remove_tree(parent.as_fd(), name).map_err(|source| FileError {
            operation: "remove",
            path: self.path(path),
            source,
        })
    }
}

/// Sets the mode and owner of an open file or directory if they differ.
pub(super) fn set_attributes(
    handle: impl AsFd,
    mode: u32,
    owner: Option<(u32, u32)>,
) -> io::Result<()> {
    let handle = handle.as_fd();
    let found = fstat(handle)?;
    let owner = owner.filter(|owner| *owner != (found.st_uid, found.st_gid));
    if let Some((uid, gid)) = owner {
        fchown(handle, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    }
    // A change of owner clears the set-user-ID bits (chown(2)).
    if owner.is_some() || found.st_mode & 0o7777 != mode {
        fchmod(handle, Mode::from_bits_truncate(mode))?;
    }
    Ok(())
}

/// Opens a directory by its name in another one; a link is an error.
pub(super) fn open_in(parent: BorrowedFd<'_>, name: &OsStr) -> nix::Result<OwnedFd> {
    let flags = DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

fn remove_tree(parent: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    let directory = match open_in(parent, name) {
        Ok(directory) => directory,
        Err(Errno::ENOENT) => return Ok(()),
        Err(Errno::ENOTDIR | Errno::ELOOP) => {
            return Ok(unlinkat(parent, name, UnlinkatFlags::NoRemoveDir)?);
        }
        Err(errno) => return Err(errno.into()),
    };
    for entry in names(directory.try_clone()?)? {
        remove_tree(directory.as_fd(), &entry)?;
    }
    match unlinkat(parent, name, UnlinkatFlags::RemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
