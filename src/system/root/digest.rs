//! The digest of a file of any size, such as a program of 100 MB.

use super::{FileError, KindError, Root, walk::Last};
use nix::fcntl::OFlag;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

impl Root {
    /// SHA-256 of a regular file, hexadecimal; `None` if there is none. A link that root made is followed.
    pub fn digest(&self, path: impl AsRef<Path>) -> Result<Option<String>, FileError> {
        let path = path.as_ref();
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK;
        let Some(found) = self.open("read", path, flags, Last::Follow)? else { return Ok(None) };
        let fail = |source| FileError { operation: "read", path: self.path(path), source };
        digest(found.handle.into()).map(Some).map_err(fail)
    }
}

fn digest(mut file: File) -> io::Result<String> {
    if !file.metadata()?.is_file() {
        return Err(io::Error::other(KindError::NotRegular));
    }
    let mut sum = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex::encode(sum.finalize())),
            read => sum.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_digest_of_its_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::at(directory.path());
        assert_eq!(root.digest("/x").unwrap(), None);
        for size in [0, 1, 65_536, 200_000] {
            let bytes = vec![b'a'; size];
            root.write("/x", &bytes, 0o600).unwrap();
            assert_eq!(root.digest("/x").unwrap(), Some(crate::state::sha256(&bytes)));
        }
        assert!(root.digest("/").is_err());
    }
}
