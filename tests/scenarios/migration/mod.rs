//! The way over from the reference system, as `terraform/examples/migration/README.md` says it, on a cluster that its scripts made: its
//! servers are replaced one by one, then its clients, while a job is asked without pause.

mod forgotten;
mod job;
mod old;

use crate::doctor::ask::{ask, until_healthy};
use crate::lab::Lab;
use crate::lab::description::{Machine, servers};
use crate::lab::inside::CONSUL;
use crate::lab::node::Node;
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use crate::lab::whole::{list, text};
use std::sync::Mutex;
use std::time::Duration;

/// The longest time in which no instance may answer at all, on a busy machine.
const PAUSE: Duration = Duration::from_secs(5);
/// The longest time in which no instance may have an answer of Consul: an election of the old servers, on a busy machine.
const ELECTION: Duration = Duration::from_secs(30);

#[test]
#[ignore = "long: `tests/run --long`"]
fn the_reference_system_is_replaced_server_by_server_while_a_job_is_asked() {
    let mut transcript = Transcript::begin("the way over from the reference system");
    let machines = [old::consul_servers(), old::nomad_servers(), old::clients()];
    let lab = Lab::new(machines.concat());
    lab.start_registries();
    old::up(&lab);
    let clients = old::nodes(&lab, "client");
    keep(&lab.node("old-consul-1"), "from before");
    lab.everywhere(|node| {
        if node.name.starts_with("old-client") {
            node.make_image(job::IMAGE);
        }
    });
    lab.node("old-nomad-1").put_nomad("/v1/jobs", &job::job(job::BRIDGE)).unwrap();
    job::until_asks(&clients, job::BRIDGE);
    transcript.proved(&format!(
        "the old cluster: three servers of {}, three of Nomad, two clients; two instances of a job ask Consul at {}",
        version(&lab.node("old-consul-1")),
        job::BRIDGE
    ));

    let seen = job::watched(&lab, |seen| {
        tag(&lab);
        transcript.proved(
            "the old servers have the tags of the new cluster, and its parameters say `formed`",
        );
        replace_consul(&lab, &mut transcript, seen);
        replace_nomad(&lab, &mut transcript, seen);
        replace_clients(&lab, &mut transcript, seen);
        reboot(&lab, &mut transcript);
    });
    transcript.proved(&format!("the job, from the first step to the last: {}", seen.words()));
    assert!(seen.any.longest < PAUSE, "{seen:?}");
    assert!(seen.consul.longest < ELECTION, "{seen:?}");
    assert_eq!(seen.asks.len(), 2, "{seen:?}");

    lab.until_ready();
    transcript.proved(&until("one Consul cluster", SOON, || lab.is_one_consul()));
    transcript.proved(&until("one Nomad cluster", SOON, || lab.is_one_nomad()));
    for node in lab.nodes() {
        until_healthy(&node);
        assert_eq!(kept(&node), "from before", "{}", node.name);
    }
    transcript.proved(
        "the doctor finds nothing wrong on any node, and Consul's data is that of the old cluster",
    );
}

/// What is done before the first new server: tags and parameters.
fn tag(lab: &Lab) {
    for (short, key) in [("consul", "cos:consul-server"), ("nomad", "cos:nomad-server")] {
        for node in old::nodes(lab, short) {
            lab.tag(&node, "cos:cluster", Some("demo"));
            lab.tag(&node, key, Some("demo"));
        }
        lab.aws.set_parameter(&format!("/cos/demo/formed/{short}"), "formed");
    }
}

/// Launches a new node, with the settings of the example as user data.
fn launch(lab: &Lab, mut machine: Machine) -> Node<'_> {
    machine.user_data = Some("[consul]\nhttp_on_link = true\n".to_owned());
    let node = lab.add(machine);
    node.boot();
    node
}

/// One new server joins and votes, then one old leaves.
fn replace_consul(lab: &Lab, transcript: &mut Transcript, seen: &Mutex<job::Seen>) {
    for (index, machine) in servers("consul-server", 3).into_iter().enumerate() {
        let fresh = launch(lab, machine);
        let after = fresh.until_ready();
        assert!(!fresh.read("/etc/consul.d/cos.json").contains("bootstrap_expect"));
        assert_eq!(kept(&fresh), "from before");
        until("four voters", SOON, || old::voters(&fresh, 4));
        if index == 0 {
            let troubles = ask(&fresh).troubles();
            transcript.proved(&format!(
                "the doctor on {} among old servers says: {}",
                fresh.name,
                if troubles.is_empty() { "healthy".to_owned() } else { troubles.join("; ") }
            ));
        }
        let old = lab.node(&format!("old-consul-{}", index + 1));
        leave(&old);
        lab.terminate(&old);
        until("three voters", SOON, || old::voters(&fresh, 3));
        until("all alive", SOON, || old::alive(&fresh, lab.nodes().len()));
        transcript.proved(&format!(
            "{} joined and voted {after:.1} s after power, then {} left; {}",
            fresh.name,
            old.name,
            seen.lock().unwrap().words()
        ));
    }
    // An old client that restarts, or that the old group launches, looks for the old tag.
    for node in lab.role("consul-server") {
        lab.tag(&node, old::TAG.0, Some(old::TAG.1));
    }
    let client = lab.node("old-client-1");
    client.ok(&["systemctl", "stop", "consul.service"]);
    client.ok(&["rm", "-r", "/opt/consul/data/serf"]);
    client.ok(&["systemctl", "start", "--no-block", "consul.service"]);
    until("the old client joins again", SOON * 2, || old::alive(&client, lab.nodes().len()));
    transcript.proved("an old client that restarts without its list of members finds the new servers by the old tag");
}

/// Three new servers at once, as their group launches them; then the old ones leave one by one.
fn replace_nomad(lab: &Lab, transcript: &mut Transcript, seen: &Mutex<job::Seen>) {
    for machine in servers("nomad-server", 3) {
        launch(lab, machine);
    }
    let fresh = lab.role("nomad-server");
    for node in &fresh {
        node.until_ready();
        assert!(!node.read("/etc/nomad.d/cos.json").contains("bootstrap_expect"));
        until("six voters", SOON, || old::nomad_voters(node, 6));
    }
    transcript
        .proved("three new servers of Nomad, launched at once, joined the old ones: six voters");
    for (left, old) in old::nodes(lab, "nomad").into_iter().enumerate() {
        old.ok(&["systemctl", "disable", "--now", "nomad.service"]);
        fresh[0].ok(&["nomad", "server", "force-leave", &format!("{}.eu-central-1", old.id)]);
        // The others take it for failed first.
        until("one voter less", SOON * 2, || old::nomad_voters(&fresh[0], 5 - left));
        leave(&old);
        lab.terminate(&old);
        transcript.proved(&format!("{} left; {}", old.name, seen.lock().unwrap().words()));
    }
    until("both clients are ready", SOON, || old::ready(&fresh[0], 2));
}

/// Two new clients; the job moves to them with the new address; the old ones are drained.
fn replace_clients(lab: &Lab, transcript: &mut Transcript, seen: &Mutex<job::Seen>) {
    for number in 1..=2 {
        launch(lab, Machine::client(&format!("client-{number}"), "backoffice", number, 31));
    }
    let fresh = lab.role("nomad-client");
    for node in &fresh {
        node.until_ready();
        node.make_image(job::IMAGE);
    }
    let (server, olds) = (lab.node("nomad-1"), old::nodes(lab, "client"));
    for old in &olds {
        server.ok(&["nomad", "node", "eligibility", "-disable", &client_id(&server, old)]);
    }
    server.put_nomad("/v1/jobs", &job::job(job::LINK)).unwrap();
    job::until_asks(&fresh, job::LINK);
    transcript.proved(&format!(
        "old clients take no more work, and an update moved the job to the new ones, where it asks Consul at {}; {}",
        job::LINK,
        seen.lock().unwrap().words()
    ));
    for old in olds {
        let id = client_id(&server, &old);
        server.ok(&["nomad", "node", "drain", "-enable", "-yes", "-deadline", "1m", &id]);
        old.ok(&["systemctl", "disable", "--now", "nomad.service"]);
        leave(&old);
        lab.terminate(&old);
        // Nomad keeps a node that is down for a day; the garbage collection forgets it at once.
        until("Nomad forgets it", SOON * 2, || {
            server.put_nomad("/v1/system/gc", &serde_json::Value::Null).ok();
            server.ok(&["nomad", "system", "gc"]);
            let nodes = server.nomad("/v1/nodes")?;
            let is_there = list(&nodes).any(|node| node["ID"] == id.as_str());
            if is_there { Err(nodes.to_string()) } else { Ok(()) }
        });
        transcript.proved(&format!("{} was drained and left", old.name));
    }
}

/// At a boot the link is there before Consul, which would end without its address.
fn reboot(lab: &Lab, transcript: &mut Transcript) {
    let client = lab.node("client-1");
    client.reboot();
    client.until_ready();
    assert_eq!(client.unit("consul.service")["NRestarts"], "0");
    job::until_asks(&lab.role("nomad-client"), job::LINK);
    transcript.proved("a new client boots again: Consul starts once, after the link, and the job asks there again");
}

/// A node of the old system leaves Consul for good.
fn leave(old: &Node<'_>) {
    old.ok(&[old::CONSUL, "leave"]);
}

fn client_id(server: &Node<'_>, client: &Node<'_>) -> String {
    let nodes = server.nomad("/v1/nodes").unwrap();
    let found = list(&nodes).find(|node| node["Name"] == client.id.as_str());
    text(&found.unwrap()["ID"])
}

fn version(node: &Node<'_>) -> String {
    let said = node.ok(&[old::CONSUL, "version"]);
    said.lines().next().unwrap_or_default().to_owned()
}

/// Writes a value into Consul's store.
fn keep(node: &Node<'_>, value: &str) {
    let answer = node.ask(CONSUL, "PUT /v1/kv/proof", value).unwrap();
    assert_eq!(answer, (200, "true".to_owned()));
}

/// The value that Consul's store has; empty where it has none.
fn kept(node: &Node<'_>) -> String {
    node.ask(CONSUL, "GET /v1/kv/proof?raw", "").unwrap().1
}
