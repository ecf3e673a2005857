//! The lab itself: each fault that scenarios use is real, and each ends.

use crate::lab::Lab;
use crate::lab::description::{Machine, clients, servers};
use crate::lab::net::AWS;
use crate::lab::node::Node;
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use serde_json::json;
use std::net::Ipv4Addr;

#[test]
fn each_fault_of_the_lab_is_real_and_ends() {
    let mut transcript = Transcript::begin("each fault of the lab is real");
    let lab = Lab::new([servers("consul-server", 1), clients(&["backoffice"])].concat());
    lab.boot_all();
    let (server, client) = (lab.node("consul-1"), lab.node("backoffice"));
    server.until_ready();
    until("the client has joined", SOON, || client.consul("/v1/status/leader"));

    server.cut();
    assert!(!reaches(&client, server.address));
    server.heal();
    until_reached(&client, server.address);
    lab.partition(&[&server]);
    assert!(!reaches(&client, server.address) && reaches(&server, AWS));
    lab.heal_partition();
    until_reached(&client, server.address);
    lab.net.lossy(client.address, 30);
    let pings = client.run(&["ping", "-q", "-c", "60", "-i", "0.01", "-W", "1", "10.20.0.2"]);
    assert!(!pings.stdout.contains(" 0% packet loss") && pings.is_ok(), "{pings:?}");
    lab.net.heal_all();
    transcript
        .proved("a cable is cut, the network is split, packets are lost; AWS is in each part");

    let status = |node: &Node<'_>| {
        let url = "http://169.254.169.254/latest/meta-data/instance-id";
        node.run(&["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url]).stdout
    };
    assert_eq!(status(&client), "401");
    client.metadata(&["off"]);
    assert_eq!(status(&client), "403");
    client.metadata_gone();
    assert_eq!(status(&client), "000");
    client.metadata_on();
    assert_eq!(status(&client), "401");
    transcript.proved("the metadata service goes, comes, and has faults");

    let peers = || client.ok(&["cos-agent", "peers", "consul-server"]);
    assert_eq!(peers().trim(), server.address.to_string());
    lab.aws.hide(client.address, &server.id);
    assert_eq!(peers(), "");
    lab.aws.hide_nothing();
    assert_eq!(peers().trim(), server.address.to_string());
    transcript.proved("EC2 does not tell one caller of one instance");

    client.freeze("consul.service");
    assert!(client.consul("/v1/agent/self").is_err());
    client.thaw("consul.service");
    until("Consul answers again", SOON, || client.consul("/v1/agent/self"));
    client.ok(&["sh", "-c", "echo here >/root/file && sync /root/file"]);
    client.power_cut();
    assert!(!client.is_on() && !reaches(&server, client.address));
    client.boot();
    until("Consul answers again", SOON, || client.consul("/v1/agent/self"));
    assert_eq!(client.read("/root/file"), "here\n");
    client.power_cut();
    client.wipe();
    assert!(!client.path("/root/file").exists());
    transcript.proved("a frozen process goes on, a power cut keeps the disk, a wipe does not");

    let further = lab.add(Machine::client("backoffice-2", "backoffice", 2, 40));
    further.boot();
    until_reached(&server, further.address);
    lab.tag(&further, "Owner", Some("somebody"));
    lab.terminate(&further);
    let asked = json!({ "InstanceIds": [further.id] });
    let found = lab.aws.call("ec2", "describe_instances", &asked);
    assert_eq!(found["Reservations"][0]["Instances"][0]["State"]["Name"], "terminated");
    assert!(lab.nodes().iter().all(|node| node.name != further.name));
    transcript.proved("an instance is launched, tagged and terminated");
}

fn reaches(node: &Node<'_>, address: Ipv4Addr) -> bool {
    node.run(&["ping", "-c", "1", "-W", "1", &address.to_string()]).is_ok()
}

fn until_reached(node: &Node<'_>, address: Ipv4Addr) {
    until(&format!("{} reaches {address}", node.name), SOON, || {
        if reaches(node, address) { Ok(()) } else { Err("no answer".to_owned()) }
    });
}
