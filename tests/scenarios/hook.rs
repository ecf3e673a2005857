//! The launch hook of an Auto Scaling group: an instance goes into service once it has joined.

use crate::doctor::ask::{WAITS, expect};
use crate::lab::Lab;
use crate::lab::aws::Call;
use crate::lab::description::servers;
use crate::lab::node::Node;
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::{throughout, until};
use crate::lab::whole::text;
use std::time::Duration;

const HOOK: &str = "joined";
const READY: &str = "cos-agent-ready.service";
/// Several times what a node needs to complete the hook once it has joined.
const LONG: Duration = Duration::from_secs(15);

#[test]
fn servers_held_by_a_launch_hook_elect_a_leader_and_each_completes_it_once() {
    let mut transcript = Transcript::begin("servers held by a launch hook");
    let mut machines = [servers("consul-server", 3), servers("nomad-server", 1)].concat();
    for machine in &mut machines[..3] {
        machine.tags.insert("cos:launch-hook".to_owned(), HOOK.to_owned());
    }
    let lab = Lab::new(machines);
    let held = lab.role("consul-server");
    for node in &held {
        lab.hold(node, "servers", HOOK);
    }
    let [first, second, late] = &held[..] else { panic!("three servers") };
    // One of them cannot tell its group, for as long as the test says.
    lab.aws.mode_for(late.address, "autoscaling", "throttle");

    first.boot();
    second.boot();
    for node in [first, second] {
        until(&format!("{} waits, and says so", node.name), SOON, || match hook(node) {
            words if words.contains("holds this instance until") => Ok(()),
            words => Err(words),
        });
    }
    throughout("two of three complete nothing", LONG, || match told(&lab, "") {
        calls if calls.is_empty() => Ok(()),
        calls => Err(format!("{calls:?}")),
    });
    let said = expect(first, "consul-leader", WAITS, "");
    let fix = said.fix("consul-leader");
    assert!(fix.contains("start the missing") && !fix.contains("reform"), "{fix}");
    transcript.proved("two of three servers have no leader, and tell the group nothing");

    late.boot();
    lab.node("nomad-1").boot();
    lab.until_ready();
    for node in [first, second] {
        until_in_service(&lab, node);
    }
    transcript.proved("the three, all held back, elect a leader, and two complete the hook");
    until("the third is throttled, and says so", SOON, || match hook(late) {
        words if words.contains("is not completed yet") && words.contains("Throttling") => Ok(()),
        words => Err(words),
    });
    assert_eq!(late.unit(READY)["ActiveState"], "active");
    assert_eq!(lab.aws.lifecycle(&late.id)["state"], "Pending:Wait");
    transcript
        .proved("the third is throttled: its unit is green all the same, and it goes on trying");
    lab.aws.mode_for(late.address, "autoscaling", "normal");
    until_in_service(&lab, late);
    transcript.proved("AWS answers again, and the third completes the hook too");

    first.reboot();
    first.until_ready();
    until("the record is read", SOON, || match hook(first) {
        words if words.contains("completed: this instance goes into service") => Ok(()),
        words => Err(words),
    });
    throughout("nothing is sent again", LONG, || {
        held.iter().try_for_each(|node| match told(&lab, &node.address.to_string()) {
            calls if accepted(&calls) == 1 => Ok(()),
            calls => Err(format!("{}: {calls:?}", node.name)),
        })
    });
    assert_eq!(told(&lab, &first.address.to_string()).len(), 1, "{:?}", lab.aws.calls());
    transcript.proved("after a reboot nothing is sent again: one call taken for each instance");
    let without = told(&lab, &lab.node("nomad-1").address.to_string());
    assert!(without.is_empty(), "{without:?}");
    transcript.proved("the server without the tag never called");
}

/// What the status says of the hook.
fn hook(node: &Node<'_>) -> String {
    let output = node.run(&["cos-agent", "status", "-o", "json"]);
    let status: serde_json::Value = serde_json::from_str(&output.stdout).unwrap_or_default();
    text(&status["record"]["launch_hook"])
}

/// The calls to Auto Scaling from an address, or from any.
fn told(lab: &Lab, caller: &str) -> Vec<Call> {
    let is_from = |call: &Call| caller.is_empty() || call.caller.to_string() == caller;
    let calls = lab.aws.calls().into_iter();
    calls.filter(|call| call.service == "autoscaling" && is_from(call)).collect()
}

/// How many of these completed the hook.
fn accepted(calls: &[Call]) -> usize {
    let completed = |call: &&Call| call.action == "CompleteLifecycleAction" && call.status == 200;
    calls.iter().filter(completed).count()
}

fn until_in_service(lab: &Lab, node: &Node<'_>) {
    until(&format!("{} is in service", node.name), 2 * SOON, || {
        let found = lab.aws.lifecycle(&node.id);
        if found["state"] == "InService" { Ok(()) } else { Err(found.to_string()) }
    });
}
