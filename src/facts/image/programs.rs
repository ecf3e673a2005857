//! The programs of an image: where each may be, the package that has it, and what identifies it.

use super::{Distribution, ImageError};
use crate::state::{PROGRAM, PathKind};
use crate::system::System;
use crate::system::daemon::program;
use crate::system::root::{FileError, Root};
use serde::{Deserialize, Serialize};

/// A program that every image needs.
#[derive(Debug)]
pub struct Part {
    /// Its name.
    pub name: &'static str,
    /// Where it may be; the first that exists counts.
    pub paths: &'static [&'static str],
    /// The package that has it on Debian and Ubuntu, and on Amazon Linux.
    package: [&'static str; 2],
    /// How it is recorded.
    record: Record,
}

/// How a program is recorded in the manifest of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Record {
    /// With the version that these arguments print. The image needs it.
    Version(&'static [&'static str]),
    /// With the version that these arguments print, if they do.
    VersionIfSaid(&'static [&'static str]),
    /// Not at all: it is the distribution's own.
    No,
}

/// A program that the manifest of the image records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its path.
    #[serde(skip)]
    pub path: String,
    /// Its version; `None` if the program does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its modification time, in nanoseconds since the epoch.
    pub mtime_nanos: i64,
}

const fn part(
    name: &'static str,
    paths: &'static [&'static str],
    package: [&'static str; 2],
    record: Record,
) -> Part {
    Part { name, paths, package, record }
}

/// The directories of CNI plugins: Nomad's default, then those of the packages of Debian and of Amazon Linux.
const CNI: [&str; 3] = ["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"];
/// The plugins that Nomad's network mode `bridge` runs:
/// <https://developer.hashicorp.com/nomad/docs/networking/cni>.
pub const PLUGINS: [&str; 5] = ["bridge", "firewall", "host-local", "loopback", "portmap"];

/// What every image needs.
pub const PARTS: &[Part] = &[
    part("cos-agent", &[PROGRAM], ["", ""], Record::Version(&["version"])),
    part("consul", &["/usr/bin/consul"], ["", ""], Record::Version(&["version"])),
    part("nomad", &["/usr/bin/nomad"], ["", ""], Record::Version(&["version"])),
    part(
        "docker",
        &["/usr/bin/docker"],
        ["docker.io", "docker"],
        Record::VersionIfSaid(&["--version"]),
    ),
    part(
        "docker-credential-ecr-login",
        &["/usr/bin/docker-credential-ecr-login", "/usr/local/bin/docker-credential-ecr-login"],
        ["amazon-ecr-credential-helper", "amazon-ecr-credential-helper"],
        Record::VersionIfSaid(&["-v"]),
    ),
    part("chronyd", &["/usr/sbin/chronyd"], ["chrony", "chrony"], Record::No),
    part("ip", &["/usr/sbin/ip", "/sbin/ip"], ["iproute2", "iproute"], Record::No),
    part(
        "iptables",
        &["/usr/sbin/iptables", "/sbin/iptables"],
        ["iptables", "iptables-nft"],
        Record::No,
    ),
    part(
        "systemd-sysusers",
        &["/usr/bin/systemd-sysusers", "/bin/systemd-sysusers"],
        ["systemd", "systemd"],
        Record::No,
    ),
];

/// docker starts no container without it where the kernel has AppArmor.
const APPARMOR: Part = part(
    "apparmor_parser",
    &["/usr/sbin/apparmor_parser", "/sbin/apparmor_parser"],
    ["apparmor", ""],
    Record::No,
);

impl Part {
    /// Where it is; `None` if it is not installed.
    pub fn place(&self, root: &Root) -> Result<Option<&'static str>, FileError> {
        for path in self.paths {
            if root.stat_target(path)?.is_some() {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    fn missing(&self, distribution: Distribution) -> String {
        let [debian, amazon] = self.package;
        match distribution.package(debian, amazon) {
            "" => self.paths.first().copied().unwrap_or(self.name).to_owned(),
            package => format!("{} (package {package})", self.name),
        }
    }
}

/// The directory that has all plugins; `None` if none has.
pub(super) fn cni(root: &Root) -> Result<Option<&'static str>, FileError> {
    for directory in CNI {
        // `install` links Nomad's default to the directory of the distribution, which stays the real one.
        let is_real = root.stat(directory)?.is_some_and(|stat| stat.kind == PathKind::Directory);
        let mut is_whole = is_real;
        for plugin in PLUGINS {
            is_whole &= root.stat_target(format!("{directory}/{plugin}"))?.is_some();
        }
        if is_whole {
            return Ok(Some(directory));
        }
    }
    Ok(None)
}

/// A part and its path.
type Placed = (&'static Part, &'static str);

/// The parts that are there, each with its path, and what is missing, for people.
pub(super) fn find(
    root: &Root,
    distribution: Distribution,
) -> Result<(Vec<Placed>, Vec<String>), FileError> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for part in PARTS {
        match part.place(root)? {
            Some(path) => found.push((part, path)),
            None => missing.push(part.missing(distribution)),
        }
    }
    if distribution.has_apparmor() && APPARMOR.place(root)?.is_none() {
        missing.push(APPARMOR.missing(distribution));
    }
    Ok((found, missing))
}

/// Reads the programs, and asks each for its version.
pub(super) async fn identify(
    system: &System,
    found: Vec<Placed>,
    cni: &str,
) -> Result<Vec<Program>, ImageError> {
    let mut programs = Vec::new();
    for (part, path) in found {
        let version = match part.record {
            Record::No => continue,
            Record::Version(args) => Some(version(system, path, args).await?),
            Record::VersionIfSaid(args) => version(system, path, args).await.ok(),
        };
        programs.extend(identity(&system.root, path)?.map(|found| Program { version, ..found }));
    }
    programs.extend(identity(&system.root, &format!("{cni}/bridge"))?);
    Ok(programs)
}

/// A program without its version; `None` if it is not there.
pub fn identity(root: &Root, path: &str) -> Result<Option<Program>, FileError> {
    let (Some(sha256), Some(stat)) = (root.digest(path)?, root.stat_target(path)?) else {
        return Ok(None);
    };
    Ok(Some(Program {
        path: path.to_owned(),
        version: None,
        sha256,
        size: stat.size,
        mtime_nanos: i64::try_from(stat.mtime_nanos).unwrap_or(i64::MAX),
    }))
}

async fn version(system: &System, path: &str, args: &[&str]) -> Result<String, ImageError> {
    let program = || path.to_owned();
    let output = program::ask(&system.root, path, args, &system.environment.path)
        .await
        .map_err(|source| ImageError::NotRun { program: program(), source })?;
    let said = output.words();
    number(&said).ok_or_else(|| ImageError::NoVersion {
        program: program(),
        reason: format!("it said {:?}", said.lines().next().unwrap_or_default()),
    })
}

/// The first word that begins as a version does: `Consul v1.14.4`, `Docker version 20.10.24+dfsg1, build 297e128`.
fn number(said: &str) -> Option<String> {
    let words =
        said.split_whitespace().map(|word| word.trim_start_matches('v').trim_end_matches(','));
    let is_version =
        |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    words.into_iter().find(is_version).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_each_program_says_them() {
        for (said, version) in [
            ("Consul v1.14.4\nRevision dev\n", Some("1.14.4")),
            ("Nomad v1.6.3\n", Some("1.6.3")),
            ("Docker version 20.10.24+dfsg1, build 297e128", Some("20.10.24+dfsg1")),
            ("amazon-ecr-credential-helper\nVersion:    0.6.0\n", Some("0.6.0")),
            ("CNI bridge plugin version unknown", None),
            ("", None),
        ] {
            assert_eq!(number(said).as_deref(), version, "{said}");
        }
    }
}
