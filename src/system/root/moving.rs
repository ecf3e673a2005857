//! Data that is moved aside: under another name in the same directory, or, if the data has a volume of its own, into a
//! directory on that volume, entry by entry.

use super::directory::{open_in, set_attributes};
use super::error::KindError;
use super::walk::{self, Last};
use super::{FileError, Root, names};
use crate::state::Place;
use crate::text::shown;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2, readlinkat, renameat};
use nix::sys::stat::{Mode, fstat, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, fsync, unlinkat};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

impl Root {
    /// Whether a directory is plain, a link, or the mount point of a volume.
    pub fn place(&self, path: &str) -> Result<Place, FileError> {
        let path = Path::new(path);
        let parent = path.parent().unwrap_or(Path::new("/"));
        let Some(parent) = self.open("stat", parent, OFlag::O_PATH, Last::Follow)? else {
            return Ok(Place::Plain);
        };
        let name = path.file_name().unwrap_or_default();
        place_in(parent.handle.as_fd(), name).map_err(|source| FileError {
            operation: "stat",
            path: self.path(path),
            source,
        })
    }

    /// Renames a directory within its parent. overlayfs cannot rename a directory of a lower layer (EXDEV); its entries
    /// are then moved one by one.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), FileError> {
        let (from, to) = (Path::new(from), Path::new(to));
        let (parent, name) = self.parent("move aside", from, Last::Follow)?;
        let new = to.file_name().unwrap_or_default();
        move_tree(parent.as_fd(), name, parent.as_fd(), new)
            .and_then(|()| Ok(fsync(&parent)?))
            .map_err(|source| self.not_moved(from, source))
    }

    /// Moves the entries of a directory, except those that `stays` selects, into its subdirectory `into`, which only
    /// root can read. If `into` exists, it gets the remaining entries, so a run that was killed half-way continues.
    pub fn move_inside(
        &self,
        path: &str,
        into: &str,
        stays: impl Fn(&OsStr) -> bool,
        of_daemon: Option<u32>,
    ) -> Result<(), FileError> {
        let path = Path::new(path);
        let from = self.directory("move aside", path, Last::Follow, of_daemon)?;
        let moved = || {
            match mkdirat(&from, into, Mode::S_IRWXU) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
            let to = open_in(from.as_fd(), OsStr::new(into))?;
            set_attributes(&to, 0o700, self.owners.then_some((0, 0)))?;
            move_entries(from.as_fd(), to.as_fd(), |name| name == into || stays(name))?;
            fsync(&to)?;
            Ok(fsync(&from)?)
        };
        moved().map_err(|source: io::Error| self.not_moved(path, source))
    }

    fn not_moved(&self, path: &Path, source: io::Error) -> FileError {
        FileError { operation: "move aside", path: self.path(path), source }
    }
}

fn place_in(parent: BorrowedFd<'_>, name: &OsStr) -> io::Result<Place> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let handle = match openat(parent, name, flags, Mode::empty()) {
        Err(Errno::ENOENT) => return Ok(Place::Plain),
        other => other?,
    };
    let found = fstat(&handle)?;
    if walk::is_link(&found) {
        let target = readlinkat(&handle, "")?;
        return Ok(Place::Link { target: shown(&target) });
    }
    // A bind mount has the device of its parent, so openat2(2), which Linux has since 5.6, is asked too.
    let here = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_NO_XDEV);
    let is_mounted = found.st_dev != fstat(parent)?.st_dev
        || openat2(parent, name, here).is_err_and(|errno| errno == Errno::EXDEV);
    Ok(if is_mounted { Place::Volume } else { Place::Plain })
}

fn move_entries(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    stays: impl Fn(&OsStr) -> bool,
) -> io::Result<()> {
    for name in names(from.try_clone_to_owned()?)? {
        if !stays(&name) {
            let new = free_name(to, &name)?;
            move_tree(from, &name, to, &new)?;
        }
    }
    Ok(())
}

/// The name, or the first of `name.2`, `name.3`, … that is free, so that nothing that was moved before is replaced.
fn free_name(directory: BorrowedFd<'_>, name: &OsStr) -> io::Result<OsString> {
    let mut candidate = name.to_owned();
    for number in 2_u32.. {
        match fstatat(directory, candidate.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Err(Errno::ENOENT) => break,
            Err(errno) => return Err(errno.into()),
            Ok(_) => {}
        }
        name.clone_into(&mut candidate);
        candidate.push(format!(".{number}"));
    }
    Ok(candidate)
}

fn move_tree(
    from: BorrowedFd<'_>,
    name: &OsStr,
    to: BorrowedFd<'_>,
    new: &OsStr,
) -> io::Result<()> {
    match renameat(from, name, to, new) {
        Ok(()) => return Ok(()),
        Err(Errno::EXDEV) => {}
        Err(Errno::EBUSY) => {
            return Err(io::Error::other(KindError::MountPoint { name: shown(name) }));
        }
        Err(errno) => return Err(errno.into()),
    }
    let Ok(source) = open_in(from, name) else { return Err(Errno::EXDEV.into()) };
    let found = fstat(&source)?;
    match mkdirat(to, new, Mode::S_IRWXU) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(errno) => return Err(errno.into()),
    }
    let target = open_in(to, new)?;
    move_entries(source.as_fd(), target.as_fd(), |_| false)?;
    set_attributes(&target, found.st_mode & 0o7777, Some((found.st_uid, found.st_gid)))?;
    fsync(&target)?;
    Ok(unlinkat(from, name, UnlinkatFlags::RemoveDir)?)
}
