//! Bytes that are never shown outside their file.

use sha2::{Digest, Sha256};
use std::fmt;

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A secret. `Debug` and `Display` print a fingerprint, and it cannot be serialised:
///
/// ```compile_fail
/// let key = cos_agent::state::Sealed::new(b"k3y".to_vec());
/// serde_json::to_string(&key).unwrap();
/// ```
///
/// The same code compiles with plain bytes, so the type is what prevents it:
///
/// ```
/// let key = b"k3y".to_vec();
/// serde_json::to_string(&key).unwrap();
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Seals a secret.
    pub fn new(secret: Vec<u8>) -> Self {
        Self(secret)
    }

    /// The secret itself, to write to its file.
    pub fn for_its_file(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "secret, sha256:{}", &sha256(&self.0)[..8])
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The bytes of a file.
#[derive(Clone, PartialEq, Eq)]
pub enum Bytes {
    /// They may be shown.
    Open(Vec<u8>),
    /// They are a secret.
    Sealed(Sealed),
}

impl Bytes {
    /// The bytes of a file, sealed if it holds a secret.
    pub fn of(bytes: Vec<u8>, is_secret: bool) -> Self {
        if is_secret { Self::Sealed(Sealed::new(bytes)) } else { Self::Open(bytes) }
    }

    /// The bytes, if they may be shown.
    pub fn open(&self) -> Option<&[u8]> {
        match self {
            Self::Open(bytes) => Some(bytes),
            Self::Sealed(_) => None,
        }
    }

    /// Whether they are a secret.
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Sealed(_))
    }

    /// The bytes themselves, to write to their file.
    pub fn for_their_file(&self) -> &[u8] {
        match self {
            Self::Open(bytes) => bytes,
            Self::Sealed(sealed) => sealed.for_its_file(),
        }
    }

    /// SHA-256 in hexadecimal.
    pub fn sha256(&self) -> String {
        sha256(self.for_their_file())
    }
}

/// Prints the length only, because an operator's file may hold a secret too.
impl fmt::Debug for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(bytes) => {
                write!(formatter, "{} bytes, sha256:{}", bytes.len(), &sha256(bytes)[..8])
            }
            Self::Sealed(sealed) => fmt::Debug::fmt(sealed, formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_its_fingerprint_alone() {
        let sealed = Sealed::new(b"k3y".to_vec());
        let fingerprint = format!("secret, sha256:{}", &sha256(b"k3y")[..8]);
        assert_eq!(sealed.to_string(), fingerprint);
        assert_eq!(format!("{sealed:?}"), fingerprint);
        assert_eq!(format!("{:?}", Bytes::of(b"k3y".to_vec(), true)), fingerprint);
    }

    #[test]
    fn the_bytes_of_a_file_show_nothing_of_its_contents() {
        let open = Bytes::of(b"k3y".to_vec(), false);
        assert!(!format!("{open:?}").contains("k3y") && open.open() == Some(b"k3y"));
        assert_eq!(Bytes::of(b"k3y".to_vec(), true).open(), None);
    }
}
