//! A node of a lab as a virtual machine: the same image with the kernel of the distribution, which is its own.

use crate::lab::cgroup;
use crate::lab::net::Net;
use crate::lab::node::Node;
use crate::lab::shell::{self, Output};
use crate::lab::tools;
use crate::lab::wait::until;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// From power to the shell, on two busy cores without KVM.
const BOOT: Duration = Duration::from_secs(180);
/// What the lab masks because a container has the clock, the kernel and the network of its host. A machine has its own.
const UNMASKED: [&str; 6] = [
    "chrony.service",
    "systemd-modules-load.service",
    "apparmor.service",
    "systemd-networkd.service",
    "systemd-networkd.socket",
    "systemd-networkd-wait-online.service",
];

/// A virtual machine in the place of a node.
pub(super) struct Vm<'a> {
    node: &'a Node<'a>,
    folder: PathBuf,
    shell: UnixStream,
    asked: u32,
}

impl<'a> Vm<'a> {
    /// Makes its disk and switches it on.
    pub(super) fn boot(node: &'a Node<'a>) -> Self {
        let output = shell::run(&[tools::here("vm/parts")], "", Duration::from_mins(15));
        assert!(output.is_ok(), "{}", output.stderr);
        let kernel = PathBuf::from(output.stdout.trim());
        let folder = node.folder().join("vm");
        fs::create_dir_all(&folder).unwrap();
        disk(node, &folder, &kernel);
        fs::copy(node.folder().join("metadata.json"), folder.join("metadata.json")).unwrap();
        let group = node.group();
        cgroup::create_unified(&group);
        let (_, unified) = cgroup::hierarchies();
        let environment = [
            ("VM_FOLDER", folder.display().to_string()),
            ("VM_NETNS", node.netns()),
            ("VM_SWITCH", node.lab.net.switch()),
            ("VM_PORT", Net::port(node.address)),
            ("VM_ADDRESS", node.address.to_string()),
            ("VM_AGENT", node.lab.folder.join("ami/usr/bin/cos-agent").display().to_string()),
            ("VM_KERNEL", kernel.display().to_string()),
        ];
        let environment = environment.each_ref().map(|(key, value)| (*key, value.as_str()));
        let join = r#"echo $$ >"$1/cgroup.procs" && exec bash "$2""#;
        let group = unified.join(group).display().to_string();
        let script = tools::here("vm/machine.sh").display().to_string();
        let words = ["sh", "-c", join, "sh", &group, &script];
        shell::start(&words, &environment, &folder.join("qemu.log"));
        let shell = connect(&folder);
        let mut vm = Self { node, folder, shell, asked: 0 };
        vm.until_shell();
        vm
    }

    /// Waits for the shell, and for the end of the boot.
    fn until_shell(&mut self) {
        let console = self.folder.join("console.log");
        until(&format!("{} has a shell", self.node.name), BOOT, || {
            match self.run_for(Duration::from_secs(3), "true") {
                said if said.is_ok() => Ok(()),
                _ => Err(fs::read_to_string(&console).unwrap_or_default()),
            }
        });
        self.run_for(BOOT, "systemctl is-system-running --wait");
    }

    /// Runs a command in its shell; both streams come as one.
    pub(super) fn run(&mut self, command: &str) -> Output {
        self.run_for(Duration::from_secs(120), command)
    }

    fn run_for(&mut self, limit: Duration, command: &str) -> Output {
        self.asked += 1;
        let mark = format!("@@{}@@", self.asked);
        writeln!(self.shell, "( {command} ) </dev/null 2>&1; echo \"{mark}$?@\"").unwrap();
        self.shell.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let (mut said, mut buffer, started) = (Vec::new(), [0; 8192], Instant::now());
        loop {
            match self.shell.read(&mut buffer) {
                Ok(0) => panic!("{}: the shell is gone", self.node.name),
                Ok(read) => said.extend_from_slice(&buffer[..read]),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => panic!("{}: {error}", self.node.name),
            }
            let text = String::from_utf8_lossy(&said).into_owned();
            if let Some((before, after)) = text.split_once(&mark)
                && let Some((code, _)) = after.split_once('@')
            {
                return Output {
                    code: code.parse().ok(),
                    stdout: before.to_owned(),
                    stderr: String::new(),
                };
            }
            if started.elapsed() > limit {
                return Output { code: None, stdout: text, stderr: String::new() };
            }
        }
    }

    /// Runs a command that has to succeed; what it said.
    pub(super) fn ok(&mut self, command: &str) -> String {
        let output = self.run(command);
        assert!(output.is_ok(), "{}: {command}: {output:?}", self.node.name);
        output.stdout
    }

    /// Waits until it has joined, and the doctor finds nothing; the seconds since its kernel began.
    pub(super) fn until_healthy(&mut self) -> f64 {
        self.ok("cos-agent wait --keep-waiting --timeout 110s");
        let age = self.ok("cut -d ' ' -f 1 /proc/uptime").trim().parse().unwrap();
        let name = self.node.name.clone();
        until(&format!("the doctor finds nothing on {name}"), Duration::from_secs(120), || {
            let said = self.run("cos-agent doctor --strict");
            if said.is_ok() { Ok(()) } else { Err(said.stdout) }
        });
        age
    }
}

fn connect(folder: &Path) -> UnixStream {
    until("qemu runs", shell::SOON, || {
        UnixStream::connect(folder.join("shell")).map_err(|error| {
            let log = fs::read_to_string(folder.join("qemu.log")).unwrap_or_default();
            format!("{error}: {log}")
        })
    })
}

/// Makes the disk: the root of the node, with the kernel's modules, the network that DHCP would configure, and the shell.
fn disk(node: &Node<'_>, folder: &Path, kernel: &Path) {
    let root = node.folder().join("root");
    let units = root.join("etc/systemd/system");
    for unit in UNMASKED {
        fs::remove_file(units.join(unit)).unwrap_or_else(|error| panic!("{unit}: {error}"));
    }
    for wanted in [
        "basic.target.wants/lab-cgroups.service",
        "multi-user.target.wants/lab-dns.service",
        "systemd-resolved.service.wants/lab-dns.service",
    ] {
        fs::remove_file(units.join(wanted)).unwrap_or_else(|error| panic!("{wanted}: {error}"));
    }
    let network = format!(
        "[Match]\nName=eth0\n[Network]\nAddress={}/16\nDNS=10.20.0.2\nLinkLocalAddressing=no\n[Route]\n\
         Destination=169.254.169.254/32\nScope=link\n",
        node.address
    );
    node.write("/etc/systemd/network/80-vm.network", &network);
    fs::copy(tools::here("vm/vm-shell.service"), units.join("vm-shell.service")).unwrap();
    for (target, unit) in [
        ("sysinit.target", "/etc/systemd/system/vm-shell.service"),
        ("multi-user.target", "/lib/systemd/system/systemd-networkd.service"),
    ] {
        let wants = units.join(format!("{target}.wants"));
        fs::create_dir_all(&wants).unwrap();
        symlink(unit, wants.join(Path::new(unit).file_name().unwrap())).unwrap();
    }
    // /lib is a link in the image, and a directory in packages.
    let unpack = r#"tar -C "$1" -c . | tar -C "$2" -x --keep-directory-symlink"#;
    let layer = kernel.join("layer").display().to_string();
    shell::ok(&["sh", "-c", unpack, "sh", &layer, &root.display().to_string()]);
    let disk = folder.join("disk.raw").display().to_string();
    shell::ok(&["truncate", "-s", "6G", &disk]);
    let options = "lazy_itable_init=1,lazy_journal_init=1";
    shell::ok(&[
        "mke2fs",
        "-q",
        "-t",
        "ext4",
        "-d",
        &root.display().to_string(),
        "-E",
        options,
        &disk,
    ]);
}
