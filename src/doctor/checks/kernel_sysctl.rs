//! The kernel forwards the packets of containers.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::{Topic, topics};
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::state::DOCKER;
use crate::system::root::Root;
use std::time::Duration;

topics! {
    FORWARD: "sysctl-ip-forward",
        "run `sysctl -w net.ipv4.ip_forward=1`; then find what sets it to 0 with `grep -rs ip_forward /etc/sysctl.conf /etc/sysctl.d \
         /run/sysctl.d /usr/lib/sysctl.d` and correct it";
    BRIDGE: "sysctl-bridge-nf-call",
        "run `sysctl -w net.bridge.bridge-nf-call-iptables=1`; then find what sets it to 0 with `grep -rs bridge-nf-call \
         /etc/sysctl.conf /etc/sysctl.d /run/sysctl.d /usr/lib/sysctl.d` and correct it";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "kernel-sysctl",
        title: "the kernel forwards the packets of containers",
        group: Group::Machine,
        roles: &[Role::NomadClient],
        needs: &[],
        explains: &[],
        impact: Impact::Degraded,
        timeout: Duration::from_secs(4),
        page: Page {
            means: "While docker runs, `net.ipv4.ip_forward` is 1. If the module br_netfilter is loaded, \
                    `net.bridge.bridge-nf-call-iptables` is 1.",
            matters: "Without forwarding, containers reach nothing outside the node. If bridged packets pass iptables by, tasks \
                      on one node cannot reach each other through published ports.",
            look: &["sysctl net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables"],
            fixes: &[TOPICS],
            source: "https://developer.hashicorp.com/nomad/docs/networking/cni",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

/// A sysctl that containers need.
struct Row {
    /// Its name and its file.
    name: &'static str,
    path: &'static str,
    /// The only value that does harm.
    harmful: &'static str,
    /// The finding about that value.
    finding: fn(Problem) -> Finding,
    /// What the value means.
    means: &'static str,
    topic: Topic,
}

/// The worst first.
const ROWS: [Row; 2] = [
    Row {
        name: "net.ipv4.ip_forward",
        path: "/proc/sys/net/ipv4/ip_forward",
        harmful: "0",
        finding: Finding::Fail,
        means: "containers cannot reach anything outside this node",
        topic: FORWARD,
    },
    Row {
        name: "net.bridge.bridge-nf-call-iptables",
        path: "/proc/sys/net/bridge/bridge-nf-call-iptables",
        harmful: "0",
        finding: Finding::Warn,
        means: "tasks on this node cannot reach each other through published ports",
        topic: BRIDGE,
    },
];

async fn probe(machine: &Machine) -> Finding {
    let read = |root: &Root| ROWS.map(|row| value(root, row.path));
    let (values, units) =
        futures_util::future::join(machine.files(read), machine.units.get()).await;
    let Some(values) = values else { return super::broken() };
    let docker = units.as_ref().as_ref().ok().and_then(|units| units.get(DOCKER));
    // docker sets both when it starts, if they are needed.
    if docker.is_some_and(|docker| docker.active == "active") {
        judge(&values)
    } else {
        Finding::Pass("docker does not run".to_owned())
    }
}

fn value(root: &Root, path: &str) -> Option<String> {
    let bytes = root.read(path).ok().flatten()?;
    Some(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// The values in the order of the rows; `None` if the kernel has no such file.
fn judge(values: &[Option<String>; ROWS.len()]) -> Finding {
    let wrong = ROWS.iter().zip(values).find(|(row, value)| value.as_deref() == Some(row.harmful));
    let Some((row, value)) = wrong else {
        return Finding::Pass("packets are forwarded".to_owned());
    };
    let value = value.as_deref().unwrap_or_default();
    let found = format!("{} = {value}, so {}", row.name, row.means);
    (row.finding)(Problem::new(found, format!("{} = 1", row.name), row.topic.plain()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_value_that_does_harm_is_found() {
        let value = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        for (forward, bridge, expected) in [
            ("1", "1", ""),
            ("1", "", ""),
            ("", "", ""),
            ("0", "0", "sysctl-ip-forward"),
            ("0", "", "sysctl-ip-forward"),
            ("1", "0", "sysctl-bridge-nf-call"),
        ] {
            let finding = judge(&[value(forward), value(bridge)]);
            let found = finding.problem().map_or("", |problem| problem.hint.id);
            assert_eq!(found, expected, "{forward:?} {bridge:?}");
            assert_eq!(matches!(finding, Finding::Fail(_)), forward == "0");
        }
    }
}
