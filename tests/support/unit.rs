//! What systemd would run: a unit with its drop-ins, as `apply` wrote them.

use super::space::{SERVICE_PATH, Space};
use std::fs;
use std::process::Command;

/// The part of a unit that decides what runs, and as whom.
#[derive(Debug, Default)]
pub(crate) struct Unit {
    /// `User=`.
    pub(crate) user: String,
    /// `Group=`.
    pub(crate) group: String,
    /// `Environment=`, one assignment each.
    pub(crate) environment: Vec<String>,
    /// `ExecStart=`, by words.
    pub(crate) exec_start: Vec<String>,
}

impl Unit {
    /// Reads a unit of a machine, then its drop-ins in the order of their names.
    pub(crate) fn read(space: &Space, name: &str) -> Self {
        let path = format!("/etc/systemd/system/{name}");
        let mut texts = vec![space.read(&path)];
        let mut drop_ins: Vec<_> = fs::read_dir(space.path(&format!("{path}.d")))
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|suffix| suffix == "conf"))
            .collect();
        drop_ins.sort();
        texts.extend(drop_ins.iter().map(|path| fs::read_to_string(path).unwrap()));
        let mut unit =
            Self { user: "root".to_owned(), group: "root".to_owned(), ..Self::default() };
        for text in &texts {
            unit.add(text);
        }
        assert!(!unit.exec_start.is_empty(), "{name} has no ExecStart=");
        unit
    }

    /// The later text wins; assignments of the environment add up.
    fn add(&mut self, text: &str) {
        let mut section = "";
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            if line.starts_with('[') {
                section = line;
            }
            let ("[Service]", Some((key, value))) = (section, line.split_once('=')) else {
                continue;
            };
            match key {
                "User" => value.clone_into(&mut self.user),
                "Group" => value.clone_into(&mut self.group),
                "Environment" => self.environment.push(plain(value).to_owned()),
                "ExecStart" => {
                    self.exec_start = plain(value).split_whitespace().map(str::to_owned).collect();
                }
                _ => {}
            }
        }
    }

    /// The command that systemd would run on this machine, with the environment that it gives (systemd.exec(5)).
    pub(crate) fn command(&self, space: &Space) -> Command {
        let passwd = space.read("/etc/passwd");
        let entry = passwd.lines().find(|line| line.starts_with(&format!("{}:", self.user)));
        let home = entry.and_then(|line| line.split(':').nth(5)).unwrap();
        let mut command = space.daemon();
        command
            .args(["setpriv", "--reuid", &self.user, "--regid", &self.group, "--init-groups"])
            .args(["env", "-i", &format!("PATH={SERVICE_PATH}"), &format!("HOME={home}")])
            .args([format!("USER={}", self.user), format!("LOGNAME={}", self.user)])
            .args(&self.environment)
            .args(&self.exec_start);
        command
    }
}

/// A value without quotes, specifiers and variables, which this reader does not know.
fn plain(value: &str) -> &str {
    assert!(
        !value.contains(['"', '\'', '%', '$', '\\']),
        "{value:?} needs a better reader of units"
    );
    value
}
