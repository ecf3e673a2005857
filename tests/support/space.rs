//! The network namespace of a machine, held by a first process: it dies with that process, and that one with the
//! thread that made it, so nothing outlives a killed test.

use super::run::Run;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

/// Runs a command, from the second word on, in a control group, the first word.
const IN_GROUP: &str = r#"echo 0 > "$1/cgroup.procs" && shift && exec "$@""#;
/// The first process. It says its id.
const FIRST: &str = "set -eu; ip link set lo up; echo $$; exec sleep infinity";

/// A network namespace with a life of its own, over the file system of the host.
pub(crate) struct Space {
    name: String,
    run: Arc<Run>,
    holder: Child,
    first: u32,
    programs: Mutex<Vec<Child>>,
}

impl Space {
    /// Makes one.
    pub(crate) fn new(run: &Arc<Run>, name: &str) -> Self {
        fs::create_dir_all(run.folder.join(name)).unwrap();
        let mut holder = in_group(&run.cgroup)
            .args(["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sh", "-c", FIRST])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let first = line.trim().parse().expect("the network namespace was not made");
        let (name, run) = (name.to_owned(), Arc::clone(run));
        Self { name, run, holder, first, programs: Mutex::default() }
    }

    /// The beginning of a command of the host that has the network of in here.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = in_group(&self.run.cgroup);
        command.args(["nsenter", "--target", &self.first.to_string(), "--net", "--", program]);
        command
    }

    /// Lets a program run until the end.
    pub(crate) fn start(&self, mut command: Command) {
        let child = command.stdout(Stdio::null()).spawn().unwrap();
        self.programs.lock().unwrap().push(child);
    }

    /// The folder of the host that is this space's own.
    pub(crate) fn folder(&self) -> PathBuf {
        self.run.folder.join(&self.name)
    }
}

/// A command in a control group, with nothing of the caller's environment: it may name endpoints and proxies.
pub(crate) fn in_group(cgroup: &Path) -> Command {
    let mut command = Command::new("sh");
    command.env_clear().env("PATH", std::env::var("PATH").unwrap());
    command.args(["-c", IN_GROUP, "sh"]).arg(cgroup).stdin(Stdio::null());
    command
}

impl Drop for Space {
    fn drop(&mut self) {
        for process in self.programs.lock().unwrap().iter_mut().chain([&mut self.holder]) {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Runs a command that has to succeed; what it prints.
pub(crate) fn ok(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let Output { status, stdout, stderr } = output;
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(status.success(), "{command:?}: {status}\n{stdout}{stderr}");
    stdout
}
