//! Opens a path as a handle. One system call is enough if the path has no link; otherwise the path is walked component
//! by component, and each link is checked before it is followed.
//!
//! A link is followed if root owns it. For a change, the link must also be in a directory that only root can write,
//! because in another user's directory that user could move root's link. Links are resolved below the prefix: an
//! absolute link starts at the prefix, and `..` does not leave it.

use super::Root;
use super::error::LinkError;
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat, openat2, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, mkdirat};
use nix::unistd::{getegid, geteuid};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Most links in a path, as in the kernel (path_resolution(7)).
const LINKS: u32 = 40;
/// Mode of directories that are created on the way.
const DIRECTORY_MODE: Mode = Mode::from_bits_truncate(0o755);

/// What happens to a link in the last component, and to a directory that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    /// The path is opened as it is, a link as a link.
    Keep,
    /// A link is followed.
    Follow,
    /// A link is followed, and missing directories are created.
    Make,
}

/// The result of opening a path.
#[derive(Debug)]
pub(super) struct Found {
    /// The handle.
    pub(super) handle: OwnedFd,
    /// Its path with links resolved and the prefix.
    pub(super) place: PathBuf,
    /// The first link on the way through which nothing may be changed.
    movable: Option<LinkError>,
}

impl Found {
    /// The handle for a change. If others could have moved a link on the way, the target must already belong to the
    /// user `of_daemon`.
    pub(super) fn for_change(self, of_daemon: Option<u32>) -> io::Result<OwnedFd> {
        match self.movable {
            Some(link) if Some(fstat(&self.handle)?.st_uid) != of_daemon => {
                Err(io::Error::other(link))
            }
            _ => Ok(self.handle),
        }
    }
}

/// Opens a path. The error is `NotFound` if any component is missing.
pub(super) fn open(root: &Root, path: &Path, flags: OFlag, last: Last) -> io::Result<Found> {
    let flags = flags | OFlag::O_CLOEXEC;
    // O_NOFOLLOW together with O_DIRECTORY reports a link as "not a directory".
    let as_is = if last == Last::Keep { OFlag::O_NOFOLLOW } else { OFlag::empty() };
    let prefix = root.open_prefix()?;
    let relative = path.strip_prefix("/").unwrap_or(path);
    let relative = if relative.as_os_str().is_empty() { Path::new(".") } else { relative };
    let straight = ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_SYMLINKS;
    match openat2(&prefix, relative, OpenHow::new().flags(flags | as_is).resolve(straight)) {
        Ok(handle) => Ok(Found { handle, place: root.path(path), movable: None }),
        Err(Errno::ENOENT) if last == Last::Make => Walk::new(root, prefix, path).open(flags, last),
        // The path has a link, or the kernel (before 5.6) or a filter of system calls does not know openat2(2).
        Err(
            Errno::ELOOP
            | Errno::ENOSYS
            | Errno::EPERM
            | Errno::EAGAIN
            | Errno::EINVAL
            | Errno::E2BIG,
        ) => Walk::new(root, prefix, path).open(flags, last),
        Err(errno) => Err(errno.into()),
    }
}

/// Whether something is a symbolic link.
pub(super) fn is_link(stat: &FileStat) -> bool {
    kind(stat) == SFlag::S_IFLNK
}

/// The file type.
pub(super) fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
}

struct Walk<'a> {
    root: &'a Root,
    /// The directories from the prefix to here, each with its name.
    here: Vec<(OsString, OwnedFd)>,
    /// The components that are left, the next one last.
    left: Vec<OsString>,
    /// The last link that was followed, with its target; `behind_link` components came after it.
    link: Option<(PathBuf, PathBuf)>,
    behind_link: usize,
    links: u32,
    movable: Option<LinkError>,
}

impl<'a> Walk<'a> {
    fn new(root: &'a Root, prefix: OwnedFd, path: &Path) -> Self {
        let mut left: Vec<OsString> = components(path).collect();
        left.reverse();
        let here = vec![(OsString::new(), prefix)];
        Self { root, here, left, link: None, behind_link: usize::MAX, links: 0, movable: None }
    }

    fn open(mut self, flags: OFlag, last: Last) -> io::Result<Found> {
        while let Some(name) = self.left.pop() {
            if name == ".." {
                if self.here.len() > 1 {
                    self.here.pop();
                }
                continue;
            }
            let is_last = self.left.is_empty();
            let next = self.next(&name, last)?;
            let stat = fstat(&next)?;
            if is_link(&stat) && !(is_last && last == Last::Keep) {
                self.follow(&name, &next, &stat)?;
                continue;
            }
            if is_last {
                // Opens the component, not the path, so a link that took its place meanwhile is not followed.
                let flags = flags | OFlag::O_NOFOLLOW;
                let handle = openat(self.parent()?, name.as_os_str(), flags, Mode::empty())?;
                let place = self.place(&name);
                return Ok(Found { handle, place, movable: self.movable });
            }
            self.here.push((name, next));
        }
        let handle = openat(self.parent()?, ".", flags, Mode::empty())?;
        let place = self.place(OsStr::new(""));
        Ok(Found { handle, place, movable: self.movable })
    }

    fn parent(&self) -> io::Result<&OwnedFd> {
        // The prefix is never left.
        self.here.last().map(|(_, handle)| handle).ok_or_else(|| Errno::ENOENT.into())
    }

    /// Opens the next component without following a link.
    fn next(&self, name: &OsStr, last: Last) -> io::Result<OwnedFd> {
        let parent = self.parent()?;
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        match openat(parent, name, flags, Mode::empty()) {
            Err(Errno::ENOENT) if last == Last::Make => {
                // The target of root's link is on a volume that is not mounted, or was never created. Components after
                // the link may be created, those of its target may not.
                if let Some((link, target)) = self.link.clone().filter(|_| self.is_of_link()) {
                    return Err(io::Error::other(LinkError::Dangling { link, target }));
                }
                match mkdirat(parent, name, DIRECTORY_MODE) {
                    Ok(()) | Err(Errno::EEXIST) => {}
                    Err(errno) => return Err(errno.into()),
                }
                Ok(openat(parent, name, flags, Mode::empty())?)
            }
            other => Ok(other?),
        }
    }

    /// Whether the component that was taken last came from the target of a link.
    fn is_of_link(&self) -> bool {
        self.left.len() >= self.behind_link
    }

    fn follow(&mut self, name: &OsStr, link: &OwnedFd, stat: &FileStat) -> io::Result<()> {
        self.links += 1;
        if self.links > LINKS {
            return Err(io::Error::other(LinkError::TooMany));
        }
        let target = PathBuf::from(readlinkat(link, "")?);
        let place = self.place(name);
        if !self.is_trusted(stat.st_uid) {
            let owner = stat.st_uid;
            return Err(io::Error::other(LinkError::OfAnother { link: place, target, owner }));
        }
        let holder = fstat(self.parent()?)?;
        if !self.is_closed(&holder) {
            let (mode, owner) = (holder.st_mode & 0o7777, holder.st_uid);
            let (link, target) = (place.clone(), target.clone());
            self.movable.get_or_insert(LinkError::Movable { link, target, mode, owner });
        }
        if target.is_absolute() {
            self.here.truncate(1);
        }
        // A link in the target of another link does not end that link.
        self.behind_link = if self.is_of_link() { self.behind_link } else { self.left.len() };
        self.left.extend(components(&target).collect::<Vec<_>>().into_iter().rev());
        self.link = Some((place, target));
        Ok(())
    }

    /// Whether links of this user are followed. Below another root the caller's own are too, because that root belongs
    /// to the caller.
    fn is_trusted(&self, uid: u32) -> bool {
        uid == 0 || (!self.root.keeps_owners() && uid == geteuid().as_raw())
    }

    /// Whether no other user can move root's entries in this directory. In a sticky directory only the owner of an
    /// entry can move it.
    fn is_closed(&self, directory: &FileStat) -> bool {
        let mode = directory.st_mode;
        let own_group = !self.root.keeps_owners() && directory.st_gid == getegid().as_raw();
        let is_open =
            mode & 0o002 != 0 || (mode & 0o020 != 0 && directory.st_gid != 0 && !own_group);
        self.is_trusted(directory.st_uid) && (!is_open || mode & 0o1000 != 0)
    }

    fn place(&self, name: &OsStr) -> PathBuf {
        let mut path = self.root.prefix.clone();
        path.extend(self.here.iter().skip(1).map(|(name, _)| name));
        if !name.is_empty() {
            path.push(name);
        }
        path
    }
}

fn components(path: &Path) -> impl Iterator<Item = OsString> {
    let names = path.as_os_str().as_bytes().split(|byte| *byte == b'/');
    names
        .filter(|name| !name.is_empty() && *name != b".")
        .map(|name| OsStr::from_bytes(name).to_owned())
}
