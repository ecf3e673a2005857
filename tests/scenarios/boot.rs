//! Boots: the first one of a whole cluster, and those of machines that have been there before.

use crate::lab::Lab;
use crate::lab::description::ten;
use crate::lab::managed::changed;
use crate::lab::node::Node;
use crate::lab::shell::SOON;
use crate::lab::table::table;
use crate::lab::tools::Consul;
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use crate::lab::whole::{leaderless, passing, service_job};
#[test]
fn ten_nodes_that_boot_at_once_become_a_cluster_that_runs_jobs() {
    cold_boot(Consul::Usual, Lab::of_terraform);
}

#[test]
fn ten_nodes_with_the_oldest_consul_become_a_cluster_that_runs_jobs() {
    cold_boot(Consul::Oldest, || Lab::with(Consul::Oldest, ten()));
}

fn cold_boot(consul: Consul, lab: impl FnOnce() -> Lab) {
    let title = format!("ten nodes that boot at once become a cluster of {consul}");
    let mut transcript = Transcript::begin(&title);
    let lab = lab();
    transcript.proved("the lab is made: network, AWS, ten machines without power");
    let after = lab.up();
    transcript.proved(&format!("all are ready\n{}", table(&lab, &after)));
    transcript.proved(&until("one Consul cluster", SOON, || lab.is_one_consul()));
    transcript.proved(&until("one Nomad cluster", SOON, || lab.is_one_nomad()));

    let server = lab.node("nomad-1");
    for client in lab.role("nomad-client") {
        let job = service_job(&format!("proof-{}", client.name), client.datacenter());
        server.put_nomad("/v1/jobs", &job).unwrap();
    }
    for client in lab.role("nomad-client") {
        let service = format!("proof-{}", client.name);
        until(&format!("{service} passes in Consul, beside its client"), SOON, || {
            let found = passing(&server, &service)?;
            if found == [client.id.as_str()] { Ok(()) } else { Err(format!("{found:?}")) }
        });
    }
    transcript.proved("a job runs in each of the four datacenters, and Consul knows its service");
    for node in lab.nodes() {
        assert_eq!(node.booted(), "running", "{}", node.name);
    }
    transcript.proved("systemd says `running` on all of them: no unit has failed, none waits");
}

#[test]
fn a_reboot_of_each_node_writes_nothing_and_loses_neither_identity_nor_quorum() {
    let mut transcript = Transcript::begin("a reboot of each node writes nothing");
    let lab = Lab::of_terraform();
    lab.up();
    until("one Consul cluster", SOON, || lab.is_one_consul());
    until("one Nomad cluster", SOON, || lab.is_one_nomad());
    transcript.proved("ten nodes are one cluster");
    for node in lab.nodes() {
        let was_leader = [lab.consul_leader(), lab.nomad_leader()]
            .iter()
            .flatten()
            .any(|leader| leader.name == node.name);
        let (disk, ids) = (node.managed(), node.identity());
        let others = servers_besides(&lab, &node);
        let mut after = 0.0;
        let gap = leaderless(&others, || {
            node.reboot();
            after = node.until_ready();
            until("one Consul cluster", SOON, || lab.is_one_consul());
            until("one Nomad cluster", SOON, || lab.is_one_nomad());
        });
        let written = changed(&disk, &node.managed());
        assert!(written.is_empty(), "the reboot of {} wrote {written:?}", node.name);
        assert_eq!(node.identity(), ids, "{} came back as another", node.name);
        let leader = if was_leader { ", which led," } else { "" };
        let gap = gap.as_secs_f64();
        transcript.proved(&format!(
            "{}{leader} was ready {after:.1} s after power; without a leader: {gap:.1} s",
            node.name
        ));
    }
}

/// The servers that go on.
fn servers_besides<'a>(lab: &'a Lab, node: &Node<'_>) -> Vec<Node<'a>> {
    let servers = [lab.role("consul-server"), lab.role("nomad-server")].concat();
    servers.into_iter().filter(|server| server.name != node.name).collect()
}
