//! A node of a lab as a virtual machine: the same image with the kernel of the distribution, which is its own.

use super::disk;
use super::shell::Shell;
use crate::lab::net::Net;
use crate::lab::node::Node;
use crate::lab::shell::{self, Output};
use crate::lab::{cgroup, tools, transcript};
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// From power to the end of the boot, and for any one command: two machines share two busy cores without KVM.
pub(super) const SLOW: Duration = Duration::from_secs(300);
/// For the journal of a machine that has failed, and may have no shell.
const JOURNAL: Duration = Duration::from_secs(30);

/// A virtual machine in the place of a node.
pub(super) struct Vm<'a> {
    pub(super) node: &'a Node<'a>,
    folder: PathBuf,
    kernel: PathBuf,
    /// Nothing while it is off.
    shell: Option<Shell>,
}

impl<'a> Vm<'a> {
    /// Makes its disk, and switches it on.
    pub(super) fn boot(node: &'a Node<'a>) -> Self {
        let output = shell::run(&[tools::here("vm/parts")], "", Duration::from_mins(15));
        assert!(output.is_ok(), "{}", output.stderr);
        let kernel = PathBuf::from(output.stdout.trim());
        let folder = node.folder().join("vm");
        fs::create_dir_all(&folder).unwrap();
        disk::make(node, &folder, &kernel);
        fs::copy(node.folder().join("metadata.json"), folder.join("metadata.json")).unwrap();
        let mut vm = Self { node, folder, kernel, shell: None };
        vm.power_on();
        vm
    }

    /// Switches it on, with the disk that it has.
    pub(super) fn power_on(&mut self) {
        let group = self.node.group();
        cgroup::create_unified(&group);
        let (_, unified) = cgroup::hierarchies();
        let node = self.node;
        let environment = [
            ("VM_FOLDER", self.folder.display().to_string()),
            ("VM_NETNS", node.netns()),
            ("VM_SWITCH", node.lab.net.switch()),
            ("VM_PORT", Net::port(node.address)),
            ("VM_ADDRESS", node.address.to_string()),
            ("VM_AGENT", node.lab.folder.join("ami/usr/bin/cos-agent").display().to_string()),
            ("VM_KERNEL", self.kernel.display().to_string()),
        ];
        let environment = environment.each_ref().map(|(key, value)| (*key, value.as_str()));
        let join = r#"echo $$ >"$1/cgroup.procs" && exec bash "$2""#;
        let group = unified.join(group).display().to_string();
        let script = tools::here("vm/machine.sh").display().to_string();
        let words = ["sh", "-c", join, "sh", &group, &script];
        shell::start(&words, &environment, &self.folder.join("qemu.log"));
        self.shell = Some(Shell::connect(&self.folder));
    }

    /// Cuts its power: SIGKILL to qemu. What the machine had not handed to its disk is gone.
    pub(super) fn power_cut(&mut self) {
        self.shell = None;
        self.node.power_cut();
    }

    /// Waits for the end of its boot.
    pub(super) fn until_booted(&mut self) {
        let started = Instant::now();
        // The shell comes with the first units; what is sent before waits.
        let state = self.run("systemctl is-system-running --wait").stdout;
        let after = started.elapsed().as_secs();
        let failed = self.ok("systemctl --failed --plain --no-legend");
        assert!(
            state.trim() == "running" && failed.is_empty(),
            "{} after {after} s: {state}{failed}",
            self.node.name
        );
    }

    /// Runs a command in its shell; both streams come as one.
    pub(super) fn run(&mut self, command: &str) -> Output {
        let name = &self.node.name;
        let shell = self.shell.as_mut().unwrap_or_else(|| panic!("{name} is off"));
        shell.run(SLOW, command).unwrap_or_else(|error| panic!("{name}: {command}: {error}"))
    }

    /// Runs a command that has to succeed; what it said.
    pub(super) fn ok(&mut self, command: &str) -> String {
        let Output { code, stdout, .. } = self.run(command);
        assert_eq!(code, Some(0), "{}: {command}:\n{stdout}", self.node.name);
        stdout
    }
}

impl Drop for Vm<'_> {
    /// Of a machine in a test that fails, says what its console ends with, and keeps its journal.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let (lab, name) = (&self.node.lab.net.prefix, &self.node.name);
        let console = fs::read_to_string(self.folder.join("console.log")).unwrap_or_default();
        let lines: Vec<_> = console.lines().collect();
        let tail = lines[lines.len().saturating_sub(30)..].join("\n");
        let _ = writeln!(std::io::stderr(), "the console of {name} ends with:\n{tail}");
        transcript::keep(&format!("{lab}-{name}.console"), &console);
        let Some(shell) = &mut self.shell else { return };
        let journal = shell.run(JOURNAL, "journalctl --no-pager -o short-precise");
        let journal = journal.map_or_else(|error| error, |said| said.stdout);
        transcript::keep(&format!("{lab}-{name}.journal"), &journal);
    }
}
