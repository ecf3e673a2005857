//! The beginning of a file that may be larger than the agent reads.

use super::error::KindError;
use super::walk::Last;
use super::{FileError, Root};
use nix::fcntl::OFlag;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The beginning of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Its first bytes.
    pub bytes: Vec<u8>,
    /// Whether more follow.
    pub is_cut: bool,
}

impl Root {
    /// At most the first `cap` bytes of a regular file, `None` if there is none; a link that root made is followed.
    pub fn read_start(
        &self,
        path: impl AsRef<Path>,
        cap: usize,
    ) -> Result<Option<Start>, FileError> {
        let path = path.as_ref();
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK;
        let Some(found) = self.open("read", path, flags, Last::Follow)? else { return Ok(None) };
        let fail = |source| FileError { operation: "read", path: self.path(path), source };
        start(found.handle.into(), cap).map(Some).map_err(fail)
    }
}

fn start(file: File, cap: usize) -> io::Result<Start> {
    if !file.metadata()?.is_file() {
        return Err(io::Error::other(KindError::NotRegular));
    }
    let mut bytes = Vec::new();
    file.take(cap as u64 + 1).read_to_end(&mut bytes)?;
    let is_cut = bytes.len() > cap;
    bytes.truncate(cap);
    Ok(Start { bytes, is_cut })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_cut_behind_the_cap() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::at(directory.path());
        assert_eq!(root.read_start("/x", 3).unwrap(), None);
        for (text, bytes, is_cut) in [("", "", false), ("abc", "abc", false), ("abcd", "abc", true)]
        {
            root.write("/x", text.as_bytes(), 0o600).unwrap();
            let bytes = bytes.as_bytes().to_vec();
            assert_eq!(root.read_start("/x", 3).unwrap(), Some(Start { bytes, is_cut }));
        }
        let error = root.read_start("/", 3).unwrap_err();
        assert_eq!(error.source.to_string(), "expected a regular file, found something else");
    }
}
