//! AWS as the nodes see it: one process behind AWS's own names, told by a file what to do wrong, and its resolver.

use super::cgroup;
use super::description::{ACCOUNT, CLUSTER, Machine, REGION};
use super::net::{AWS, Net, netns_path, start_in};
use super::shell;
use super::tools;
use super::wait::until;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// AWS of a lab.
#[derive(Debug, Clone)]
pub(crate) struct Aws {
    pub(super) folder: PathBuf,
    pub(super) net: Net,
}

/// A call of a node, as AWS recorded it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Call {
    /// Seconds since the epoch.
    pub(crate) time: f64,
    /// The address of the node.
    pub(crate) caller: Ipv4Addr,
    /// The service, such as `ec2`.
    pub(crate) service: String,
    /// The action, such as `DescribeInstances`.
    pub(crate) action: String,
    /// The status of the answer.
    pub(crate) status: u16,
}

impl Aws {
    /// AWS of the lab in this folder.
    pub(crate) fn new(lab: &Path, net: &Net) -> Self {
        Self { folder: lab.join("aws"), net: net.clone() }
    }

    /// Starts it, and its resolver, and waits until it answers.
    pub(crate) fn start(&self, site: &Path) {
        fs::create_dir_all(&self.folder).unwrap();
        let settings = json!({
            "region": REGION, "account": ACCOUNT, "cluster": CLUSTER, "address": AWS,
            "certificate": site.join("aws.pem"), "key": site.join("aws.key"),
        });
        fs::write(self.folder.join("settings.json"), settings.to_string()).unwrap();
        self.first_control();
        let folder = self.folder.display().to_string();
        self.program("aws", &[tools::here("aws/serve.py").display().to_string(), folder.clone()]);
        let resolver = tools::here("aws/resolver.py").display().to_string();
        self.program("dns", &[resolver, folder, AWS.to_string()]);
        until("AWS answers", Duration::from_mins(1), || {
            match self.admin(&json!({ "operation": "lifecycle" })) {
                Err(error) => Err(format!("{error}\n{}", self.log("aws"))),
                Ok(_) => Ok(()),
            }
        });
    }

    pub(super) fn program(&self, name: &str, words: &[String]) {
        let group = format!("{}/{name}", self.net.prefix);
        cgroup::create_unified(&group);
        // Nodes that compute do not slow AWS down. Byte code would be written beside the sources.
        let python = tools::python().display().to_string();
        let program = ["nice", "-n", "-10", &python, "-B"].map(str::to_owned);
        let log = self.folder.join(format!("{name}.log"));
        start_in(&self.net.netns("aws"), &group, &[&program, words].concat(), &log);
    }

    /// What one of its programs said.
    pub(crate) fn log(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(format!("{name}.log"))).unwrap_or_default()
    }

    /// The calls of nodes so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let text = fs::read_to_string(self.folder.join("calls.jsonl")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// A call of boto3 as administrator: service, method, parameters.
    pub(crate) fn call(&self, service: &str, method: &str, parameters: &Value) -> Value {
        let operation = json!({
            "operation": "call", "service": service, "method": method, "parameters": parameters,
        });
        self.does(&operation)
    }

    /// The value of a parameter of the parameter store.
    pub(crate) fn parameter(&self, name: &str) -> String {
        let answer = self.call("ssm", "get_parameter", &json!({ "Name": name }));
        answer["Parameter"]["Value"].as_str().unwrap().to_owned()
    }

    /// Sets a parameter of the parameter store.
    pub(crate) fn set_parameter(&self, name: &str, value: &str) {
        let parameters =
            json!({ "Name": name, "Value": value, "Type": "String", "Overwrite": true });
        self.call("ssm", "put_parameter", &parameters);
    }

    /// Puts an instance before a hook of an auto scaling group: `Pending:Wait`.
    pub(crate) fn hold(&self, machine: &Machine, group: &str, hook: &str) {
        self.does(&json!({
            "operation": "hold", "instance": machine.id, "group": group, "hook": hook,
            "zone": machine.zone(),
        }));
    }

    /// The lifecycle of an instance: `state`, `heartbeats`, `group`, `hook`.
    pub(crate) fn lifecycle(&self, instance: &str) -> Value {
        self.does(&json!({ "operation": "lifecycle" }))[instance].clone()
    }

    /// An operation that has to succeed.
    pub(crate) fn does(&self, operation: &Value) -> Value {
        self.admin(operation).unwrap_or_else(|error| panic!("{error}\n{}", self.log("aws")))
    }

    fn admin(&self, operation: &Value) -> Result<Value, String> {
        let said = |error: std::io::Error| format!("AWS of the lab: {error}");
        let mut door = UnixStream::connect(self.folder.join("admin.sock")).map_err(said)?;
        door.set_read_timeout(Some(super::shell::SOON)).map_err(said)?;
        door.write_all(format!("{operation}\n").as_bytes()).map_err(said)?;
        let mut line = String::new();
        BufReader::new(door).read_line(&mut line).map_err(said)?;
        let mut answer: Value = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        match answer["error"].as_str() {
            Some(error) => Err(format!("{operation}: {error}")),
            None => Ok(answer["answer"].take()),
        }
    }

    /// Asks it what a node may ask and what not; what was wrong.
    pub(crate) fn check(&self, lab: &super::Lab, instance: &str) -> String {
        let enter = format!("--net={}", netns_path(&self.net.netns("aws")).display());
        let python = tools::python().display().to_string();
        let script = tools::here("aws/check.py").display().to_string();
        let folder = lab.folder.display().to_string();
        shell::ok(&["nsenter", &enter, &python, "-B", &script, &folder, instance])
    }
}
