//! Nomad beside a Consul that comes late, and one that goes away.

use crate::doctor::ask::{BROKEN, WAITS, expect};
use crate::lab::Lab;
use crate::lab::description::{clients, servers};
use crate::lab::inside::CONSUL;
use crate::lab::node::Node;
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::{throughout, until};
use crate::lab::whole::{list, passing, service_job, text};
use serde_json::json;
use std::time::{Duration, Instant};

/// How long Consul is away: long enough for its node to fail, and for all times to live of Nomad's checks.
const AWAY: Duration = Duration::from_mins(2);
/// Holds Consul back until a file is there.
const HELD: &str = "[Service]
ExecStart=
ExecStart=/bin/sh -c 'until [ -e /run/go ]; do sleep 0.1; done; exec /usr/bin/consul agent -config-dir=/etc/consul.d'
";

#[test]
fn nomad_starts_before_consul_answers_and_outlives_its_absence() {
    let mut transcript = Transcript::begin("Nomad beside a late and an absent Consul");
    let kinds = [servers("consul-server", 1), servers("nomad-server", 1), clients(&["backoffice"])];
    let lab = Lab::new(kinds.concat());
    let (server, nomad, client) =
        (lab.node("consul-1"), lab.node("nomad-1"), lab.node("backoffice"));
    let late = [&nomad, &client];
    for node in late {
        node.write("/etc/systemd/system/consul.service.d/held.conf", HELD);
    }
    lab.start_registries();
    lab.boot_all();
    server.until_ready();
    for node in late {
        until(&format!("Nomad answers on {}", node.name), SOON, || node.nomad("/v1/agent/self"));
        assert!(node.consul("/v1/agent/self").is_err());
    }
    expect(&nomad, "consul-agent-api", WAITS, "systemctl status consul");
    let before = late.map(process);
    transcript.proved("a Nomad server and a Nomad client run while their Consul does not answer");
    for node in late {
        node.ok(&["touch", "/run/go"]);
        node.until_ready();
    }
    nomad.put_nomad("/v1/jobs", &service_job("proof", "backoffice")).unwrap();
    let services = ["nomad-client", "proof"];
    for (service, at) in [("nomad", &nomad), ("nomad-client", &client), ("proof", &client)] {
        until_passing(&server, service, at);
    }
    assert_eq!(late.map(process), before, "Nomad was restarted");
    transcript.proved(
        "Consul comes: both join, their services and that of a job pass, by the same processes",
    );

    let running = until("Nomad knows that the task runs", SOON, || {
        let found = task(&nomad, &client);
        if found.1.is_empty() { Err(format!("{found:?}")) } else { Ok(found) }
    });
    client.ok(&["systemctl", "stop", "consul.service"]);
    let stopped = Instant::now();
    until("the node has failed in Consul", SOON, || match passing(&server, "proof")?.as_slice() {
        [] => Ok(()),
        found => Err(format!("{found:?} passes")),
    });
    // As if it had been away for the three days after which Consul forgets a node.
    let forget = json!({ "Node": client.id }).to_string();
    server.ask(CONSUL, "PUT /v1/catalog/deregister", &forget).unwrap();
    let known = server.consul(&format!("/v1/catalog/node-services/{}", client.id)).unwrap();
    assert_eq!(list(&known["Services"]).count(), 0, "{known}");
    client.ok(&["sh", "-c", "rm -r /opt/consul/data/services /opt/consul/data/checks"]);
    expect(&client, "units-state", BROKEN, "cos-agent apply");
    throughout(
        "the task runs and Nomad's client is ready",
        AWAY.saturating_sub(stopped.elapsed()),
        || {
            lab.is_one_nomad()?;
            let found = task(&nomad, &client);
            if found == running { Ok(()) } else { Err(format!("{running:?} became {found:?}")) }
        },
    );
    transcript.proved(&format!(
        "Consul is stopped for {} s, and its servers forget the node: the task runs",
        AWAY.as_secs()
    ));

    client.ok(&["systemctl", "start", "consul.service"]);
    for service in services {
        until_passing(&server, service, &client);
    }
    client.until_ready();
    assert_eq!(late.map(process), before, "Nomad was restarted");
    assert_eq!(task(&nomad, &client), running, "the task was stopped");
    transcript.proved("Consul starts: node and services are registered again by themselves");
}

/// The process of Nomad.
fn process(node: &Node<'_>) -> String {
    node.unit("nomad.service")["MainPID"].clone()
}

/// The task that runs: its process on the client, and its allocation on the server.
fn task(server: &Node<'_>, client: &Node<'_>) -> (String, String) {
    let allocations = server.nomad("/v1/job/proof/allocations").unwrap();
    let running = list(&allocations).filter(|one| one["ClientStatus"] == "running");
    let ids: Vec<String> = running.map(|one| text(&one["ID"])).collect();
    (client.ok(&["pgrep", "-x", "sleep"]), ids.join(" "))
}

fn until_passing(server: &Node<'_>, service: &str, at: &Node<'_>) {
    until(&format!("{service} passes on {}", at.name), SOON, || {
        let found = passing(server, service)?;
        let is_there = !found.is_empty() && found.iter().all(|name| *name == at.id);
        if is_there { Ok(()) } else { Err(format!("{found:?}")) }
    });
}
