//! What a file operation fails with, and what to do about it.

use crate::exit::ExitCode;
use nix::unistd::{Uid, User};
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

impl FileError {
    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self.source.kind() {
            std::io::ErrorKind::PermissionDenied => ExitCode::Denied,
            _ => ExitCode::File,
        }
    }

    /// What to do about it, where the reason is one of ours.
    pub fn hint(&self) -> Option<String> {
        let problem = self.source.get_ref()?.downcast_ref::<LinkError>()?;
        Some(match problem {
            LinkError::OfAnother { .. } | LinkError::Movable { .. } => {
                "remove the link, or make it root's in a directory that only root can write".to_owned()
            }
            LinkError::Dangling { .. } => {
                "make the directory that the link leads to (is its volume mounted?), or remove the link".to_owned()
            }
            LinkError::TooMany => "look for links that lead to each other".to_owned(),
        })
    }
}

/// A link that is not followed.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    /// Somebody else than root made it.
    #[error(
        "{} is a link to {} that {} made, and only links that root made are followed",
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
    /// Root made it, but somebody else may have put it where it is.
    #[error(
        "{} is a link to {} in a directory that others can write (mode {mode:04o}, owner {}), and nothing is changed through \
         such a link",
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
    /// It leads to nothing, and what it leads to is not ours to make.
    #[error("{} is a link to {}, which does not exist", link.display(), target.display())]
    Dangling {
        /// The link, prefix included.
        link: PathBuf,
        /// Its text.
        target: PathBuf,
    },
    /// More than the kernel follows (path_resolution(7)).
    #[error("found more than 40 links on the way")]
    TooMany,
}

fn name(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => format!("user {}", user.name),
        _ => format!("user {uid}"),
    }
}
