//! The machine that becomes an image: a container of plain Debian with SSH, in the network of a lab.

use crate::lab::cgroup;
use crate::lab::node::first_process_of;
use crate::lab::shell::{self, Output};
use crate::lab::wait::until;
use crate::lab::{Lab, http, layers, tools};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Its address, and the one after it: EC2's mock counts up in a subnet, and a second build is a second instance.
pub(crate) const ADDRESSES: [[u8; 4]; 2] = [[10, 20, 9, 4], [10, 20, 9, 5]];
const NAME: &str = "builder";

/// Where Packer finds it.
pub(crate) fn address() -> String {
    ADDRESSES[0].map(|number| number.to_string()).join(".")
}

/// The machine.
pub(crate) struct Machine<'a> {
    lab: &'a Lab,
    folder: PathBuf,
}

impl<'a> Machine<'a> {
    /// Makes its disk, lets in who has the key, switches it on, and waits for its SSH.
    pub(crate) fn boot(lab: &'a Lab, parts: &Path, key: &Path) -> Self {
        let folder = lab.folder.join(NAME);
        for name in ["upper", "work", "root"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        let machine = Self { lab, folder };
        let [upper, work] = ["upper", "work"].map(|name| machine.folder.join(name));
        layers::mount(&[&parts.join("root")], &upper, &work, &machine.path("/"));
        machine.first_boot(key);
        machine.switch_on();
        machine
    }

    /// What cloud-init does: host keys, and the key of the user.
    fn first_boot(&self, key: &Path) {
        let host_key = self.path("/etc/ssh/ssh_host_ed25519_key").display().to_string();
        shell::ok(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", &host_key]);
        let home = self.path("/home/admin/.ssh").display().to_string();
        shell::ok(&["install", "-d", "-m", "700", "-o", "1000", "-g", "1000", &home]);
        let public = key.with_extension("pub").display().to_string();
        let allowed = format!("{home}/authorized_keys");
        shell::ok(&["install", "-m", "600", "-o", "1000", "-g", "1000", &public, &allowed]);
    }

    fn switch_on(&self) {
        let group = self.group();
        cgroup::create(&group);
        let (all, _) = cgroup::hierarchies();
        let all: Vec<_> = all.iter().map(|path| path.display().to_string()).collect();
        let addresses = ADDRESSES.map(|numbers| numbers.map(|number| number.to_string()).join("."));
        let environment = [
            ("BUILD_FOLDER", self.folder.display().to_string()),
            ("BUILD_NETNS", self.lab.net.netns(NAME)),
            ("BUILD_SWITCH", self.lab.net.switch()),
            ("BUILD_ADDRESSES", addresses.join(" ")),
            ("BUILD_GROUP", group),
            ("BUILD_HIERARCHIES", all.join(" ")),
        ];
        let environment = environment.each_ref().map(|(key, value)| (*key, value.as_str()));
        let script = tools::here("bake/machine.sh").display().to_string();
        shell::start(&["bash", &script], &environment, &self.folder.join("console.log"));
        let aws = self.lab.net.netns("aws");
        until("the machine answers by SSH", shell::SOON, || {
            http::connect(&aws, (ADDRESSES[0], 22).into(), Duration::from_secs(1)).map(drop)
        });
        let booted = self.run(&["systemctl", "is-system-running", "--wait"]);
        assert!(booted.is_ok(), "{booted:?}");
    }

    fn group(&self) -> String {
        format!("{}/{NAME}", self.lab.net.prefix)
    }

    /// Where a path of its disk is on the host.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.join("root").join(path.trim_start_matches('/'))
    }

    /// Runs a command in it.
    pub(crate) fn run(&self, command: &[&str]) -> Output {
        let first = first_process_of(&self.folder, NAME).unwrap().to_string();
        let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let enter = ["nsenter", "--target", &first, "--all", "env", "-i", path, "HOME=/root"];
        shell::run(&[&enter, command].concat(), "", shell::SOON)
    }

    /// The services and sockets that run, and those that have failed.
    pub(crate) fn units(&self) -> [Vec<String>; 2] {
        ["--state=running,listening", "--state=failed"].map(|state| {
            let list = ["systemctl", "list-units", "--plain", "--no-legend", state];
            let said = self.run(&list).stdout;
            let names = said.lines().filter_map(|line| line.split(' ').next());
            // The session of Packer's user ends a little after its connection.
            let is_service = |name: &&str| name.ends_with(".service") || name.ends_with(".socket");
            names
                .filter(is_service)
                .filter(|name| !name.starts_with("user"))
                .map(str::to_owned)
                .collect()
        })
    }

    /// Switches it off, as AWS does before it makes an image of the disk.
    pub(crate) fn switch_off(&self) {
        self.run(&["systemctl", "poweroff"]);
        until("the machine is off", shell::SOON, || {
            let group = self.group();
            if cgroup::is_populated(&group) { Err("its processes run".to_owned()) } else { Ok(()) }
        });
    }

    /// Takes its disk away, what was written on it since its first boot. It must be off.
    pub(crate) fn take_disk(self, to: &Path) {
        shell::ok(&["umount".as_ref(), self.path("/").as_os_str()]);
        shell::ok(&["ip", "netns", "delete", &self.lab.net.netns(NAME)]);
        let upper = self.folder.join("upper");
        shell::ok(&["mv".as_ref(), "-T".as_ref(), upper.as_os_str(), to.as_os_str()]);
    }

    /// The files of its disk with size, mode, owner and time of change, but for what every run of the system and of the tools
    /// of packages writes.
    pub(crate) fn files(&self) -> Vec<String> {
        let root = self.path("/").display().to_string();
        let not = [
            "./proc/*",
            "./sys/*",
            "./dev/*",
            "./run/*",
            "./tmp/*",
            "./var/tmp/*",
            "./var/log/*",
            "./var/cache/*",
            "./var/lib/apt/*",
            "./var/lib/dpkg/*",
            "./var/lib/systemd/*",
        ];
        let mut words = vec!["find", &root, "-xdev", "-type", "f,l"];
        let not: Vec<String> =
            not.iter().map(|path| path.replacen('.', root.trim_end_matches('/'), 1)).collect();
        words.extend(not.iter().flat_map(|path| ["-not", "-path", path]));
        words.extend(["-printf", "%P %s %m %u %T@\\n"]);
        let mut files: Vec<String> = shell::ok(&words).lines().map(str::to_owned).collect();
        files.sort();
        files
    }

    /// Those of these paths that its disk has.
    pub(crate) fn there<'p>(&self, paths: &[&'p str]) -> Vec<&'p str> {
        paths.iter().copied().filter(|path| self.path(path).symlink_metadata().is_ok()).collect()
    }
}
