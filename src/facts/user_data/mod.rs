//! User data: TOML for cos-agent, a MIME message with a part for cos-agent, either of them packed, or data for another
//! program, which is ignored.
//!
//! Data is for cos-agent if it has our media type, or if it opens our tables and is of no other kind. It is used or refused.
//! Data for cloud-init or any other program is never an error, however broken it is.

mod kind;
mod message;
mod part;
mod search;
mod tables;
mod unpack;

use super::settings::{Layer, SettingsError};
use unpack::{Budget, Unpacked};

/// The media type of our part in a MIME message.
pub const MEDIA_TYPE: &str = "application/vnd.cos-agent+toml";
/// Longest user data once unpacked, in bytes. EC2 limits the packed data to 16 KiB.
pub const CAP: usize = 1024 * 1024;

/// The name that settings from user data have in errors.
const NAME: &str = "user data";

const ARCHIVE: &str =
    "is a cloud-config archive with an entry of the type of cos-agent, expected a MIME message";

/// What the user data holds for cos-agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserData {
    /// Settings as TOML text. Its lines are counted from the start of the unpacked user data. If a part of a message was packed
    /// separately, they are counted from the start of that part, and the name of the layer names the part.
    Settings(Layer),
    /// Data for another program; what it is, in a few words.
    NotOurs(&'static str),
}

/// Looks for settings in user data.
pub fn decode(bytes: &[u8]) -> Result<UserData, SettingsError> {
    let mut budget = Budget::default();
    let Unpacked { data, broken } = unpack::unpack(bytes, &mut budget);
    if let Some(problem) = broken {
        return if kind::is_addressed(&data) {
            Err(refused(problem))
        } else {
            Ok(UserData::NotOurs("packed data that is truncated, broken or too large"))
        };
    }
    let data = data.strip_prefix(kind::UTF8_MARK).unwrap_or(&data);
    if message::is_message(data) {
        return Ok(match search::settings(data, &mut budget)? {
            Some(layer) => UserData::Settings(layer),
            None => UserData::NotOurs("a MIME message without a part for cos-agent"),
        });
    }
    match std::str::from_utf8(data) {
        Ok(text) if !kind::is_wide(data) => plain(text),
        _ if kind::is_addressed(data) => Err(refused(kind::wrong_encoding(data, 0))),
        _ => Ok(UserData::NotOurs("binary data")),
    }
}

fn plain(text: &str) -> Result<UserData, SettingsError> {
    if kind::is_archive_with_ours(text) {
        Err(refused(format!("it {ARCHIVE}")))
    } else if let Some(kind) = kind::of(text) {
        Ok(UserData::NotOurs(kind))
    } else if message::names_our_type(text.as_bytes()) {
        Err(refused(format!(
            "a line names the type {MEDIA_TYPE}, but the text does not begin with the headers of a MIME message, such as \
             `MIME-Version: 1.0`"
        )))
    } else if tables::names_our_tables(text) {
        Ok(UserData::Settings(Layer { name: NAME.to_owned(), text: text.to_owned() }))
    } else {
        Ok(UserData::NotOurs("text without a table of cos-agent"))
    }
}

fn refused(problem: impl Into<String>) -> SettingsError {
    SettingsError::UserData { problem: problem.into() }
}
