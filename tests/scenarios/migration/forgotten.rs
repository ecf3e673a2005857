//! A step that somebody forgets: the tags of the old servers, or the parameter.

use super::{keep, kept, old};
use crate::doctor::ask::{WAITS, expect};
use crate::lab::Lab;
use crate::lab::description::Machine;
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::{throughout, until};
use cos_agent::simulate::NodeKind;
use std::time::Duration;

/// Says whether Consul's cluster has formed.
const FORMED: &str = "/cos/demo/formed/consul";

#[test]
#[ignore = "long: `tests/run --long`"]
fn a_forgotten_step_ends_in_a_second_cluster_only_without_tags_and_without_the_parameter() {
    let mut transcript = Transcript::begin("a forgotten step of the way over");
    let lab = Lab::new(old::consul_servers());
    old::up(&lab);
    let first = lab.node("old-consul-1");
    keep(&first, "from before");

    lab.aws.set_parameter(FORMED, "formed");
    launch(&lab, 1);
    for node in lab.role("consul-server") {
        until(&format!("{} says why it waits", node.name), SOON, || {
            let status = node.status_text();
            let words = ["can only join", "no leader: 3 of 3 servers"];
            if words.iter().all(|words| status.contains(words)) { Ok(()) } else { Err(status) }
        });
    }
    throughout("nobody leads", Duration::from_secs(10), || {
        for node in lab.role("consul-server") {
            let leader = node.consul("/v1/status/leader")?;
            assert_eq!(leader, "", "{}", node.name);
        }
        Ok(())
    });
    let said = expect(&lab.node("consul-1"), "consul-leader", WAITS, "");
    transcript.proved(&format!(
        "no tags, parameter `formed`: three new servers wait without a leader; the doctor says: {}",
        said.troubles().join("; ")
    ));
    tag(&lab);
    joined(&lab, 6);
    transcript
        .proved("the old servers get their tags: all six are one cluster, with the data of before");

    gone(&lab);
    lab.aws.set_parameter(FORMED, "no");
    launch(&lab, 4);
    joined(&lab, 6);
    transcript.proved(
        "tags, parameter `no`: three new servers join the old ones, although each of them may form a cluster",
    );

    gone(&lab);
    for node in old::nodes(&lab, "consul") {
        lab.tag(&node, "cos:consul-server", None);
    }
    lab.aws.set_parameter(FORMED, "no");
    launch(&lab, 7);
    for node in lab.role("consul-server") {
        node.until_ready();
        until("a second cluster", SOON, || old::voters(&node, 3));
        assert_eq!(kept(&node), "", "{}", node.name);
    }
    assert_eq!(kept(&first), "from before");
    until("three voters", SOON, || old::voters(&first, 3));
    transcript.proved(
        "no tags, parameter `no`: nothing tells the new servers of the old ones, and they form a second cluster; the example of \
         Terraform launches nothing then",
    );
}

/// The new servers leave, and are no more.
fn gone(lab: &Lab) {
    for node in lab.role("consul-server") {
        node.ok(&["consul", "leave"]);
        lab.terminate(&node);
    }
    until("three voters", SOON, || old::voters(&lab.node("old-consul-1"), 3));
}

/// Three new servers, all at once, with numbers from this on.
fn launch(lab: &Lab, first: u8) {
    for zone in 1..=3 {
        let name = format!("consul-{}", first + zone - 1);
        let kind = NodeKind::of("consul-server", None);
        lab.add(Machine::new(&name, &kind, 3, zone, 10 * first)).boot();
    }
}

fn tag(lab: &Lab) {
    for node in old::nodes(lab, "consul") {
        lab.tag(&node, "cos:cluster", Some("demo"));
        lab.tag(&node, "cos:consul-server", Some("demo"));
    }
}

/// All new servers are ready, everybody is in one cluster, and it is the old one.
fn joined(lab: &Lab, count: usize) {
    for node in lab.role("consul-server") {
        node.until_ready();
    }
    for node in lab.nodes() {
        until(&format!("{} sees one cluster", node.name), SOON, || {
            old::alive(&node, count).and_then(|()| old::voters(&node, count))
        });
        assert_eq!(kept(&node), "from before", "{}", node.name);
    }
}
