//! What Terraform makes is what the nodes get: tags, roles, addresses and security groups. With that and nothing else they form a
//! COS, and every row is missed when it is closed.

mod replaced;
mod rights;

use crate::doctor::ask::{ask, until_healthy};
use crate::jobs;
use crate::lab::Lab;
use crate::lab::net::OUTSIDE;
use crate::lab::registry::ecr;
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use std::collections::BTreeSet;
use std::time::Duration;

/// The load balancers, as networks of the lab.
const INGRESS: &str = "cos-demo-ingress";
const UI: &str = "cos-demo-ui";
/// A port of the tasks.
const TASK: u16 = 20_000;
/// How long a daemon or the doctor may take to miss something.
const MISSED: Duration = Duration::from_secs(90);

/// Who misses a row that is closed.
enum Proof {
    /// A check of the doctor on this node.
    Check(&'static str, &'static str),
    /// A connection from this node to a port of that one; load balancers and the internet are also meant.
    Request(&'static str, &'static str, u16),
    /// A pull from ECR on this node.
    Pull(&'static str),
    /// A line in the journal of a unit of this node.
    Journal(&'static str, &'static str, &'static str),
}
use Proof::{Check, Journal, Pull, Request};

const ROWS: [(&str, Proof); 20] = [
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
    ("internet-in", Request("internet", INGRESS, 443)),
    ("ingress", Request(INGRESS, "public-services", 9999)),
    ("ingress-check", Request(INGRESS, "public-services", 9998)),
    ("internet-out", Request("content-connector", "internet", 443)),
    ("ui-in-consul-10.20.0.0/16", Request("content-connector", UI, 8501)),
    ("ui-in-nomad-10.20.0.0/16", Request("content-connector", UI, 4646)),
    ("ui-consul", Request(UI, "consul-1", 8500)),
    ("ui-nomad", Request(UI, "nomad-1", 4646)),
    ("s3", Pull("backoffice")),
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

    for (to, port) in [("consul-1", 8500), ("nomad-1", 4646)] {
        assert!(connects(&lab, "backoffice", to, port), "{to}:{port} from backoffice");
        assert!(!connects(&lab, "private-services", to, port), "{to}:{port}");
    }
    transcript.proved("metrics and UIs are reached from backoffice alone");
    jobs::live(&lab, &mut transcript);

    let counters = lab.counters();
    let unused: BTreeSet<&str> = counters
        .iter()
        .filter(|(_, packets)| **packets == 0)
        .map(|(name, _)| name.split(' ').next().unwrap())
        .collect();
    let proved: BTreeSet<&str> = ROWS.iter().map(|(row, _)| *row).collect();
    for name in counters.keys() {
        let row = name.split(' ').next().unwrap();
        assert!(proved.contains(row), "nobody shows who misses {row}");
    }
    assert!(unused.is_empty(), "nothing used {unused:?}: {counters:#?}");
    transcript.proved("every row was used");
}

#[test]
#[ignore = "long: `tests/run --long`"]
fn every_row_is_missed_when_it_is_closed() {
    let mut transcript = Transcript::begin("every row is missed when it is closed");
    let lab = healthy();
    lab.node("backoffice").push_image(&image());
    for port in [TASK, 9998, 9999] {
        lab.serve_in("public-services", port);
    }
    lab.serve_in("internet", 443);
    lab.net.route("content-connector", OUTSIDE);
    for (row, proof) in &ROWS {
        let before = proof.lines(&lab);
        until(&format!("{row} is used"), SOON, || proof.works(&lab));
        lab.close_row(row);
        let missed = until(&format!("{row} is missed"), MISSED, || proof.misses(&lab, before));
        lab.open_row();
        lab.everywhere(|node| drop(until_healthy(node)));
        transcript.proved(&format!("{row}: {missed}"));
    }
}

impl Proof {
    /// Whether what misses the row succeeds while it is open; checks have passed then, and journals say nothing.
    fn works(&self, lab: &Lab) -> Result<(), String> {
        match self {
            Request(..) | Pull(_) => match self.misses(lab, 0) {
                Ok(who) => Err(format!("{who} fails")),
                Err(_) => Ok(()),
            },
            Check(..) | Journal(..) => Ok(()),
        }
    }

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
                if connects(lab, from, to, *port) {
                    Err(format!("{who} succeeds"))
                } else {
                    Ok(who)
                }
            }
            Pull(from) => {
                let (node, image) = (lab.node(from), image());
                let who = format!("a pull on {from}");
                let pull = ["timeout", "10", "docker", "--config", "/etc/docker", "pull", &image];
                if !node.run(&pull).is_ok() {
                    return Ok(who);
                }
                // The next one begins anew.
                node.ok(&["docker", "image", "rm", &image]);
                Err(format!("{who} succeeds"))
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
            Check(..) | Request(..) | Pull(_) => 0,
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

/// An image in ECR whose layers nobody has.
fn image() -> String {
    format!("{}/demo/app:1", ecr())
}

/// Whether a port can be connected to from a network of the lab: a node, a load balancer, or the internet.
pub(crate) fn connects(lab: &Lab, from: &str, to: &str, port: u16) -> bool {
    let script = format!("exec 3<>/dev/tcp/{}/{port}", lab.address_in(to));
    lab.run_in(from, &["timeout", "2", "bash", "-c", &script]).is_ok()
}
