//! Consul's gossip gets through by UDP, as far as Consul itself says.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::state::Daemon;
use crate::system::systemd::journal::{self, Line};
use crate::text::count;
use std::collections::BTreeSet;
use std::time::Duration;

topics! {
    BLOCKED: "gossip-udp-blocked",
        "allow UDP 8301 in both directions between the security groups of all nodes, beside the rule for TCP 8301, and in the network \
         ACLs; on this node and on {peers} look at `iptables -S | grep 8301` and `nft list ruleset | grep 8301`";
}

/// The time that is looked back. A peer is probed once in as many seconds as there are members.
const WITHIN: Duration = Duration::from_secs(120);
/// The shortest time after which the trouble is over.
const SHORTEST: Duration = Duration::from_secs(30);
/// A single line may be one lost packet.
const LINES: usize = 2;
/// memberlist 0.5 says "over TCP but UDP probes failed", 0.2 "but other probes failed" (`probeNode` in its `state.go`).
const BEGIN: &str = "Was able to connect to ";
const END: &str = " probes failed, network may be misconfigured";

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "net-consul-udp",
        title: "Consul's gossip gets through by UDP",
        group: Group::Network,
        roles: Role::ALL,
        needs: &[],
        explains: &["consul-joined", "consul-servers-alive", "consul-catalog", "consul-leader"],
        impact: Impact::Degraded,
        timeout: Duration::from_secs(4),
        page: Page {
            means: "In the last 2 minutes Consul has not logged twice that it reached a peer by TCP and not by UDP. No packet is \
                    sent: Consul probes a member every second by itself.",
            matters: "Consul tells by UDP 8301 who is alive. Without it members flap: they fail and come back, and their services \
                      with them.",
            look: &["journalctl -u consul --since -2min -g 'probes failed'", "consul members"],
            fixes: &[TOPICS],
            source: "https://developer.hashicorp.com/consul/docs/install/ports",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let path = &machine.system.environment.path;
    let lines = journal::aged(path, Daemon::Consul.unit(), WITHIN, Duration::from_secs(3)).await;
    let peers = match (&machine.daemons, lines.is_empty()) {
        (Some(daemons), false) => daemons.consul_members.get().await,
        _ => return judge(&lines, 0),
    };
    // Itself is among them.
    let alive =
        peers.as_ref().as_ref().map_or(1, |all| all.iter().filter(|one| one.is_alive()).count());
    judge(&lines, alive.saturating_sub(1))
}

/// The lines of Consul, on a node with so many live peers; 0 if that is unknown.
fn judge(lines: &[Line], alive: usize) -> Finding {
    let found: Vec<(&Line, &str)> = lines
        .iter()
        .filter(|line| line.age <= WITHIN)
        .filter_map(|line| Some((line, peer(&line.text)?)))
        .collect();
    // Each peer is probed once in as many seconds as there are members, so after twice that time the trouble is over.
    let is_over =
        Duration::from_secs(u64::try_from(2 * alive).unwrap_or(0)).clamp(SHORTEST, WITHIN);
    let is_now = |(line, _): &&(&Line, &str)| line.age <= is_over;
    let Some((newest, _)) = found.first().filter(is_now).filter(|_| found.len() >= LINES) else {
        return Finding::Pass("Consul logs no failed UDP probe".to_owned());
    };
    let peers: BTreeSet<&str> = found.iter().map(|(_, peer)| *peer).collect();
    let names = peers.iter().copied().take(3).collect::<Vec<_>>().join(", ");
    let words = format!(
        "Consul reaches {} by TCP and not by UDP ({}, the last {} s ago)",
        count(peers.len(), "peer"),
        count(found.len(), "failed probe"),
        newest.age.as_secs()
    );
    let evidence = found.iter().take(2).map(|(line, _)| message(&line.text).to_owned()).collect();
    let hint = BLOCKED.with(&[("peers", &names)]);
    let problem =
        Problem::new(words, "UDP 8301 gets through in both directions", hint).with(evidence);
    // One peer of many has the trouble itself.
    if 2 * peers.len() >= alive { Finding::Fail(problem) } else { Finding::Warn(problem) }
}

/// The peer of a line about failed probes. Names are instance IDs.
fn peer(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(BEGIN)?;
    let (before, _) = rest.split_once(END)?;
    before.split_whitespace().next()
}

/// The message in a line, which is JSON if Consul logs so.
fn message(text: &str) -> &str {
    let from = text.find(BEGIN).unwrap_or(0);
    let to = text.find(END).map_or(text.len(), |at| at + END.len());
    text.get(from..to).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(seconds: u64, text: &str) -> Line {
        Line { age: Duration::from_secs(seconds), text: text.to_owned() }
    }

    const JSON: &str = r#"{"@level":"warn","@message":"Was able to connect to i-2 over TCP but UDP probes failed, network may be misconfigured","@module":"agent.client.memberlist.lan"}"#;
    const OLD: &str = "2026-11-22T19:04:05Z [WARN] agent.client.memberlist.lan: memberlist: Was able to connect to i-3 but other probes failed, network may be misconfigured";

    #[test]
    fn two_failed_probes_in_two_minutes_are_a_finding() {
        let other = line(1, r#"{"@message":"Refuting a suspect message (from: i-2)"}"#);
        for quiet in [
            vec![],
            vec![line(1, JSON)],
            vec![line(1, JSON), other.clone()],
            vec![line(1, JSON), line(121, JSON)],
        ] {
            assert!(matches!(judge(&quiet, 9), Finding::Pass(_)), "{quiet:?}");
        }
        let over = [line(40, JSON), line(70, OLD)];
        assert!(matches!(judge(&over, 9), Finding::Pass(_)), "it is over");
        assert!(matches!(judge(&over, 99), Finding::Warn(_)), "each is probed seldom");
        let all = [other, line(5, JSON), line(70, OLD), line(110, JSON)];
        assert!(matches!(judge(&all, 9), Finding::Warn(_)), "2 of 9 peers");
        let Finding::Fail(problem) = judge(&all, 3) else { panic!("UDP is blocked") };
        assert_eq!(
            problem.found,
            "Consul reaches 2 peers by TCP and not by UDP (3 failed probes, the last 5 s ago)"
        );
        assert!(problem.hint.text.contains("on i-2, i-3 look at"), "{}", problem.hint.text);
        assert_eq!(
            problem.evidence[0],
            "Was able to connect to i-2 over TCP but UDP probes failed, network may be misconfigured"
        );
    }
}
