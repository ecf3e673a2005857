//! One state file: how it is loaded, and how it is saved.
//!
//! Another version of the agent may have written it. Unknown keys are ignored, so that an older agent still understands
//! the state of a newer one; a file of another schema is not read. Loading never writes.

use super::{Entry, Schema};
use crate::system::root::{FileError, NewFile, Root};
use crate::text::secret::mask_json;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::error::Category;
use std::io::{self, ErrorKind};

/// An entry of the registry with the type of its contents.
pub struct StateFile<T> {
    entry: &'static Entry,
    understand: fn(Value) -> Result<T, serde_json::Error>,
}

/// What was found at the path of a state file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored<T> {
    /// No file, or one that this user may not read. Such a user changes nothing either.
    Absent,
    /// A file that counts as lost.
    Unusable(Unusable),
    /// What was saved.
    Known(T),
}

/// Why a state file counts as lost. Messages put it after the path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It is cut off, empty, or does not hold what is expected.
    #[error("does not parse: {why}")]
    Broken {
        /// What is wrong with it, without the values that it holds.
        why: String,
    },
    /// Another version of the agent wrote it.
    #[error("has the schema {found}, expected {expected}")]
    OtherSchema {
        /// The schema that it names.
        found: String,
        /// The one that this agent reads.
        expected: &'static str,
    },
}

impl<T: DeserializeOwned> StateFile<T> {
    /// A file that holds this type as it is.
    pub const fn of(entry: &'static Entry) -> Self {
        Self { entry, understand: serde_json::from_value::<T> }
    }
}

impl<T> StateFile<T> {
    /// A file whose type refuses unknown keys: `understand` drops those first.
    pub const fn understood_by(
        entry: &'static Entry,
        understand: fn(Value) -> Result<T, serde_json::Error>,
    ) -> Self {
        Self { entry, understand }
    }

    /// Its path on the node.
    pub const fn path(&self) -> &'static str {
        self.entry.path
    }

    /// What is stored. Errors are those of the disk, such as EIO, or a directory in the place of the file.
    pub fn load(&self, root: &Root) -> Result<Stored<T>, FileError> {
        self.stored(root.read(self.entry.path))
    }

    fn stored(&self, found: Result<Option<Vec<u8>>, FileError>) -> Result<Stored<T>, FileError> {
        match found {
            Ok(Some(bytes)) => Ok(self.parsed(&bytes).map_or_else(Stored::Unusable, Stored::Known)),
            Ok(None) => Ok(Stored::Absent),
            Err(error) if error.source.kind() == ErrorKind::PermissionDenied => Ok(Stored::Absent),
            Err(error) => Err(error),
        }
    }

    /// The stored value; `None` for an absent, unusable or unreadable file.
    pub fn known(&self, root: &Root) -> Option<T> {
        match self.load(root) {
            Ok(Stored::Known(value)) => Some(value),
            Ok(Stored::Absent | Stored::Unusable(_)) | Err(_) => None,
        }
    }

    fn parsed(&self, bytes: &[u8]) -> Result<T, Unusable> {
        let broken = |error| Unusable::Broken { why: without_values(&error) };
        let value: Value = serde_json::from_slice(bytes).map_err(broken)?;
        if let Schema::Named(expected) = self.entry.schema {
            match value.get("schema").and_then(Value::as_str) {
                Some(found) if found == expected => {}
                Some(found) if is_schema(found) => {
                    return Err(Unusable::OtherSchema { found: found.to_owned(), expected });
                }
                _ => return Err(Unusable::Broken { why: "it names no schema".to_owned() }),
            }
        }
        (self.understand)(value).map_err(broken)
    }

    /// Removes the file; a missing file is not an error.
    pub fn remove(&self, root: &Root) -> Result<(), FileError> {
        if root.stat(self.entry.path)?.is_some() { root.remove(self.entry.path) } else { Ok(()) }
    }
}

impl<T: Serialize> StateFile<T> {
    /// Saves a value; see [`Batch::add`].
    pub fn save(&self, root: &Root, value: &T) -> Result<(), FileError> {
        let mut batch = Batch::new(root);
        batch.add(self, value)?;
        batch.save()
    }

    fn text(&self, root: &Root, value: &T) -> Result<String, FileError> {
        let fail = |source: io::Error| FileError {
            operation: "serialize",
            path: root.path(self.entry.path.as_ref()),
            source,
        };
        let mut value = serde_json::to_value(value).map_err(|error| fail(error.into()))?;
        if let Schema::Named(schema) = self.entry.schema {
            let Some(keys) = value.as_object_mut() else {
                return Err(fail(io::Error::other("found a value without keys")));
            };
            keys.insert("schema".to_owned(), Value::from(schema));
        }
        if self.entry.mode & 0o004 != 0 {
            mask_json(&mut value);
        }
        Ok(format!("{value:#}\n"))
    }
}

/// Several state files that are saved together, so that the caller waits for the disk once.
pub struct Batch<'a> {
    root: &'a Root,
    changed: Vec<(&'static Entry, String)>,
}

impl<'a> Batch<'a> {
    /// An empty batch.
    pub fn new(root: &'a Root) -> Self {
        Self { root, changed: Vec::new() }
    }

    /// Adds a file, unless it holds these bytes already. Replacing an unusable file is logged, because another version
    /// of the agent may have kept more in it.
    pub fn add<T: Serialize>(&mut self, file: &StateFile<T>, value: &T) -> Result<(), FileError> {
        let text = file.text(self.root, value)?;
        // A file that cannot be read is replaced like one that differs.
        let before = self.root.read(file.entry.path).ok().flatten();
        if before.as_deref() == Some(text.as_bytes()) {
            return Ok(());
        }
        if let Some(why) = before.and_then(|bytes| file.parsed(&bytes).err()) {
            tracing::warn!("{} {why}; replacing it", file.entry.path);
        }
        self.changed.push((file.entry, text));
        Ok(())
    }

    /// Writes them atomically; at the end all are on the disk.
    pub fn save(self) -> Result<(), FileError> {
        let files = self.changed.iter().map(|(entry, text)| NewFile {
            path: entry.path,
            bytes: text.as_bytes(),
            mode: entry.mode,
            owner: None,
        });
        self.root.write_all(&files.collect::<Vec<_>>())
    }
}

/// The message of the decoder without the value that it quotes, which may be a secret.
fn without_values(error: &serde_json::Error) -> String {
    let words = error.to_string();
    match (error.classify(), words.rsplit_once(", expected ")) {
        (Category::Syntax | Category::Eof | Category::Io, _) => words,
        (Category::Data, _) if words.starts_with("missing field") => words,
        (Category::Data, Some((_, expected))) => format!("expected {expected}"),
        (Category::Data, None) => "a value is not of the expected form".to_owned(),
    }
}

/// Whether a text is a schema of the agent, and not a value in its place.
fn is_schema(text: &str) -> bool {
    text.strip_prefix("cos-agent/").and_then(|rest| rest.split_once('/')).is_some_and(
        |(name, version)| {
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
                && version.len() <= 3
                && version.bytes().all(|byte| byte.is_ascii_digit())
        },
    )
}

/// Deserializes a list in a state file, and ignores entries that only a newer agent knows.
pub fn known_entries<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let entries = Vec::<Value>::deserialize(deserializer)?;
    Ok(entries.into_iter().filter_map(|entry| serde_json::from_value(entry).ok()).collect())
}

#[cfg(test)]
mod tests;
