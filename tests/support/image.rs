//! A machine of which an image can be made, as a directory that stands for `/`: a supported distribution with the programs that
//! an image needs, each of which only says its version.

use super::binary::{Ran, cos_agent, run};
use super::{install, root};
use std::path::Path;
use std::process::Command;

/// The files of a Debian 12 that `install` looks at, without the programs.
const FILES: [(&str, &str); 6] = [
    ("/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
    ("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"),
    ("/etc/group", "root:x:0:\n"),
    ("/etc/machine-id", ""),
    ("/etc/chrony/chrony.conf", "sourcedir /etc/chrony/sources.d\n"),
    ("/etc/chrony/sources.d/README", "Names end with .sources.\n"),
];
/// The programs and what each says.
pub(crate) const PROGRAMS: [(&str, &str); 11] = [
    ("/usr/bin/cos-agent", concat!("cos-agent ", env!("CARGO_PKG_VERSION"))),
    ("/usr/bin/consul", "Consul v1.14.4"),
    ("/usr/bin/nomad", "Nomad v1.6.3"),
    ("/usr/bin/docker", "Docker version 20.10.24+dfsg1, build 297e128"),
    ("/usr/bin/docker-credential-ecr-login", "amazon-ecr-credential-helper\nVersion:    0.6.0"),
    ("/usr/sbin/chronyd", ""),
    ("/usr/sbin/ip", ""),
    ("/usr/sbin/iptables", ""),
    ("/usr/sbin/apparmor_parser", ""),
    ("/usr/sbin/update-ca-certificates", ""),
    ("/usr/bin/systemd-sysusers", ""),
];
/// The links of units that packages enable.
const ENABLED: [(&str, &str); 4] = [
    ("dbus-org.freedesktop.resolve1.service", "systemd-resolved.service"),
    ("multi-user.target.wants/chrony.service", "chrony.service"),
    ("multi-user.target.wants/docker.service", "docker.service"),
    ("sockets.target.wants/docker.socket", "docker.socket"),
];
/// The units of packages.
const UNITS: [&str; 4] =
    ["chrony.service", "docker.service", "docker.socket", "systemd-resolved.service"];

/// Such a machine; it is removed when dropped.
pub(crate) struct Machine {
    directory: tempfile::TempDir,
}

impl Machine {
    /// A machine on which every package is installed and `install` has not run.
    pub(crate) fn new() -> Self {
        let machine = Self { directory: tempfile::tempdir().unwrap() };
        for (path, text) in FILES {
            machine.put(path, text);
        }
        for (path, said) in PROGRAMS {
            install::script(&machine.path(path), &format!("#!/bin/sh\nprintf '%s\\n' '{said}'\n"));
        }
        for plugin in ["bridge", "firewall", "host-local", "loopback", "portmap"] {
            install::script(&machine.path(&format!("/usr/lib/cni/{plugin}")), "#!/bin/sh\n");
        }
        for unit in UNITS {
            let section = if unit.ends_with(".socket") { "sockets" } else { "multi-user" };
            let text =
                format!("[Service]\nExecStart=/bin/true\n[Install]\nWantedBy={section}.target\n");
            machine.put(&format!("/lib/systemd/system/{unit}"), &text);
        }
        for (link, unit) in ENABLED {
            machine.link(
                &format!("/etc/systemd/system/{link}"),
                &format!("/lib/systemd/system/{unit}"),
            );
        }
        machine
    }

    /// The same with `install` run.
    pub(crate) fn installed() -> Self {
        let machine = Self::new();
        let ran = machine.run(&["install"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        machine
    }

    /// The directory.
    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    /// The full path of a path of the machine.
    pub(crate) fn path(&self, path: &str) -> std::path::PathBuf {
        self.root().join(path.trim_start_matches('/'))
    }

    /// Writes a file.
    pub(crate) fn put(&self, path: &str, text: &str) {
        root::put(self.root(), path, text.as_bytes(), 0o644);
    }

    /// The text of a file.
    pub(crate) fn read(&self, path: &str) -> String {
        let full = self.path(path);
        std::fs::read_to_string(&full).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Removes a file or a link.
    pub(crate) fn remove(&self, path: &str) {
        let full = self.path(path);
        std::fs::remove_file(&full).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Makes a link, and the directories above it.
    pub(crate) fn link(&self, path: &str, target: &str) {
        let full = self.path(path);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, full).unwrap();
    }

    /// Runs a command of the agent on it.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let root = self.root().to_str().unwrap();
        run(cos_agent(&[args, &["--root", root]].concat()))
    }

    /// Every path with its kind, target, mode, size and time of change, a line each.
    pub(crate) fn listing(&self) -> String {
        let mut find = Command::new("find");
        find.arg(self.root()).args(["-printf", "%P %y %l %m %s %T@\n"]);
        let ran = run(find);
        let mut lines: Vec<&str> = ran.stdout.lines().collect();
        lines.sort_unstable();
        lines.join("\n")
    }
}
