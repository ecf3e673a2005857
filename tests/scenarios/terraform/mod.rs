//! What Terraform makes is what the nodes get: tags, roles, addresses and security groups. With that and nothing else they form a
//! COS, and every row is missed when it is closed.

mod replaced;
mod rights;

use crate::doctor::ask::{ask, until_healthy};
use crate::lab::Lab;
use crate::lab::node::Node;
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use std::collections::BTreeSet;
use std::time::Duration;

/// The rows whose use a lab cannot show, and why.
const NOT_PLAYED: [(&str, &str); 5] = [
    ("internet-in", "the lab has no internet"),
    ("internet-out", "the same; it carries what content-connector sends to the cluster"),
    ("ingress", "the lab has no load balancer"),
    ("ingress-check", "the lab has no load balancer"),
    ("s3", "the registry of the lab has its layers itself"),
];
/// A port of the tasks.
const TASK: u16 = 20_000;
/// How long a daemon or the doctor may take to miss something.
const MISSED: Duration = Duration::from_secs(90);

/// Who misses a row that is closed.
enum Proof {
    /// A check of the doctor on this node.
    Check(&'static str, &'static str),
    /// A connection from this node to a port of that one.
    Request(&'static str, &'static str, u16),
    /// A line in the journal of a unit of this node.
    Journal(&'static str, &'static str, &'static str),
}
use Proof::{Check, Journal, Request};

const ROWS: [(&str, Proof); 11] = [
    ("gossip-tcp", Check("private-services", "net-consul-servers")),
    ("gossip-udp", Check("private-services", "net-consul-udp")),
    ("consul-rpc", Check("private-services", "net-consul-servers")),
    ("nomad-rpc-servers", Check("nomad-1", "net-nomad-servers")),
    ("nomad-rpc-clients", Check("private-services", "net-nomad-servers")),
    ("nomad-gossip-tcp", Check("nomad-1", "net-nomad-servers")),
    ("nomad-gossip-udp", Journal("nomad-1", "nomad", "UDP probes failed")),
    ("consul-ui", Request("backoffice", "consul-1", 8500)),
    ("nomad-ui", Request("backoffice", "nomad-1", 4646)),
    ("tasks", Request("backoffice", "public-services", TASK)),
    ("endpoints-0", Check("private-services", "aws-endpoint-ec2")),
];

#[test]
fn ten_nodes_of_terraform_form_a_cos() {
    let mut transcript = Transcript::begin("ten nodes of Terraform form a COS");
    let lab = Lab::of_terraform();
    lab.start_registries();
    transcript
        .proved("EC2, IAM, SSM and Auto Scaling have what Terraform makes, and ten instances");
    lab.up();
    transcript.proved(&until("one Consul cluster", SOON, || lab.is_one_consul()));
    transcript.proved(&until("one Nomad cluster", SOON, || lab.is_one_nomad()));
    for node in lab.nodes() {
        until(&format!("the launch hook of {} is completed", node.name), SOON, || {
            let found = lab.aws.lifecycle(&node.id);
            if found["state"] == "InService" { Ok(()) } else { Err(found.to_string()) }
        });
    }
    transcript.proved("all launch hooks are completed");
    lab.everywhere(|node| drop(until_healthy(node)));
    transcript.proved("the doctor finds nothing on any of them");
    assert_eq!(lab.refused(), [""; 0], "the rows lack what a daemon needs");
    transcript.proved("no packet was refused");

    let [backoffice, stranger] = ["backoffice", "private-services"].map(|name| lab.node(name));
    lab.node("public-services").serve(TASK);
    for (to, port) in [("consul-1", 8500), ("nomad-1", 4646), ("public-services", TASK)] {
        assert!(connects(&backoffice, &lab.node(to), port), "{to}:{port} from backoffice");
        let expected = port == TASK;
        assert_eq!(connects(&stranger, &lab.node(to), port), expected, "{to}:{port}");
    }
    transcript.proved("metrics and UIs are reached from backoffice alone, tasks from every client");

    let counters = lab.counters();
    let unused: BTreeSet<&str> = counters
        .iter()
        .filter(|(_, packets)| **packets == 0)
        .map(|(name, _)| name.split(' ').next().unwrap())
        .collect();
    let not_played = NOT_PLAYED.map(|(row, _)| row);
    let proved: BTreeSet<&str> = ROWS.iter().map(|(row, _)| *row).chain(not_played).collect();
    for name in counters.keys() {
        let row = name.split(' ').next().unwrap();
        assert!(proved.contains(row), "nobody shows who misses {row}");
    }
    let superfluous: Vec<_> = unused.iter().filter(|row| !not_played.contains(row)).collect();
    assert!(superfluous.is_empty(), "nothing used {superfluous:?}: {counters:#?}");
    transcript.proved(&format!("every row was used, but {}", not_played.join(", ")));
}

#[test]
#[ignore = "long: `tests/run --long`"]
fn every_row_is_missed_when_it_is_closed() {
    let mut transcript = Transcript::begin("every row is missed when it is closed");
    let lab = healthy();
    lab.node("public-services").serve(TASK);
    for (row, proof) in &ROWS {
        let before = proof.lines(&lab);
        lab.close_row(row);
        let missed = until(&format!("{row} is missed"), MISSED, || proof.misses(&lab, before));
        lab.open_row();
        lab.everywhere(|node| drop(until_healthy(node)));
        transcript.proved(&format!("{row}: {missed}"));
    }
}

impl Proof {
    /// Who misses the row; what was found where nobody does.
    fn misses(&self, lab: &Lab, before: usize) -> Result<String, String> {
        match self {
            Check(on, id) => {
                let said = ask(&lab.node(on));
                let failed = said.with("fail");
                let found = failed.iter().any(|check| check.starts_with(&format!("{id:?}")));
                let who = format!("the check {id} on {on}");
                if found { Ok(who) } else { Err(format!("{who} passes; {failed:?} fail")) }
            }
            Request(from, to, port) => {
                let who = format!("a request from {from} to {to}:{port}");
                if connects(&lab.node(from), &lab.node(to), *port) {
                    Err(format!("{who} succeeds"))
                } else {
                    Ok(who)
                }
            }
            Journal(on, unit, words) => {
                let who = format!("{unit} on {on}: {words}");
                if self.lines(lab) > before {
                    Ok(who)
                } else {
                    Err(format!("not in the journal: {words}"))
                }
            }
        }
    }

    /// How often a journal has its words so far.
    fn lines(&self, lab: &Lab) -> usize {
        match self {
            Journal(on, unit, words) => lab.node(on).journal(unit).matches(words).count(),
            Check(..) | Request(..) => 0,
        }
    }
}

/// Ten nodes on which the doctor finds nothing.
fn healthy() -> Lab {
    let lab = Lab::of_terraform();
    lab.start_registries();
    lab.up();
    lab.everywhere(|node| drop(until_healthy(node)));
    lab
}

/// Whether a node can connect to a port of another one.
fn connects(from: &Node<'_>, to: &Node<'_>, port: u16) -> bool {
    let script = format!("exec 3<>/dev/tcp/{}/{port}", to.address);
    from.run(&["timeout", "2", "bash", "-c", &script]).is_ok()
}
