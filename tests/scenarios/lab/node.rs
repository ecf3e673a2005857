//! A node: its power, its cable, its metadata service, and its disk.

use super::Lab;
use super::cgroup;
use super::description::Machine;
use super::http;
use super::net::{Net, netns_path};
use super::shell;
use super::wait::{until, uptime};
use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long power takes to come or go on a busy machine.
const POWER: Duration = Duration::from_secs(30);

/// A node of a lab; what `Machine` says of it was so when the node was asked for.
#[derive(Clone)]
pub(crate) struct Node<'a> {
    /// The lab.
    pub(crate) lab: &'a Lab,
    /// What it is.
    pub(crate) machine: Machine,
}

impl Deref for Node<'_> {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        &self.machine
    }
}

impl Node<'_> {
    /// Its folder of the host: `upper/` (what was written on its disk), `root/` (its disk), logs.
    pub(crate) fn folder(&self) -> PathBuf {
        self.lab.folder.join("nodes").join(&self.name)
    }

    /// Its group, in each hierarchy.
    pub(crate) fn group(&self) -> String {
        format!("{}/{}", self.lab.net.prefix, self.name)
    }

    /// Its network namespace.
    pub(crate) fn netns(&self) -> String {
        self.lab.net.netns(&self.name)
    }

    /// Makes its disk from the image, and its metadata.
    pub(crate) fn prepare(&self) {
        let folder = self.folder();
        for name in ["upper", "work", "root", "docker"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        fs::write(folder.join("faults"), "\n").unwrap();
        self.lab.write_metadata(&self.machine);
        self.mount_disk();
        self.write("/etc/cos-agent/config.toml", &self.settings);
    }

    /// Switches it on, and waits until its first process runs.
    pub(crate) fn boot(&self) {
        assert!(!self.is_on(), "{} is on already", self.name);
        let group = self.group();
        cgroup::remove(&group);
        cgroup::create(&format!("{group}/machine"));
        for part in ["power", "metadata"] {
            cgroup::create_unified(&format!("{group}/{part}"));
        }
        let _ = fs::remove_file(self.folder().join("power-on"));
        self.power("run", &[]);
        until(&format!("{} has power", self.name), POWER, || self.first_process().map(drop));
    }

    /// Does a verb of `machine.sh`; `run` goes on when this process ends.
    fn power(&self, verb: &str, words: &[&str]) {
        let (all, unified) = cgroup::hierarchies();
        let all: Vec<_> = all.iter().map(|path| path.display().to_string()).collect();
        let environment = [
            ("LAB_NODE", self.name.clone()),
            ("LAB_FOLDER", self.folder().display().to_string()),
            ("LAB_NETNS", self.netns()),
            ("LAB_SWITCH", self.lab.net.switch()),
            ("LAB_PORT", Net::port(self.address)),
            ("LAB_ADDRESS", self.address.to_string()),
            ("LAB_AGENT", self.lab.folder.join("ami/usr/bin/cos-agent").display().to_string()),
            ("LAB_GROUP", self.group()),
            ("LAB_HIERARCHIES", all.join(" ")),
            ("LAB_UNIFIED", unified.display().to_string()),
        ];
        let environment = environment.each_ref().map(|(key, value)| (*key, value.as_str()));
        let script = super::tools::here("lab/machine.sh").display().to_string();
        let all = [&["bash", &script, verb], words].concat();
        let log = self.folder().join("console.log");
        if verb == "run" {
            shell::start(&all, &environment, &log);
        } else {
            shell::finish(&all, &environment, &log);
        }
    }

    /// Whether its power is on.
    pub(crate) fn is_on(&self) -> bool {
        !cgroup::processes(&format!("{}/power", self.group())).is_empty()
    }

    /// The id, on the host, of its first process.
    pub(crate) fn first_process(&self) -> Result<u32, String> {
        first_process_of(&self.folder(), &self.name)
    }

    /// Cuts its power: all that runs on it is gone at once, as is its network. What it wrote stays.
    pub(crate) fn power_cut(&self) {
        cgroup::kill(&self.group());
        let _ = fs::remove_file(self.folder().join("pid"));
        let _ = shell::run(
            &["ip", "-n", &self.lab.net.switch(), "link", "delete", &Net::port(self.address)],
            "",
            shell::SOON,
        );
        if netns_path(&self.netns()).exists() {
            shell::ok(&["ip", "netns", "delete", &self.netns()]);
        }
    }

    /// Restarts it as its operator would, and waits until it has gone down and its power is on again.
    pub(crate) fn reboot(&self) {
        let before = self.powered_on();
        self.run(&["systemctl", "reboot"]);
        until(&format!("{} starts again", self.name), Duration::from_secs(120), || {
            match self.first_process() {
                Ok(_) if self.powered_on() > before => Ok(()),
                _ => Err("it still goes down".to_owned()),
            }
        });
    }

    /// When its power came last: seconds since the boot of the host.
    pub(crate) fn powered_on(&self) -> f64 {
        let text = fs::read_to_string(self.folder().join("power-on")).unwrap_or_default();
        text.trim().parse().unwrap_or(0.0)
    }

    /// Seconds since its power came.
    pub(crate) fn age(&self) -> f64 {
        uptime() - self.powered_on()
    }

    /// The time that is left until it will have had power for so many seconds.
    pub(crate) fn before_age(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64((seconds - self.age()).max(0.0))
    }

    /// Unplugs its cable, over reboots too.
    pub(crate) fn cut(&self) {
        fs::write(self.folder().join("cut"), "").unwrap();
        if self.is_on() {
            self.lab.net.link(self.address, false);
        }
    }

    /// Plugs its cable in again.
    pub(crate) fn heal(&self) {
        let _ = fs::remove_file(self.folder().join("cut"));
        if self.is_on() {
            self.lab.net.link(self.address, true);
        }
    }

    /// Starts its metadata service anew with these faults of the simulator, which stay over reboots.
    pub(crate) fn metadata(&self, faults: &[&str]) {
        fs::write(self.folder().join("faults"), format!("{}\n", faults.join(" "))).unwrap();
        if self.is_on() {
            self.power("metadata", faults);
            until("the metadata service answers", POWER, || self.metadata_service().map(drop));
        }
    }

    /// Metadata that nobody serves: connections are refused.
    pub(crate) fn metadata_gone(&self) {
        fs::write(self.folder().join("faults"), "gone\n").unwrap();
        if self.is_on() {
            self.power("metadata", &["gone"]);
            until("the metadata service is gone", POWER, || match self.metadata_service() {
                Ok(_) => Err("it still answers".to_owned()),
                Err(_) => Ok(()),
            });
        }
    }

    /// The metadata service without faults.
    pub(crate) fn metadata_on(&self) {
        self.metadata(&[]);
    }

    fn metadata_service(&self) -> Result<std::net::TcpStream, String> {
        let address = ([169, 254, 169, 254], 80).into();
        http::connect(&self.netns(), address, Duration::from_secs(1))
    }

    /// Where a path of its disk lies on the host; `/run`, `/tmp` and `/proc` of a running node lie elsewhere.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder().join("root").join(path.trim_start_matches('/'))
    }

    /// The text of a file on its disk.
    pub(crate) fn read(&self, path: &str) -> String {
        let full = self.path(path);
        fs::read_to_string(full).unwrap_or_else(|error| panic!("{}: {path}: {error}", self.name))
    }

    /// Writes a file on its disk.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let full = self.path(path);
        fs::create_dir_all(full.parent().unwrap()).unwrap();
        fs::write(full, text).unwrap();
    }
}

/// The id, on the host, of the first process of a container: the one that is 1 inside. The children that the container's own
/// start has before it are gone a moment later. The file `pid` in its folder has the id of systemd-nspawn.
pub(crate) fn first_process_of(folder: &Path, name: &str) -> Result<u32, String> {
    let off = || format!("{name} is off");
    let text = fs::read_to_string(folder.join("pid")).map_err(|_| off())?;
    let container = text.trim();
    let children = format!("/proc/{container}/task/{container}/children");
    let children = fs::read_to_string(children).map_err(|_| off())?;
    let first = children.split_whitespace().next().ok_or_else(off)?;
    let status = fs::read_to_string(format!("/proc/{first}/status")).map_err(|_| off())?;
    let inside = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    let mut ids = inside.unwrap_or_default().split_whitespace();
    if (ids.next_back(), ids.next()) != (Some("1"), Some(first)) {
        return Err(format!("{name} has no first process yet"));
    }
    first.parse().map_err(|_| off())
}
