//! The kernel forwards the packets of containers.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use std::time::Duration;

topics! {
    SET: "sysctl-wrong",
        "run `sysctl -w {key}={value}`; so that it stays: a file in /etc/sysctl.d of the image that no later file overrides";
}

/// The keys, and what tasks in containers need. A kernel without the key has no such switch.
const KEYS: [(&str, &str, &str); 2] = [
    ("net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward", "1"),
    ("net.bridge.bridge-nf-call-iptables", "/proc/sys/net/bridge/bridge-nf-call-iptables", "1"),
];

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
        timeout: Duration::from_secs(3),
        page: Page {
            means: "`net.ipv4.ip_forward` is 1, and so is `net.bridge.bridge-nf-call-iptables` where the kernel has it.",
            matters: "Without them, tasks in a bridge network reach nobody, and the rules for their ports have no effect.",
            look: &["sysctl net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables"],
            fixes: &[TOPICS],
            source: "https://developer.hashicorp.com/nomad/docs/install#post-installation-steps",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let values = futures_util::future::join_all(KEYS.map(|(_, path, _)| machine.text(path))).await;
    judge(&values)
}

fn judge(values: &[Option<String>]) -> Finding {
    for ((key, _, wanted), value) in KEYS.iter().zip(values) {
        if let Some(value) = value.as_deref().map(str::trim).filter(|value| value != wanted) {
            let found = format!("{key} = {value}");
            let hint = SET.with(&[("key", key), ("value", wanted)]);
            return Finding::Fail(Problem::new(found, format!("{key} = {wanted}"), hint));
        }
    }
    Finding::Pass(String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_the_kernel_lacks_is_no_finding() {
        let of = |forward: Option<&str>, bridge: Option<&str>| {
            judge(&[forward, bridge].map(|text| text.map(str::to_owned)))
        };
        assert!(of(Some("1\n"), Some("1\n")).passes());
        assert!(of(Some("1\n"), None).passes());
        assert!(matches!(of(Some("0\n"), None), Finding::Fail(_)));
        assert!(matches!(of(Some("1\n"), Some("0\n")), Finding::Fail(_)));
    }
}
