//! Servers that EC2 does not tell of each other, or of too many.

use crate::doctor::ask::{BROKEN, WAITS, expect};
use crate::lab::Lab;
use crate::lab::description::servers;
use crate::lab::node::Node;
use crate::lab::shell::SOON;
use crate::lab::tools::Consul;
use crate::lab::transcript::Transcript;
use crate::lab::wait::{throughout, until};
use crate::lab::whole::{leaders_named, list, text};
use std::time::Duration;

const WATCH: &str = "cos-agent-watch.service";
/// How long EC2 tells each server of itself alone.
const EVENTUALLY: Duration = Duration::from_secs(40);
/// Twice Consul's `retry_interval`.
const LONG: Duration = Duration::from_secs(30);

#[test]
fn servers_that_each_saw_only_themselves_become_one_cluster_without_a_restart() {
    joined_again(Consul::Usual);
}

#[test]
fn servers_of_the_oldest_consul_that_each_saw_only_themselves_become_one_cluster() {
    joined_again(Consul::Oldest);
}

fn joined_again(consul: Consul) {
    let title = format!("servers of {consul} that each saw only themselves become one");
    let mut transcript = Transcript::begin(&title);
    let lab = Lab::with(consul, servers("consul-server", 3));
    lab.aws.each_sees_itself(&lab.nodes());
    lab.boot_all();
    until_joined_with_themselves(&lab);
    let before = processes(&lab);
    let leaders = leaders_named(&lab.nodes(), || {
        throughout("each server is alone", EVENTUALLY, || all_alone(&lab));
        expect(&lab.node("consul-1"), "aws-autodiscovery", WAITS, "wait for the other servers");
        transcript
            .proved("for 40 s each sees itself alone; nobody leads, Consul has stopped asking");
        lab.aws.hide_nothing();
        until("one Consul cluster", SOON, || lab.is_one_consul());
        transcript.proved("EC2 tells of all three, and they are one cluster");
        throughout("it stays one", Duration::from_secs(5), || lab.is_one_consul().map(drop));
    });
    assert_eq!(leaders.len(), 1, "{leaders:?} were named leader");
    assert_eq!(processes(&lab), before, "Consul was restarted");
    lab.until_ready();
    transcript.proved("one leader was ever named, no Consul was restarted, all are ready");
    joined_by_the_watch(&lab);
    transcript.proved("the watch says, in status and log, whom it joined");
}

#[test]
fn consul_alone_never_asks_again_and_the_watch_heals_it() {
    let mut transcript = Transcript::begin("Consul alone never asks again and the watch heals it");
    let lab = Lab::new(servers("consul-server", 3));
    lab.everywhere(|node| node.hold_off(WATCH));
    lab.aws.each_sees_itself(&lab.nodes());
    lab.boot_all();
    until_joined_with_themselves(&lab);
    lab.aws.hide_nothing();
    let (before, calls) = (processes(&lab), lab.aws.calls().len());
    throughout("without the watch they stay apart", LONG, || all_alone(&lab));
    assert_eq!(lab.aws.calls().len(), calls, "somebody asked AWS: {:?}", lab.aws.calls());
    expect(&lab.node("consul-1"), "units-state", BROKEN, "cos-agent apply");
    transcript.proved("EC2 tells of all three for 30 s, and Consul, left alone, does not ask it");

    lab.everywhere(|node| node.release(WATCH));
    until("one Consul cluster", SOON, || lab.is_one_consul());
    lab.until_ready();
    assert_eq!(processes(&lab), before, "Consul was restarted");
    joined_by_the_watch(&lab);
    transcript.proved("the watch is started, and makes them one without a restart of Consul");
}

/// Waits until the auto-join of each Consul has found a server, itself, and has ended for good.
fn until_joined_with_themselves(lab: &Lab) {
    for node in lab.nodes() {
        until(&format!("Consul of {} has joined itself", node.name), SOON, || {
            let journal = node.journal("consul.service");
            let ended = journal.contains("Join cluster completed");
            if ended { Ok(()) } else { Err(journal.lines().last().unwrap_or("").to_owned()) }
        });
    }
}

/// No server knows another, or a leader.
fn all_alone(lab: &Lab) -> Result<(), String> {
    for node in lab.nodes() {
        let leader = node.consul("/v1/status/leader")?;
        let members = node.consul("/v1/agent/members")?;
        if leader != "" || list(&members).count() != 1 {
            return Err(format!("{}: leader {leader}, members {members}", node.name));
        }
    }
    Ok(())
}

fn processes(lab: &Lab) -> Vec<String> {
    lab.nodes().iter().map(|node| node.main_pid("consul.service")).collect()
}

/// Somebody's watch made the join, and says so in status and log.
fn joined_by_the_watch(lab: &Lab) {
    let says = |node: &Node<'_>| {
        let last = text(&node.status()["record"]["watch"]["last_join"]);
        let is_logged = node.journal(WATCH).contains("Consul: joined 10.20.");
        (last.contains("Consul: joined 10.20.") && is_logged, last)
    };
    let said: Vec<_> = lab.nodes().iter().map(says).collect();
    assert!(said.iter().any(|(both, _)| *both), "{said:?}");
}
