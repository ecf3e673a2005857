//! READ: every secret that the agent can find on this node, by its exact value, so that none of them leaves the node in a
//! bundle, in whatever file it may stand.

use super::places::{Kind, key_files, places};
use super::secrets::SHORTEST;
use crate::state::PathKind;
use crate::system::root::{FileError, Root};
use crate::text::secret::{for_each_text, is_secret, looks_secret, private_keys, values};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::collections::BTreeSet;

/// Most secrets that are looked for; the forms of one take about 20 KiB of memory.
const MOST: usize = 500;
/// Most of a file that is read, in bytes.
const FILE: usize = 256 * 1024;
/// Most files of a place.
const FILES: usize = 200;
/// What begins like this is a reference to a secret, or a fingerprint.
const REFERENCES: [&str; 5] = ["${", "{{", "$(", "<<", "sha256:"];

/// The secrets that were found.
#[derive(Debug, Default)]
pub(super) struct Harvest {
    /// Their values.
    pub(super) values: BTreeSet<String>,
    /// What could not be read, and why.
    pub(super) unread: Vec<String>,
    is_full: bool,
}

impl Harvest {
    /// The secrets in the files of this node.
    pub(super) fn of_files(root: &Root) -> Self {
        let mut harvest = Self::default();
        let mut keys = BTreeSet::new();
        for (place, kind) in places() {
            for path in harvest.files_of(root, &place) {
                let Some(text) = harvest.text_of(root, &path) else { continue };
                keys.extend(key_files(&text));
                harvest.take(root, &text, kind);
            }
        }
        for path in keys {
            if let Some(text) = harvest.text_of(root, &path) {
                harvest.take_keys(root, &text);
            }
        }
        harvest
    }

    /// Adds the secrets of a text whose form is not known, such as user data.
    pub(super) fn take_named(&mut self, root: &Root, text: &str) {
        self.take(root, text, Kind::Named);
    }

    /// Adds a value if it can be looked for, and what it is made of: of `user:password` the password, plain or in base64.
    pub(super) fn add(&mut self, root: &Root, value: &str) {
        let value = value.trim();
        if REFERENCES.iter().any(|begin| value.starts_with(begin)) {
            return;
        }
        let decoded = STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let login = decoded.as_deref().filter(|login| login.contains(':'));
        let parts = [Some(value), login];
        for part in parts.into_iter().flatten() {
            let password = part.split_once(':').map(|(_, password)| password);
            for secret in [Some(part), password].into_iter().flatten() {
                if is_worth_it(root, secret) && !self.values.contains(secret) {
                    self.insert(secret);
                }
            }
        }
    }

    fn insert(&mut self, secret: &str) {
        if self.values.len() < MOST {
            self.values.insert(secret.to_owned());
        } else if !std::mem::replace(&mut self.is_full, true) {
            self.unread.push(format!(
                "there are more than {MOST} secrets; the others are masked by their names alone"
            ));
        }
    }

    fn take(&mut self, root: &Root, text: &str, kind: Kind) {
        let json = || serde_json::from_str::<Value>(text).ok();
        match kind {
            Kind::Whole => self.add(root, text),
            Kind::Every => self.take_json(root, json(), |_, _| true),
            Kind::Random => self.take_json(root, json(), |_, text| looks_secret(text)),
            Kind::Named => {
                for value in values(text) {
                    self.add(root, value);
                }
                self.take_keys(root, text);
                let tables = json().or_else(|| toml::from_str::<Value>(text).ok());
                self.take_json(root, tables, |path, text| {
                    let in_extra = || path.split('.').any(|name| name == "extra");
                    is_secret(path) || in_extra() && looks_secret(text)
                });
            }
        }
    }

    fn take_json(&mut self, root: &Root, json: Option<Value>, is_one: impl Fn(&str, &str) -> bool) {
        let Some(mut json) = json else { return };
        for_each_text(&mut json, "", &mut |path, text| {
            if is_one(path, text) {
                self.add(root, text);
            }
        });
    }

    /// Adds the lines of private keys; in JSON their ends are escaped.
    fn take_keys(&mut self, root: &Root, text: &str) {
        for key in private_keys(text) {
            for line in key.split('\n').flat_map(|line| line.split("\\n")) {
                self.add(root, line);
            }
        }
    }

    fn text_of(&mut self, root: &Root, path: &str) -> Option<String> {
        match root.read_start(path, FILE) {
            Ok(start) => Some(String::from_utf8_lossy(&start?.bytes).into_owned()),
            Err(error) => {
                self.unread.push(words(&error));
                None
            }
        }
    }

    /// A file, or the files of a directory and of its directories.
    fn files_of(&mut self, root: &Root, place: &str) -> Vec<String> {
        let mut files = Vec::new();
        let mut next = vec![(place.to_owned(), 0)];
        while let Some((path, depth)) = next.pop() {
            match root.stat_target(&path) {
                Ok(Some(stat)) if stat.kind == PathKind::File => files.push(path),
                Ok(Some(stat)) if stat.kind == PathKind::Directory && depth < 3 => {
                    let names = root.list(&path).unwrap_or_default();
                    let names = names.iter().filter_map(|name| name.to_str());
                    next.extend(names.map(|name| (format!("{path}/{name}"), depth + 1)));
                }
                Ok(_) => {}
                Err(error) => self.unread.push(words(&error)),
            }
            if files.len() >= FILES {
                self.unread.push(format!("{place} has more than {FILES} files"));
                break;
            }
        }
        files
    }
}

/// Whether a value is long enough, and not the path of a file.
fn is_worth_it(root: &Root, value: &str) -> bool {
    let is_path = || value.starts_with('/') && root.stat(value).is_ok_and(|stat| stat.is_some());
    value.len() >= SHORTEST && !is_path()
}

fn words(error: &FileError) -> String {
    format!("{error}: {}", error.source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_taken_apart_and_what_is_no_secret_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::at(directory.path());
        root.write("/etc/tls/key-of-x", b"x", 0o600).unwrap();
        let mut harvest = Harvest::default();
        for value in [
            &STANDARD.encode("ci:hush-hush"),
            "user:open-sesame",
            "/etc/tls/key-of-x",
            "${env.TOKEN_OF_X}",
            "short",
            "sha256:0123456789",
        ] {
            harvest.add(&root, value);
        }
        let expected =
            ["Y2k6aHVzaC1odXNo", "ci:hush-hush", "hush-hush", "open-sesame", "user:open-sesame"];
        assert_eq!(harvest.values.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_number_of_secrets_is_bounded() {
        let root = Root::at(std::path::Path::new("/nowhere"));
        let mut harvest = Harvest::default();
        for number in 0..2 * MOST {
            harvest.add(&root, &format!("secret-{number:08}"));
        }
        assert_eq!((harvest.values.len(), harvest.unread.len()), (MOST, 1));
    }
}
