//! The namespaces of a machine, held by a first process: network, mounts, processes, host name, control groups.
//!
//! They die with that process, and it dies with the thread that made it, so nothing outlives a killed test.

use super::run::Run;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

/// Where a distribution's services look for programs.
pub(crate) const SERVICE_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Where the outputs of long-running programs stay for whoever has to find out.
pub(crate) const LOGS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/../e2e-logs");

/// Runs a command, from the second word on, in a control group, the first word.
const IN_GROUP: &str = r#"echo 0 > "$1/cgroup.procs" && shift && exec "$@""#;
/// The first process. It says its id, which `/proc` still tells as the host sees it.
const FIRST: &str = r#"
set -eu
read -r pid rest < /proc/self/stat
ip link set lo up
eval "$COS_E2E_SETUP"
echo "$pid"
exec $COS_E2E_ROOT sh -c 'cd /; sleep infinity & wait'
"#;

/// Namespaces with a life of their own.
pub(crate) struct Space {
    /// What it is called, in logs and as a host.
    pub(crate) name: String,
    /// The run it belongs to.
    pub(crate) run: Arc<Run>,
    first: u32,
    holder: Child,
    cgroup: PathBuf,
    path: String,
    programs: Mutex<Vec<Child>>,
}

impl Space {
    /// Namespaces over the file system of the host, with its own search path.
    pub(crate) fn new(run: &Arc<Run>, name: &str) -> Self {
        let path = std::env::var("PATH").unwrap();
        Self::with_setup(run, name, ":", &[], None, &path)
    }

    /// Namespaces whose setup is a script with variables; `root` is the folder that becomes `/` afterwards.
    pub(crate) fn with_setup(
        run: &Arc<Run>,
        name: &str,
        setup: &str,
        variables: &[(&str, &str)],
        root: Option<&Path>,
        path: &str,
    ) -> Self {
        let cgroup = run.cgroup.join(name);
        // Processes live in a leaf: only such groups can hand controllers to what Nomad makes beside it.
        fs::create_dir_all(cgroup.join("init")).unwrap();
        fs::create_dir_all(run.folder.join(name)).unwrap();
        let change_root = root.map_or(String::new(), |root| format!("chroot {}", root.display()));
        let mut holder = Command::new("sh")
            .args(["-c", IN_GROUP, "sh"])
            .arg(&cgroup)
            .args(["setpriv", "--pdeathsig", "KILL", "unshare", "--cgroup"])
            .args(["sh", "-c", IN_GROUP, "sh"])
            .arg(cgroup.join("init"))
            .args(["unshare", "--mount", "--net", "--uts", "--pid", "--fork", "--kill-child"])
            .args(["sh", "-c", FIRST])
            .current_dir(run.folder.join(name))
            .envs(variables.iter().copied())
            .env("COS_E2E_SETUP", setup)
            .env("COS_E2E_ROOT", change_root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(new_log(name, "setup"))
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Ok(first) = line.trim().parse() else {
            panic!("{name} was not set up: {}", tail(name, "setup"));
        };
        let programs = Mutex::default();
        let (name, run, path) = (name.to_owned(), Arc::clone(run), path.to_owned());
        Self { name, run, first, holder, cgroup, path, programs }
    }

    /// A command in here, after at most a minute killed.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = self.daemon();
        command.args(["timeout", "--kill-after=1", "60", program]);
        command
    }

    /// The beginning of a command in here that may run for ever.
    pub(crate) fn daemon(&self) -> Command {
        let mut command =
            self.enter(&["--mount", "--uts", "--net", "--pid", "--cgroup", "--root", "--wd"]);
        command.args(["env", "-i", "HOME=/root"]).arg(format!("PATH={}", self.path));
        command
    }

    /// The beginning of a command of the host that has the network of in here and nothing else.
    pub(crate) fn beside(&self) -> Command {
        self.enter(&["--net"])
    }

    /// The beginning of a command of the host that sees the mounts of in here.
    pub(crate) fn behind(&self) -> Command {
        self.enter(&["--mount"])
    }

    fn enter(&self, namespaces: &[&str]) -> Command {
        let mut command = Command::new("sh");
        // Nothing of the caller's environment: it may name endpoints and proxies.
        command
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap())
            .args(["-c", IN_GROUP, "sh"])
            .arg(self.cgroup.join("init"))
            .args(["nsenter", "--target", &self.first.to_string()])
            .args(namespaces)
            .arg("--")
            .stdin(Stdio::null());
        command
    }

    /// Lets a program run until the end; its output goes to a log of this name.
    pub(crate) fn start(&self, log_name: &str, mut command: Command) {
        let log = new_log(&self.name, log_name);
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        self.programs.lock().unwrap().push(child);
    }

    /// Connects to the bridge of another space by a virtual cable.
    pub(crate) fn plug_into(&self, bridge: &Self, address: &str) {
        let port = format!("v-{}", self.name);
        let far = bridge.first.to_string();
        let ip = |space: &Self, words: &str| {
            ok(space.beside().arg("ip").args(words.split_whitespace()));
        };
        ip(self, &format!("link add eth0 type veth peer name {port} netns {far}"));
        ip(bridge, &format!("link set {port} master br0 up"));
        ip(self, &format!("address add {address}/16 dev eth0"));
        ip(self, "link set eth0 up");
    }

    /// A path of in here, as the host reaches it.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.first))
    }

    /// Writes a file in here.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Reads a file in here.
    pub(crate) fn read(&self, path: &str) -> String {
        let full = self.path(path);
        fs::read_to_string(full).unwrap_or_else(|error| panic!("{}: {path}: {error}", self.name))
    }

    /// The folder of the host that is this space's own.
    pub(crate) fn folder(&self) -> PathBuf {
        self.run.folder.join(&self.name)
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = fs::write(self.cgroup.join("cgroup.kill"), "1");
        let _ = self.holder.wait();
        for program in self.programs.lock().unwrap().iter_mut() {
            let _ = program.wait();
        }
    }
}

/// Runs a command that has to succeed; what it prints.
pub(crate) fn ok(command: &mut Command) -> String {
    let output = output(command);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command.
pub(crate) fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// A new log of a program.
fn new_log(space: &str, name: &str) -> File {
    fs::create_dir_all(LOGS).unwrap();
    File::create(format!("{LOGS}/{space}-{name}.log")).unwrap()
}

/// What a program has said so far.
pub(crate) fn log(space: &str, name: &str) -> String {
    let bytes = fs::read(format!("{LOGS}/{space}-{name}.log")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The end of what a program has said.
pub(crate) fn tail(space: &str, name: &str) -> String {
    let text = log(space, name);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
