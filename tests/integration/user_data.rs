//! User data: what is addressed to us is used or refused with its reason, and what is addressed to others never is an error.

mod messages;
mod oracle;
mod others;
mod packed;
mod places;
mod simulated;

use crate::support::binary;
use base64::Engine;
use cos_agent::exit::hint::Hint;
use cos_agent::facts::settings::{self, Layers, LogLevel, SettingsError};
use cos_agent::facts::user_data::{self, MEDIA_TYPE, UserData};
use std::io::Write;

/// Settings of two tables with a blank line between, where half of them is easily lost.
const TOML: &str = "[consul]\nlog_level = \"debug\"\n\n[nomad]\nlog_level = \"warn\"\n";

/// The settings in user data, as a node gathers them.
fn read(bytes: &[u8]) -> Result<Option<Layers>, SettingsError> {
    match user_data::decode(bytes)? {
        UserData::Settings(layer) => settings::merge(&[layer]).map(Some),
        UserData::NotOurs(kind) => {
            assert!(!kind.is_empty());
            Ok(None)
        }
    }
}

/// All of [`TOML`] is in force.
#[track_caller]
fn taken(bytes: impl AsRef<[u8]>) -> Layers {
    let bytes = bytes.as_ref();
    let shown = || String::from_utf8_lossy(bytes);
    match read(bytes) {
        Ok(Some(layers)) => {
            let found = (layers.settings.consul.log_level, layers.settings.nomad.log_level);
            assert_eq!(found, (LogLevel::Debug, LogLevel::Warn), "{}", shown());
            layers
        }
        Ok(None) => panic!("ignored: {}", shown()),
        Err(error) => panic!("{error}: {}", shown()),
    }
}

/// An error, with these words in it, and a hint.
#[track_caller]
fn refused(bytes: impl AsRef<[u8]>, words: &str) -> String {
    let bytes = bytes.as_ref();
    match read(bytes) {
        Err(error) => {
            assert!(error.to_string().contains(words), "{error}");
            assert!(error.hint().is_some());
            error.to_string()
        }
        Ok(found) => panic!("{:?}: {}", found, String::from_utf8_lossy(bytes)),
    }
}

/// Neither used nor an error.
#[track_caller]
fn ignored(bytes: impl AsRef<[u8]>) {
    let bytes = bytes.as_ref();
    match read(bytes) {
        Ok(None) => {}
        found => panic!("{found:?}: {}", String::from_utf8_lossy(bytes)),
    }
}

fn gzip(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes.as_ref()).unwrap();
    encoder.finish().unwrap()
}

/// Base64 in lines of 76 characters.
fn base64(bytes: impl AsRef<[u8]>) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    text.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line) + "\n").collect()
}

/// A message of these parts, headers and all, as the tools write it.
fn message(boundary: &str, parts: &[&str]) -> String {
    let parts: String = parts.iter().map(|part| format!("--{boundary}\n{part}\n")).collect();
    format!(
        "Content-Type: multipart/mixed; boundary=\"{boundary}\"\nMIME-Version: 1.0\n\n{parts}--{boundary}--\n"
    )
}

/// Our part, with these further header lines.
fn ours(headers: &str, body: &str) -> String {
    format!("Content-Type: {MEDIA_TYPE}\n{headers}\n{body}")
}

/// A script of somebody else.
const SCRIPT: &str = "Content-Type: text/x-shellscript\n\n#!/bin/sh\necho '[consul]'\n";
