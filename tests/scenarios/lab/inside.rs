//! What is asked of a running node: commands, APIs, units, journals.

use super::http::{self, Answer};
use super::node::Node;
use super::shell::{self, Output, clean};
use super::wait::until;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

/// Longest time for a command in a node, unless a test says otherwise.
const COMMAND: Duration = Duration::from_secs(60);
/// Where Consul's API is.
pub(crate) const CONSUL: u16 = 8500;
/// Where Nomad's API is.
pub(crate) const NOMAD: u16 = 4646;
/// Longest time for an answer of an agent.
const ANSWER: Duration = Duration::from_secs(5);

/// The file that keeps a unit from being started.
fn held(unit: &str) -> String {
    format!("/etc/lab-holds-{unit}")
}

impl Node<'_> {
    /// The words that run a command in the node, as root, with the environment of a login and nothing else.
    fn enter(&self, command: &[&str]) -> Result<Vec<String>, String> {
        let first = self.first_process()?.to_string();
        let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let enter = ["nsenter", "--target", &first, "--all", "env", "-i", path, "HOME=/root"];
        Ok([&enter, command].concat().into_iter().map(str::to_owned).collect())
    }

    /// Runs a command in the node.
    pub(crate) fn run(&self, command: &[&str]) -> Output {
        self.run_for(COMMAND, command)
    }

    /// Runs a command in the node, killed after a time.
    pub(crate) fn run_for(&self, limit: Duration, command: &[&str]) -> Output {
        let words = self.enter(command).unwrap_or_else(|off| panic!("{off}"));
        shell::run(&words, "", limit)
    }

    /// Runs a command in the node that has to succeed; what it prints.
    pub(crate) fn ok(&self, command: &[&str]) -> String {
        let output = self.run(command);
        let Output { code, stdout, stderr } = &output;
        assert!(output.is_ok(), "{}: {command:?}: {code:?}\n{stdout}{stderr}", self.name);
        output.stdout
    }

    /// A command in the node with the terminal of the caller.
    pub(crate) fn interactive(&self, command: &[&str]) -> Result<Command, String> {
        let words = self.enter(command)?;
        let mut command = clean(&words[0]);
        let term = std::env::var("TERM").unwrap_or_else(|_| "dumb".to_owned());
        // After `env -i PATH=…`.
        command.args(&words[1..7]).arg(format!("TERM={term}")).args(&words[7..]);
        Ok(command)
    }

    /// Asks an API of the node: `GET /v1/…` at a port of its loopback.
    pub(crate) fn ask(&self, port: u16, line: &str, body: &str) -> Answer {
        let loopback = ([127, 0, 0, 1], port).into();
        let answer = http::request(&self.netns(), loopback, line, body, ANSWER);
        answer.map_err(|error| format!("{}: {error}", self.name))
    }

    /// Reads from Consul.
    pub(crate) fn consul(&self, path: &str) -> Result<Value, String> {
        self.get(CONSUL, path)
    }

    /// Reads from Nomad.
    pub(crate) fn nomad(&self, path: &str) -> Result<Value, String> {
        self.get(NOMAD, path)
    }

    /// Reads from an API at a port of its loopback.
    pub(crate) fn get(&self, port: u16, path: &str) -> Result<Value, String> {
        let (status, body) = self.ask(port, &format!("GET {path}"), "")?;
        let wrong = || format!("{}: {path}: {status} {body}", self.name);
        if status != 200 {
            return Err(wrong());
        }
        serde_json::from_str(&body).map_err(|_| wrong())
    }

    /// Writes to Nomad.
    pub(crate) fn put_nomad(&self, path: &str, body: &Value) -> Result<Value, String> {
        let (status, text) = self.ask(NOMAD, &format!("PUT {path}"), &body.to_string())?;
        match serde_json::from_str(&text) {
            Ok(answer) if status == 200 => Ok(answer),
            _ => Err(format!("{}: {path}: {status} {text}", self.name)),
        }
    }

    /// What a unit said, at all boots; of a node that is off too.
    pub(crate) fn journal(&self, unit: &str) -> String {
        let folder = self.path("/var/log/journal").display().to_string();
        let words = ["journalctl", "-q", "--no-pager", "-o", "cat", "-D", &folder, "-u", unit];
        shell::run(&words, "", COMMAND).stdout
    }

    /// The properties of a unit.
    pub(crate) fn unit(&self, unit: &str) -> BTreeMap<String, String> {
        self.unit_now(unit).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same of a node that may not be so far yet.
    pub(crate) fn unit_now(&self, unit: &str) -> Result<BTreeMap<String, String>, String> {
        let output = self.run(&["systemctl", "show", unit]);
        if !output.is_ok() {
            return Err(format!("{}: {unit}: {}", self.name, output.stderr));
        }
        let pairs = output.stdout.lines().filter_map(|line| line.split_once('='));
        Ok(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
    }

    /// What `cos-agent status` says, as data.
    pub(crate) fn status(&self) -> Value {
        serde_json::from_str(&self.ok(&["cos-agent", "status", "-o", "json"])).unwrap()
    }

    /// What `cos-agent status` says, for people.
    pub(crate) fn status_text(&self) -> String {
        self.ok(&["cos-agent", "status"])
    }

    /// The id of the main process of a unit; 0 where none runs.
    pub(crate) fn main_pid(&self, unit: &str) -> String {
        self.unit(unit)["MainPID"].clone()
    }

    /// Waits until systemd has done all that the boot asked of it; the state that it is then in.
    pub(crate) fn booted(&self) -> String {
        let state = until("systemd can be asked", COMMAND, || {
            let output = self.run(&["systemctl", "is-system-running", "--wait"]);
            let state = output.stdout.trim().to_owned();
            let is_known = ["running", "degraded", "maintenance"].contains(&state.as_str());
            if is_known { Ok(state) } else { Err(format!("{state}{}", output.stderr)) }
        });
        let failed = self.ok(&["systemctl", "list-units", "--failed", "--plain", "--no-legend"]);
        if failed.is_empty() { state } else { format!("{state}: {failed}") }
    }

    /// Keeps systemd from starting a unit, whoever asks for it, until [`Node::release`]. For a node that is off.
    pub(crate) fn hold_off(&self, unit: &str) {
        self.write(&held(unit), "");
        let condition = format!("[Unit]\nConditionPathExists=!{}\n", held(unit));
        self.write(&format!("/etc/systemd/system/{unit}.d/lab.conf"), &condition);
    }

    /// Starts what was held off.
    pub(crate) fn release(&self, unit: &str) {
        self.ok(&["rm", &held(unit)]);
        self.ok(&["systemctl", "start", "--no-block", unit]);
    }

    /// Stops the main process of a unit where it is: it neither works nor ends.
    pub(crate) fn freeze(&self, unit: &str) {
        self.ok(&["systemctl", "kill", "--kill-whom=main", "--signal=STOP", unit]);
    }

    /// Lets the main process of a unit go on.
    pub(crate) fn thaw(&self, unit: &str) {
        self.ok(&["systemctl", "kill", "--kill-whom=main", "--signal=CONT", unit]);
    }
}
