//! Files below a root directory: capped reads, and atomic writes.
//!
//! Paths are absolute as on the node (`/etc/consul.d/cos.json`); [`Root`] puts the prefix in front. Each path is opened
//! relative to a handle of the prefix, and mode, owner and contents are set through handles, so the agent does not
//! follow what another user puts in the place of a directory meanwhile (`walk`). A write goes to a temporary file in
//! the same directory, which gets its owner and mode, is synced, and is then renamed. The temporary name is fixed, so
//! the next run overwrites or removes what a crash leaves behind.

mod digest;
mod directory;
mod error;
mod moving;
mod start;
mod walk;
mod write;

use crate::state::{PathKind, Stat};
pub(crate) use error::AS_ROOT;
pub use error::FileError;
use error::KindError;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use nix::unistd::{Gid, Group, Uid, User};
pub use start::Start;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use walk::Last;
pub use write::NewFile;

/// Largest file that is read, in bytes. No configuration file is larger.
pub const FILE_CAP: u64 = 4 * 1024 * 1024;

/// A directory in place of `/`.
#[derive(Debug, Clone)]
pub struct Root {
    prefix: PathBuf,
    owners: bool,
}

/// Held while the node is changed; released when dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held for its Drop")] Flock<File>);

impl Root {
    /// The node itself. Owners are set and compared.
    pub fn host() -> Self {
        Self { prefix: PathBuf::from("/"), owners: true }
    }

    /// A directory in place of `/`: an image, a test, a simulation. Owners are neither set nor compared, unless the
    /// directory is `/` by another name.
    pub fn at(directory: &Path) -> Self {
        match std::fs::canonicalize(directory) {
            Ok(full) if full == Path::new("/") => Self::host(),
            _ => Self { prefix: directory.to_owned(), owners: false },
        }
    }

    /// Whether this is the node itself.
    pub fn is_host(&self) -> bool {
        self.prefix == Path::new("/")
    }

    /// Whether owners are set and compared.
    pub fn keeps_owners(&self) -> bool {
        self.owners
    }

    /// A path of the node with the prefix, as shown to people; links are not resolved.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        // Joining an absolute path would drop the prefix.
        self.prefix.join(path.strip_prefix("/").unwrap_or(path))
    }

    fn open_prefix(&self) -> io::Result<OwnedFd> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(open(&self.prefix, flags, Mode::empty())?)
    }

    /// Opens a path, `None` if nothing is there.
    fn open(
        &self,
        operation: &'static str,
        path: &Path,
        flags: OFlag,
        last: Last,
    ) -> Result<Option<walk::Found>, FileError> {
        match walk::open(self, path, flags, last) {
            Ok(found) => Ok(Some(found)),
            Err(error) if absent(&error) => Ok(None),
            Err(source) => Err(FileError { operation, path: self.path(path), source }),
        }
    }

    /// The contents of a regular file, `None` if there is none; a link that root made is followed.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Option<Vec<u8>>, FileError> {
        let path = path.as_ref();
        // O_NONBLOCK: a fifo in the place of a file must not hang the boot.
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK;
        let Some(found) = self.open("read", path, flags, Last::Follow)? else { return Ok(None) };
        let fail = |source| FileError { operation: "read", path: self.path(path), source };
        read_regular(found.handle.into()).map(Some).map_err(fail)
    }

    /// The kind, size, mode and owner of a path, `None` if nothing is there. A link is not followed.
    pub fn stat(&self, path: impl AsRef<Path>) -> Result<Option<Stat>, FileError> {
        self.stat_as(path.as_ref(), Last::Keep)
    }

    /// Like [`Root::stat`], but of the target if the path is a link.
    pub fn stat_target(&self, path: impl AsRef<Path>) -> Result<Option<Stat>, FileError> {
        self.stat_as(path.as_ref(), Last::Follow)
    }

    fn stat_as(&self, path: &Path, last: Last) -> Result<Option<Stat>, FileError> {
        let Some(found) = self.open("stat", path, OFlag::O_PATH, last)? else { return Ok(None) };
        self.stat_of(path, &found.handle).map(Some)
    }

    fn stat_of(&self, path: &Path, handle: impl AsFd) -> Result<Stat, FileError> {
        fstat(handle).map(|found| stat_from(&found)).map_err(|errno| FileError {
            operation: "stat",
            path: self.path(path),
            source: errno.into(),
        })
    }

    /// A path with its links resolved and the prefix, for a program that is run or gets the path as an argument.
    pub fn resolve(&self, path: impl AsRef<Path>) -> Result<PathBuf, FileError> {
        let path = path.as_ref();
        let found = self.open("stat", path, OFlag::O_PATH, Last::Follow)?;
        Ok(found.map_or_else(|| self.path(path), |found| found.place))
    }

    /// The names in a directory, sorted; empty if there is no directory.
    pub fn list(&self, directory: impl AsRef<Path>) -> Result<Vec<OsString>, FileError> {
        let directory = directory.as_ref();
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
        let Some(found) = self.open("list", directory, flags, Last::Follow)? else {
            return Ok(Vec::new());
        };
        let fail = |source| FileError { operation: "list", path: self.path(directory), source };
        names(found.handle).map_err(fail)
    }

    /// Takes the lock at this path, `None` if another process holds it.
    pub fn try_lock(&self, path: &str) -> Result<Option<Lock>, FileError> {
        let path = Path::new(path);
        let (parent, name) = self.parent("lock", path, Last::Make)?;
        let fail = |source| FileError { operation: "lock", path: self.path(path), source };
        let flags = OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
        let file = match openat(&parent, name, flags | OFlag::O_RDONLY, Mode::empty()) {
            Err(Errno::ENOENT) => {
                let mode = Mode::from_bits_truncate(0o600);
                openat(&parent, name, flags | OFlag::O_WRONLY | OFlag::O_CREAT, mode)
            }
            other => other,
        };
        let file = file.map_err(|errno| match errno {
            Errno::ELOOP => fail(io::Error::other(KindError::Link)),
            errno => fail(errno.into()),
        })?;
        match Flock::lock(File::from(file), FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Some(Lock(lock))),
            Err((_, Errno::EWOULDBLOCK)) => Ok(None),
            Err((_, errno)) => Err(fail(errno.into())),
        }
    }
}

/// The contents of a regular file that the user named, `None` if there is none.
pub fn read_file(full: &Path) -> Result<Option<Vec<u8>>, FileError> {
    let fail = |source| FileError { operation: "read", path: full.to_owned(), source };
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    match open(full, flags, Mode::empty()).map_err(io::Error::from) {
        Ok(handle) => read_regular(handle.into()).map(Some).map_err(fail),
        Err(error) if absent(&error) => Ok(None),
        Err(error) => Err(fail(error)),
    }
}

/// The ids of a user and a group of this host, `None` if one of them does not exist.
pub fn owner_ids(user: &str, group: &str) -> Option<(u32, u32)> {
    let user = User::from_name(user).ok().flatten()?;
    let group = Group::from_name(group).ok().flatten()?;
    Some((Uid::as_raw(user.uid), Gid::as_raw(group.gid)))
}

fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn read_regular(file: File) -> io::Result<Vec<u8>> {
    if !file.metadata()?.is_file() {
        return Err(io::Error::other(KindError::NotRegular));
    }
    let mut bytes = Vec::new();
    file.take(FILE_CAP + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_CAP {
        return Err(io::Error::other(KindError::TooLarge { cap: FILE_CAP }));
    }
    Ok(bytes)
}

fn names(directory: OwnedFd) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::from_fd(directory)?.iter() {
        let name = OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned();
        if name != "." && name != ".." {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn stat_from(found: &FileStat) -> Stat {
    let kind = match walk::kind(found) {
        SFlag::S_IFREG => PathKind::File,
        SFlag::S_IFDIR => PathKind::Directory,
        _ => PathKind::Other,
    };
    Stat {
        kind,
        size: u64::try_from(found.st_size).unwrap_or(0),
        mtime_nanos: i128::from(found.st_mtime) * 1_000_000_000 + i128::from(found.st_mtime_nsec),
        mode: found.st_mode & 0o7777,
        uid: found.st_uid,
        gid: found.st_gid,
    }
}
