//! Files below a root folder: capped reads, and writes that are whole or not there.
//!
//! Paths are absolute as on the node (`/etc/consul.d/cos.json`); [`Root`] puts the prefix in front. A write goes to
//! a temporary file in the same folder, gets owner and mode, is synced, and only then takes the name. The temporary
//! name is fixed, so what a crash leaves behind is overwritten or swept by the next run.

use crate::exit::ExitCode;
use crate::state::Kind;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::{Gid, Group, Uid, User};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// No configuration file is larger; what is, is not ours to load into memory.
pub const FILE_CAP: u64 = 4 * 1024 * 1024;
/// The suffix of a file that is being written. No daemon loads a file of this name.
const WRITING: &str = ".cos-agent-writing";

/// A file operation that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {}", path.display())]
pub struct FileError {
    /// What was tried, as a verb.
    pub operation: &'static str,
    /// The path, prefix included.
    pub path: PathBuf,
    /// The system's reason.
    pub source: std::io::Error,
}

impl FileError {
    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self.source.kind() {
            std::io::ErrorKind::PermissionDenied => ExitCode::Denied,
            _ => ExitCode::File,
        }
    }
}

/// What `lstat` says of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: Kind,
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change of the contents, in nanoseconds since the epoch.
    pub mtime_nanos: i128,
    /// The permission bits.
    pub mode: u32,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

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

/// A folder that stands for `/`.
#[derive(Debug, Clone)]
pub struct Root {
    prefix: PathBuf,
    owners: bool,
}

/// Held while the node is changed; released when dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held for its Drop")] Flock<File>);

impl Root {
    /// The node itself, owners kept.
    pub fn host() -> Self {
        Self { prefix: PathBuf::from("/"), owners: true }
    }

    /// A folder in place of `/`: an image, a test, a simulation. Owners are neither set nor compared, unless the
    /// folder is `/` by another name.
    pub fn at(folder: &Path) -> Self {
        match std::fs::canonicalize(folder) {
            Ok(full) if full == Path::new("/") => Self::host(),
            _ => Self { prefix: folder.to_owned(), owners: false },
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

    /// Where a path of the node lies.
    pub fn path(&self, path: &str) -> PathBuf {
        // Joining an absolute path would drop the prefix.
        self.prefix.join(path.trim_start_matches('/'))
    }

    /// The contents of a regular file, `None` where there is none; a link is followed.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, FileError> {
        read_file(&self.path(path))
    }

    /// What a path is, `None` where there is nothing.
    pub fn stat(&self, path: &str) -> Result<Option<Stat>, FileError> {
        stat_at(&self.path(path))
    }

    /// What a path is behind its links, `None` where there is nothing.
    pub fn stat_target(&self, path: &str) -> Result<Option<Stat>, FileError> {
        stat_of(&self.path(path), std::fs::metadata(self.path(path)))
    }

    /// The names in a folder, sorted; none where there is no folder.
    pub fn list(&self, folder: &str) -> Result<Vec<String>, FileError> {
        let full = self.path(folder);
        let fail = |source| FileError { operation: "list", path: full.clone(), source };
        let entries = match std::fs::read_dir(&full) {
            Ok(entries) => entries,
            Err(error) if absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(fail(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            names.push(entry.map_err(fail)?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    /// Writes files so that each is the old or the new one at every moment, and all are on the disk at the end.
    pub fn write_all(&self, files: &[NewFile<'_>]) -> Result<(), FileError> {
        let mut open = Vec::with_capacity(files.len());
        for file in files {
            open.push(self.write_temporary(file)?);
        }
        sync_side_by_side(&open)?;
        let mut folders = BTreeSet::new();
        for (file, (temporary, _)) in files.iter().zip(&open) {
            let target = self.path(file.path);
            std::fs::rename(temporary, &target).map_err(|source| FileError {
                operation: "replace",
                path: target.clone(),
                source,
            })?;
            folders.extend(target.parent().map(Path::to_owned));
        }
        let folders = folders.into_iter().map(open_folder).collect::<Result<Vec<_>, _>>()?;
        sync_side_by_side(&folders)
    }

    fn write_temporary(&self, file: &NewFile<'_>) -> Result<(PathBuf, File), FileError> {
        let target = self.path(file.path);
        if let Some(parent) = target.parent() {
            make_folders(parent)?;
        }
        let temporary = temporary_of(&target);
        let fail = |source| FileError { operation: "write", path: temporary.clone(), source };
        match std::fs::remove_file(&temporary) {
            Err(error) if !absent(&error) => return Err(fail(error)),
            _ => {}
        }
        let mut handle = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(fail)?;
        handle.write_all(file.bytes).map_err(fail)?;
        if let (true, Some((uid, gid))) = (self.owners, file.owner) {
            std::os::unix::fs::fchown(&handle, Some(uid), Some(gid)).map_err(fail)?;
        }
        handle.set_permissions(Permissions::from_mode(file.mode)).map_err(fail)?;
        Ok((temporary, handle))
    }

    /// Writes one file.
    pub fn write(&self, path: &str, bytes: &[u8], mode: u32) -> Result<(), FileError> {
        self.write_all(&[NewFile { path, bytes, mode, owner: None }])
    }

    /// Whether a crash left a half-written file beside this path.
    pub fn has_leftover(&self, path: &str) -> Result<bool, FileError> {
        Ok(stat_at(&temporary_of(&self.path(path)))?.is_some())
    }

    /// Removes what a crash left beside this path.
    pub fn sweep(&self, path: &str) -> Result<(), FileError> {
        remove_at(&temporary_of(&self.path(path)))
    }

    /// Removes a file; one that is gone already is no error.
    pub fn remove(&self, path: &str) -> Result<(), FileError> {
        let full = self.path(path);
        remove_at(&full)?;
        let folder = full.parent().map(Path::to_owned).unwrap_or_default();
        sync_side_by_side(&[open_folder(folder)?])
    }

    /// Removes a folder and all that is in it.
    pub fn remove_folder(&self, path: &str) -> Result<(), FileError> {
        let full = self.path(path);
        match std::fs::remove_dir_all(&full) {
            Err(error) if !absent(&error) => {
                Err(FileError { operation: "remove", path: full, source: error })
            }
            _ => Ok(()),
        }
    }

    /// Gives a folder another name in the same parent.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), FileError> {
        let (from, to) = (self.path(from), self.path(to));
        std::fs::rename(&from, &to).map_err(|source| FileError {
            operation: "move aside",
            path: from,
            source,
        })?;
        let folder = to.parent().map(Path::to_owned).unwrap_or_default();
        sync_side_by_side(&[open_folder(folder)?])
    }

    /// Makes a folder, its parents included, with this mode and owner.
    pub fn make_folder(
        &self,
        path: &str,
        mode: u32,
        owner: Option<(u32, u32)>,
    ) -> Result<(), FileError> {
        let full = self.path(path);
        make_folders(&full)?;
        self.set_attributes(path, mode, owner)
    }

    /// Sets mode and owner of what is there.
    pub fn set_attributes(
        &self,
        path: &str,
        mode: u32,
        owner: Option<(u32, u32)>,
    ) -> Result<(), FileError> {
        let full = self.path(path);
        let fail =
            |source| FileError { operation: "set mode and owner of", path: full.clone(), source };
        if let (true, Some((uid, gid))) = (self.owners, owner) {
            std::os::unix::fs::chown(&full, Some(uid), Some(gid)).map_err(fail)?;
        }
        std::fs::set_permissions(&full, Permissions::from_mode(mode)).map_err(fail)
    }

    /// Takes the lock of the node if nobody holds it.
    pub fn try_lock(&self, path: &str) -> Result<Option<Lock>, FileError> {
        let full = self.path(path);
        let fail = |source| FileError { operation: "lock", path: full.clone(), source };
        let file = match File::open(&full) {
            Ok(file) => file,
            Err(error) if absent(&error) => {
                if let Some(parent) = full.parent() {
                    make_folders(parent)?;
                }
                OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .mode(0o600)
                    .open(&full)
                    .map_err(fail)?
            }
            Err(error) => return Err(fail(error)),
        };
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Some(Lock(lock))),
            Err((_, Errno::EWOULDBLOCK)) => Ok(None),
            Err((_, errno)) => Err(fail(errno.into())),
        }
    }
}

/// The contents of a regular file that the user named, `None` where there is none.
pub fn read_file(full: &Path) -> Result<Option<Vec<u8>>, FileError> {
    let fail = |source| FileError { operation: "read", path: full.to_owned(), source };
    // O_NONBLOCK: a fifo in the place of a file must not hang the boot.
    let file = match OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(full) {
        Ok(file) => file,
        Err(error) if absent(&error) => return Ok(None),
        Err(error) => return Err(fail(error)),
    };
    if !file.metadata().map_err(fail)?.is_file() {
        return Err(fail(std::io::Error::other("found something that is no regular file")));
    }
    let mut bytes = Vec::new();
    file.take(FILE_CAP + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > FILE_CAP {
        return Err(fail(std::io::Error::other(format!("found more than {FILE_CAP} bytes"))));
    }
    Ok(Some(bytes))
}

/// The ids of a user and a group of this host, `None` where one of them does not exist.
pub fn owner_ids(user: &str, group: &str) -> Option<(u32, u32)> {
    let user = User::from_name(user).ok().flatten()?;
    let group = Group::from_name(group).ok().flatten()?;
    Some((Uid::as_raw(user.uid), Gid::as_raw(group.gid)))
}

fn absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

fn stat_at(full: &Path) -> Result<Option<Stat>, FileError> {
    stat_of(full, std::fs::symlink_metadata(full))
}

fn stat_of(
    full: &Path,
    found: std::io::Result<std::fs::Metadata>,
) -> Result<Option<Stat>, FileError> {
    match found {
        Ok(found) => {
            let kind = if found.is_file() {
                Kind::File
            } else if found.is_dir() {
                Kind::Folder
            } else {
                Kind::Other
            };
            Ok(Some(Stat {
                kind,
                size: found.size(),
                mtime_nanos: i128::from(found.mtime()) * 1_000_000_000
                    + i128::from(found.mtime_nsec()),
                mode: found.mode() & 0o7777,
                uid: found.uid(),
                gid: found.gid(),
            }))
        }
        Err(error) if absent(&error) => Ok(None),
        Err(source) => Err(FileError { operation: "look at", path: full.to_owned(), source }),
    }
}

fn remove_at(full: &Path) -> Result<(), FileError> {
    match std::fs::remove_file(full) {
        Err(error) if !absent(&error) => {
            Err(FileError { operation: "remove", path: full.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}

fn make_folders(full: &Path) -> Result<(), FileError> {
    std::fs::create_dir_all(full).map_err(|source| FileError {
        operation: "make folder",
        path: full.to_owned(),
        source,
    })
}

fn open_folder(full: PathBuf) -> Result<(PathBuf, File), FileError> {
    match File::open(&full) {
        Ok(handle) => Ok((full, handle)),
        Err(source) => Err(FileError { operation: "open", path: full, source }),
    }
}

fn temporary_of(target: &Path) -> PathBuf {
    let name =
        target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    target.with_file_name(format!(".{name}{WRITING}"))
}

/// Syncs all handles at once: a file system commits them together, so ten files wait about as long as one.
fn sync_side_by_side(handles: &[(PathBuf, File)]) -> Result<(), FileError> {
    let sync = |(path, handle): &(PathBuf, File)| {
        handle.sync_all().map_err(|source| FileError {
            operation: "sync",
            path: path.clone(),
            source,
        })
    };
    match handles {
        [] => Ok(()),
        [only] => sync(only),
        many => std::thread::scope(|scope| {
            let threads: Vec<_> =
                many.iter().map(|handle| scope.spawn(move || sync(handle))).collect();
            threads.into_iter().try_for_each(|thread| match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        }),
    }
}
