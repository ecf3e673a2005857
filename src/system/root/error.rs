//! What a file operation fails with, and what to do about it.

use crate::exit::ExitCode;
use crate::exit::hint::{Advice, Hint, Topic, topics};
use nix::libc::{EDQUOT, EIO, ENOSPC, ENOTDIR, EROFS};
use nix::unistd::{Uid, User};
use std::io::ErrorKind;
use std::path::PathBuf;

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

topics! {
    /// For everything that only root may do.
    AS_ROOT: "not-root", "run it as root, or in another directory with `--root DIR`";
    LINK_UNTRUSTED: "link-untrusted", "remove the link, or have root create it in a directory that only root can write";
    LINK_DANGLING: "link-dangling",
        "create the directory that the link points to (is its volume mounted?), or remove the link";
    LINK_LOOP: "link-loop", "look for links that point to each other";
    NOT_A_FILE: "file-not-regular", "put a regular file of at most 4 MiB there, or remove what is there";
    MOUNT_POINT: "mount-point", "move the contents of the mount point yourself, or unmount it; the next run continues from here";
    DISK_FULL: "disk-full", "free space (`df -h`, `df -i`); the next run continues from here";
    DISK_READ_ONLY: "disk-read-only",
        "remount the file system for writing; `dmesg` says why it is read-only. The next run continues from here";
    DISK_FAILING: "disk-failing", "check the disk with `dmesg`; replace the volume or the instance if it is failing";
    NOT_A_DIRECTORY: "file-in-place-of-directory",
        "move away the file that takes the place of a directory; the next run continues from here";
    FILE_OPERATION: "file-operation", "check the disk (`df -h`, `findmnt`, `dmesg`); the next run tries again";
}

impl FileError {
    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self.source.kind() {
            ErrorKind::PermissionDenied => ExitCode::Denied,
            _ => ExitCode::File,
        }
    }
}

impl Hint for FileError {
    const TOPICS: &'static [Topic] = TOPICS;

    fn hint(&self) -> Option<Advice> {
        let own = self.source.get_ref();
        let topic = if let Some(link) = own.and_then(|own| own.downcast_ref::<LinkError>()) {
            match link {
                LinkError::OfAnother { .. } | LinkError::Movable { .. } => LINK_UNTRUSTED,
                LinkError::Dangling { .. } => LINK_DANGLING,
                LinkError::TooMany => LINK_LOOP,
            }
        } else if let Some(kind) = own.and_then(|own| own.downcast_ref::<KindError>()) {
            match kind {
                KindError::Link | KindError::NotRegular | KindError::TooLarge { .. } => NOT_A_FILE,
                KindError::MountPoint { .. } => MOUNT_POINT,
            }
        } else if self.source.kind() == ErrorKind::PermissionDenied {
            AS_ROOT
        } else {
            match self.source.raw_os_error() {
                Some(ENOSPC | EDQUOT) => DISK_FULL,
                Some(EROFS) => DISK_READ_ONLY,
                Some(EIO) => DISK_FAILING,
                Some(ENOTDIR) => NOT_A_DIRECTORY,
                _ => FILE_OPERATION,
            }
        };
        Some(topic.plain())
    }
}

/// A path that is not what it must be.
#[derive(Debug, thiserror::Error)]
pub(super) enum KindError {
    /// A link where links are not followed.
    #[error("expected a regular file, found a link")]
    Link,
    /// A directory, a fifo, a device.
    #[error("expected a regular file, found something else")]
    NotRegular,
    /// A file larger than the agent reads.
    #[error("expected at most {cap} bytes, found more")]
    TooLarge {
        /// The cap in bytes.
        cap: u64,
    },
    /// A mount point, which cannot be renamed.
    #[error("{name} is a mount point, which cannot be moved")]
    MountPoint {
        /// Its name.
        name: String,
    },
}

/// A link that is not followed.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    /// A user other than root made it.
    #[error(
        "{} is a link to {} that {} made; only links made by root are followed",
        link.display(), target.display(), name(*owner)
    )]
    OfAnother {
        /// The link, prefix included.
        link: PathBuf,
        /// Its text.
        target: PathBuf,
        /// Who owns it.
        owner: u32,
    },
    /// Root made it, but another user may have moved it there.
    #[error(
        "{} is a link to {} in a directory that others can write (mode {mode:04o}, owner {}); nothing is changed through such \
         a link",
        link.display(), target.display(), name(*owner)
    )]
    Movable {
        /// The link, prefix included.
        link: PathBuf,
        /// Its text.
        target: PathBuf,
        /// The permission bits of the directory.
        mode: u32,
        /// Who owns the directory.
        owner: u32,
    },
    /// Its target does not exist, and the agent does not create the targets of links.
    #[error("{} is a link to {}, which does not exist", link.display(), target.display())]
    Dangling {
        /// The link, prefix included.
        link: PathBuf,
        /// Its text.
        target: PathBuf,
    },
    /// More than the kernel follows (path_resolution(7)).
    #[error("the path has more than 40 links")]
    TooMany,
}

fn name(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => format!("user {}", user.name),
        _ => format!("user {uid}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn each_reason_has_its_own_way_out() {
        for (source, expected) in [
            (io::Error::from_raw_os_error(nix::libc::EACCES), "not-root"),
            (io::Error::from_raw_os_error(ENOSPC), "disk-full"),
            (io::Error::from_raw_os_error(EROFS), "disk-read-only"),
            (io::Error::from_raw_os_error(EIO), "disk-failing"),
            (io::Error::from_raw_os_error(ENOTDIR), "file-in-place-of-directory"),
            (io::Error::from_raw_os_error(nix::libc::EBUSY), "file-operation"),
            (io::Error::other(KindError::TooLarge { cap: 1 }), "file-not-regular"),
            (io::Error::other(LinkError::TooMany), "link-loop"),
        ] {
            let error = FileError { operation: "read", path: PathBuf::from("/x"), source };
            assert_eq!(error.hint().map(|advice| advice.id), Some(expected), "{error:?}");
        }
    }
}
