//! The way to the metadata service, in network namespaces: addresses that come late, and IPv6. It needs root.

use crate::support::run::Run;
use crate::support::space::{Space, ok};
use crate::support::wait::until;
use cos_agent::simulate::NodeKind;
use cos_agent::simulate::instance::Instance;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn the_first_address_wakes_a_waiting_agent() {
    let run = Arc::new(Run::new());
    let space = Space::new(&run, "late");
    start_metadata(&space, "0.0.0.0:80");
    let root = furnished(&space);
    let words = run.folder.join("words");
    let mut apply = space.command(&agent_binary());
    apply.args(["apply", "--root"]).arg(&root);
    let mut apply =
        apply.stdout(Stdio::null()).stderr(File::create(&words).unwrap()).spawn().unwrap();
    until("the agent waits for the network", Duration::from_secs(90), || {
        let said = fs::read_to_string(&words).unwrap();
        if said.contains("no route yet") { Ok(()) } else { Err(said) }
    });
    // The longer it waits, the longer the pauses in which only the address can wake it.
    std::thread::sleep(Duration::from_secs(2));
    add_address(&space, "169.254.169.254/32");
    let status = apply.wait().unwrap();
    assert!(status.success(), "{}", fs::read_to_string(&words).unwrap());
}

#[test]
fn metadata_is_found_by_ipv6_where_ipv4_has_no_route() {
    let run = Arc::new(Run::new());
    let space = Space::new(&run, "ipv6");
    add_address(&space, "fd00:ec2::254/128");
    start_metadata(&space, "[fd00:ec2::254]:80");
    let root = furnished(&space);
    let said = ok(space.command(&agent_binary()).args(["apply", "--root"]).arg(&root));
    assert!(said.contains("is a consul-server of demo"), "{said}");
}

/// Adds an address to the loopback of a machine.
fn add_address(space: &Space, address: &str) {
    ok(space.command("ip").args(["address", "add", address, "dev", "lo"]));
}

/// Starts the metadata service of a Consul server at an address that may not be there yet.
fn start_metadata(space: &Space, socket: &str) {
    let tags = NodeKind::of("consul-server", None).tags("demo", "3");
    let instance = Instance { tags, ..Instance::default() };
    let file = space.folder().join("instance.json");
    fs::write(&file, serde_json::to_string_pretty(&instance).unwrap()).unwrap();
    let mut service = space.command("setpriv");
    // It is in no process namespace that would end it with the test.
    service.args(["--pdeathsig", "KILL", &agent_binary(), "simulate"]);
    service.args(["--serve", socket, "--instance"]).arg(file);
    space.start(service);
}

/// A folder in place of `/`, with what the agent looks for.
fn furnished(space: &Space) -> PathBuf {
    let root = space.folder().join("root");
    fs::create_dir(&root).unwrap();
    cos_agent::simulate::furnish(&root, "1.8.7", "1.10.5").unwrap();
    root
}

/// The agent under test.
fn agent_binary() -> String {
    let given = std::env::var("COS_AGENT_BIN").ok().filter(|path| !path.is_empty());
    given.unwrap_or_else(|| env!("CARGO_BIN_EXE_cos-agent").to_owned())
}
