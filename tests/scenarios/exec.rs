//! Nomad 1.10.5 asks EC2 under a name that this VPC does not resolve. The rendered `exec=` form joins all the same.

use crate::lab::Lab;
use crate::lab::description::{clients, servers};
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::{throughout, until};
use std::time::Duration;

/// Nomad finds nobody through Consul.
const ALONE: &str = "[nomad.extra.consul]\nserver_auto_join = false\nclient_auto_join = false\nauto_advertise = false\n";
/// What a person would write who does not know of the trouble.
const BY_HAND: &str = "[Service]
ExecStartPre=/bin/sh /root/by-hand
ExecStart=
ExecStart=/usr/bin/nomad agent -config=/run/by-hand.json
";
const MAKES_IT: &str = r#"sed 's/exec=[^"]*/provider=aws region=eu-central-1 tag_key=cos:nomad-server tag_value=demo/' \
  /etc/nomad.d/cos.json >/run/by-hand.json
grep -q provider=aws /run/by-hand.json
"#;
const DROP_IN: &str = "/etc/systemd/system/nomad.service.d/lab.conf";
const NAME: &str = "ec2.eu-central-1.api.aws";

#[test]
fn nomad_joins_by_exec_where_its_own_way_to_ec2_has_no_address() {
    let mut transcript = Transcript::begin("Nomad joins by exec");
    let mut machines = [servers("consul-server", 1), servers("nomad-server", 3)].concat();
    machines.extend(clients(&["backoffice"]));
    for machine in &mut machines {
        machine.settings += ALONE;
    }
    let lab = Lab::new(machines);
    // Neither Consul nor the watch, which would join too: what is left is Nomad itself.
    lab.everywhere(|node| node.hold_off("cos-agent-watch.service"));
    let client = lab.node("backoffice");
    client.write(DROP_IN, BY_HAND);
    client.write("/root/by-hand", MAKES_IT);
    lab.boot_all();

    for server in lab.role("nomad-server") {
        server.until_ready();
        let rendered = server.read("/etc/nomad.d/cos.json");
        assert!(rendered.contains("exec=/usr/bin/cos-agent peers nomad-server"), "{rendered}");
        assert!(rendered.contains("\"server_auto_join\": false"), "{rendered}");
        let lookup = server.run(&["getent", "hosts", NAME]);
        assert!(!lookup.is_ok(), "{NAME} has an address: {lookup:?}");
    }
    let servers = lab.role("nomad-server");
    let raft = servers[0].nomad("/v1/operator/raft/configuration").unwrap();
    assert_eq!(raft["Servers"].as_array().unwrap().len(), 3, "{raft}");
    transcript.proved("three servers are one, with Consul's discovery off: they joined by exec");

    let log = until("the client asks EC2 by itself", SOON, || {
        let log = client.journal("nomad.service");
        let line = log.lines().find(|line| line.contains(NAME) && line.contains("no such host"));
        line.map(str::to_owned).ok_or_else(|| log.lines().last().unwrap_or("").to_owned())
    });
    throughout("the client does not join", Duration::from_secs(20), || match client.ready() {
        Ok(()) => Err("it joined".to_owned()),
        Err(_) => Ok(()),
    });
    transcript.proved(&format!("a client with `provider=aws` does not join:\n{log}"));

    client.ok(&["rm", DROP_IN]);
    client.ok(&["systemctl", "daemon-reload"]);
    client.ok(&["systemctl", "restart", "nomad.service"]);
    lab.until_ready();
    transcript.proved(&until("one Nomad cluster", SOON, || lab.is_one_nomad()));
    let asked = lab.aws.calls();
    let by_client = asked.iter().filter(|call| {
        call.caller == client.address && call.action == "DescribeInstances" && call.status == 200
    });
    assert!(by_client.count() > 0);
    transcript.proved("with what the agent rendered it does");
}
