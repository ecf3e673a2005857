//! A node: an instance with its metadata at 169.254.169.254, a root of its own with the agent, Consul and Nomad
//! installed, and the agents started as systemd would.

use super::aws::{Aws, REGION};
use super::net::AWS;
use super::space::{SERVICE_PATH, Space, ok, output, tail};
use super::unit::Unit;
use cos_agent::simulate::instance::Instance;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// What this test adds to every node's settings, as an operator would.
const SETTINGS: &str = "[nomad.extra.plugin.raw_exec.config]\nenabled = true\n";

/// A machine of the cluster.
pub(crate) struct Node {
    /// Its metadata.
    pub(crate) instance: Instance,
    /// Its namespaces.
    pub(crate) space: Space,
}

impl Node {
    /// Starts an instance: its network, its metadata, and the files that an image has.
    pub(crate) fn boot(aws: &Aws<'_>, name: &str, instance: Instance) -> Self {
        let run = &aws.net.space.run;
        let root = run.folder.join(name).join("root");
        let nomad = if name.starts_with("consul") { String::new() } else { nomad_binary() };
        let hosts = format!("{AWS} ec2.{REGION}.amazonaws.com ssm.{REGION}.amazonaws.com");
        let variables = [
            ("COS_AGENT_BIN", agent_binary()),
            ("COS_NOMAD_BIN", nomad),
            ("COS_HOSTS", hosts),
            ("COS_NAME", format!("ip-{}", instance.private_ip.replace('.', "-"))),
        ];
        let variables = variables.each_ref().map(|(key, value)| (*key, value.as_str()));
        let script = include_str!("node.sh");
        let space = Space::with_setup(run, name, script, &variables, Some(&root), SERVICE_PATH);
        space.plug_into(&aws.net.space, &instance.private_ip);
        serve_metadata(&space, "169.254.169.254", &instance);
        space.write("/etc/cos-agent/config.toml", SETTINGS);
        space.write("/etc/cos-agent/ca.d/site.pem", &aws.authority);
        Self { instance, space }
    }

    /// Runs `cos-agent apply --no-start`, as root on `/`; what it says on standard output.
    pub(crate) fn apply(&self) -> String {
        ok(self.space.command("cos-agent").args(["apply", "--no-start"]))
    }

    /// Does what `apply --no-start` leaves due besides units: the trust store.
    pub(crate) fn update_trust_store(&self) {
        ok(&mut self.space.command("update-ca-certificates"));
    }

    /// Everything that was ever written on this node: path, inode, size, mode, times, and the sum of the bytes.
    pub(crate) fn disk(&self) -> String {
        let base = self.space.folder();
        let folders = [base.join("upper"), base.join("root/run")];
        let find = || {
            let mut command = self.space.behind();
            command.arg("find").args(&folders);
            command
        };
        let times = ok(find().args(["-printf", "%p %i %s %m %T@ %C@\\n"]));
        times + &ok(find().args(["-type", "f", "-exec", "sha256sum", "{}", "+"]))
    }

    /// Starts an agent with the user, environment and command line of its unit.
    pub(crate) fn start(&self, agent: &str) {
        let unit = Unit::read(&self.space, &format!("{agent}.service"));
        self.space.start(agent, unit.command(&self.space));
    }

    /// Asks the API of an agent of this node.
    pub(crate) fn ask(&self, agent: &str, path: &str) -> Result<Value, String> {
        let port = if agent == "consul" { 8500 } else { 4646 };
        let mut curl = self.space.command("curl");
        let answer =
            output(curl.args(["-sS", "-m", "10", &format!("http://127.0.0.1:{port}{path}")]));
        let text = String::from_utf8_lossy(&answer.stdout);
        serde_json::from_str(&text).map_err(|_| {
            let words = String::from_utf8_lossy(&answer.stderr);
            format!("{} {path}: {text}{words}\n{}", self.space.name, tail(&self.space.name, agent))
        })
    }
}

/// Serves metadata at an address of the loopback of a machine, from outside of it, as EC2 does.
pub(crate) fn serve_metadata(space: &Space, address: &str, instance: &Instance) {
    add_address(space, address);
    start_metadata(space, address, instance);
}

/// Adds an address to the loopback of a machine.
pub(crate) fn add_address(space: &Space, address: &str) {
    let bits = if address.contains(':') { 128 } else { 32 };
    let words = format!("address add {address}/{bits} dev lo");
    ok(space.beside().arg("ip").args(words.split_whitespace()));
}

/// Starts the metadata service at an address that may not be there yet.
pub(crate) fn start_metadata(space: &Space, address: &str, instance: &Instance) {
    let file = space.run.folder.join(format!("{}.json", space.name));
    fs::write(&file, serde_json::to_string_pretty(instance).unwrap()).unwrap();
    let socket =
        if address.contains(':') { format!("[{address}]:80") } else { format!("{address}:80") };
    let mut service = space.beside();
    // It is in no process namespace that would end it with the test.
    service.args(["setpriv", "--pdeathsig", "KILL", &agent_binary(), "simulate"]);
    service.args(["--serve", &socket, "--instance"]).arg(file);
    space.start("metadata", service);
}

/// The agent under test.
pub(crate) fn agent_binary() -> String {
    let release =
        concat!(env!("CARGO_MANIFEST_DIR"), "/target/x86_64-unknown-linux-musl/release/cos-agent");
    match std::env::var("COS_AGENT_BIN") {
        Ok(path) if !path.is_empty() => path,
        _ if Path::new(release).is_file() => release.to_owned(),
        _ => env!("CARGO_BIN_EXE_cos-agent").to_owned(),
    }
}

/// Nomad, which no distribution packages.
pub(crate) fn nomad_binary() -> String {
    let path = std::env::var("COS_NOMAD_BIN")
        .unwrap_or_else(|_| "/root/.cache/cos-agent/nomad-1.10.5".to_owned());
    assert!(Path::new(&path).is_file(), "this test needs Nomad 1.10.5 at {path}, or COS_NOMAD_BIN");
    path
}
