//! What watches a living cluster: Prometheus, its rules, the dashboard, and the health checks of the load balancer of the UIs.

use crate::lab::Lab;
use crate::lab::http;
use crate::lab::jobs::JOBS;
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use crate::lab::whole::{list, text};
use crate::modules::tree;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

/// Servers and clients of Consul and of Nomad that have metrics: three, three, four and four.
const TARGETS: usize = 14;
/// How long a rule may take: 30 s, and some rounds of 5 s.
const NOTICED: Duration = Duration::from_secs(120);
/// Three failed checks, 10 s apart, and an election that does not come.
const UNHEALTHY: Duration = Duration::from_secs(90);

/// Prometheus asks all servers and clients, and every panel of the dashboard has something to show.
pub(super) fn every_target_is_up(lab: &Lab, transcript: &mut Transcript) {
    until("every target is up", NOTICED, || {
        let found = prometheus(lab, "targets")?;
        let targets = list(&found["activeTargets"]);
        let up = targets.filter(|target| target["health"] == "up").count();
        if up == TARGETS { Ok(()) } else { Err(format!("{up}: {found}")) }
    });
    transcript.proved(&format!("Prometheus has all {TARGETS} targets up"));
    let dashboard = fs::read_to_string(tree().join(JOBS).join("dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    for panel in list(&dashboard["panels"]) {
        for target in list(&panel["targets"]) {
            let query = text(&target["expr"]);
            until(&format!("{} shows something", panel["title"]), SOON, || {
                let found = prometheus(lab, &format!("query?query={}", encoded(&query)))?;
                match list(&found["result"]).count() {
                    0 => Err(format!("{query}: {found}")),
                    _ => Ok(()),
                }
            });
        }
    }
    transcript.proved("every panel of the dashboard has something to show");
}

/// A rule names the node whose cable is cut, and it alone.
pub(super) fn a_node_that_is_cut_off_is_named(lab: &Lab, transcript: &mut Transcript) {
    let node = lab.node("private-services");
    let none = || match silent(lab)? {
        nodes if nodes.is_empty() => Ok(()),
        nodes => Err(format!("{nodes:?}")),
    };
    until("the rule is quiet", NOTICED, none);
    node.cut();
    let after = until("the rule names it", NOTICED, || match silent(lab)? {
        nodes if nodes == BTreeSet::from([node.id.clone()]) => Ok("it alone".to_owned()),
        nodes => Err(format!("{nodes:?}")),
    });
    node.heal();
    until("the rule forgets it", NOTICED, none);
    transcript.proved(&format!("a rule of Prometheus names the node that is cut off, {after}"));
}

/// The nodes for which the rule fires.
fn silent(lab: &Lab) -> Result<BTreeSet<String>, String> {
    let found = prometheus(lab, "alerts")?;
    let firing = list(&found["alerts"]).filter(|alert| alert["state"] == "firing");
    let of_rule = firing.filter(|alert| alert["labels"]["alertname"] == "NodeSilent");
    Ok(of_rule.map(|alert| text(&alert["labels"]["node"])).collect())
}

/// Without a leader no server is a healthy target of the load balancer, although the last one answers.
pub(super) fn pages_need_a_leader(lab: &Lab, transcript: &mut Transcript) {
    let stopped = [("nomad", 4646), ("consul", 8500)].map(|(daemon, port)| {
        let servers = lab.role(&format!("{daemon}-server"));
        for server in &servers[1..] {
            server.ok(&["systemctl", "stop", daemon]);
        }
        (daemon, port, servers)
    });
    for (daemon, port, servers) in &stopped {
        until(&format!("no {daemon} server is healthy"), UNHEALTHY, || {
            let healthy = lab.healthy_targets("-ui", daemon);
            if healthy.is_empty() { Ok(()) } else { Err(format!("{healthy:?}")) }
        });
        servers[0].get(*port, "/v1/agent/self").unwrap();
    }
    transcript
        .proved("without a leader no server is a healthy target, although the last one answers");
    for (daemon, _, servers) in &stopped {
        for server in &servers[1..] {
            server.ok(&["systemctl", "start", daemon]);
        }
    }
    for (daemon, _, servers) in &stopped {
        until(&format!("all {daemon} servers are healthy"), UNHEALTHY, || {
            let healthy = lab.healthy_targets("-ui", daemon);
            if healthy.len() == servers.len() { Ok(()) } else { Err(format!("{healthy:?}")) }
        });
    }
    transcript.proved("with a leader all of them are again");
}

/// An answer of Prometheus's API.
fn prometheus(lab: &Lab, path: &str) -> Result<Value, String> {
    let line = format!("GET /api/v1/{path}");
    let netns = lab.net.netns("backoffice");
    let (status, body) = http::request(&netns, lab.prometheus()?, &line, "", SOON)?;
    if status != 200 {
        return Err(format!("{path}: {status} {body}"));
    }
    let answer: Value = serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))?;
    Ok(answer["data"].clone())
}

/// A query as part of a URL.
fn encoded(query: &str) -> String {
    query
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
