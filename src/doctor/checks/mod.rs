//! The checks, one file each. To add one: a file here with its `CHECK`, and a line in [`CHECKS`].

mod agent_privileges;
mod aws_autodiscovery;
mod aws_endpoint_ec2;
mod aws_endpoint_ecr;
mod aws_endpoint_ssm;
mod boot_phases;
mod ca_trust;
mod clock_sync;
mod config_drift;
mod config_operator;
mod config_running;
mod config_valid;
mod consul_raft;
mod consul_servers_alive;
mod data_owner;
mod disk_space;
mod dns_consul;
mod dns_override;
mod dns_resolvers;
mod docker_daemon;
mod ecr_docker_config;
mod ecr_helper;
mod ecr_reasons;
mod ecr_token;
mod endpoints;
mod iam_credentials;
mod identity_unique;
mod imds_events;
mod imds_hop_limit;
mod imds_identity;
mod imds_reachable;
mod kernel_cgroups;
mod kernel_features;
mod kernel_sysctl;
mod limits_nofile;
mod machine_apparmor;
mod machine_memory;
mod net_consul_servers;
mod net_consul_udp;
mod net_link;
mod net_listeners;
mod net_nomad_servers;
mod nomad_client_eligible;
mod nomad_consul_link;
mod nomad_drivers;
mod nomad_joined;
mod nomad_raft;
mod nomad_servers_alive;
mod plan_made;
mod raft;
mod role_drift;
mod role_resolved;
mod servers;
mod settings_valid;
mod starting;
mod tags_required;
mod tags_source;
mod tls_expiry;
mod units_config;
mod units_state;
mod version_skew;

use super::Check;
use super::machine::Machine;
use crate::exit::hint::topics;
use crate::gates::checks::{self as gates, Gate};
use crate::gates::{About, Finding, Problem};
use crate::role::Role;
use crate::state::AGENT;
use crate::system::systemd::unit_facts::UnitFacts;
use Entry::{Gate as Of, Own};
use std::collections::BTreeMap;

/// A check of the doctor, or a gate, which it asks as well.
pub enum Entry {
    /// A check of the doctor.
    Own(&'static Check),
    /// A gate of `wait`, `watch` and the ready unit.
    Gate(&'static Gate),
}

/// The check that says what the node is.
pub(super) const ROLE: &str = "role-resolved";

/// Every check. Each comes after those that it needs; this is the order in which people read them.
pub static CHECKS: &[Entry] = &[
    Own(&agent_privileges::CHECK),
    Own(&boot_phases::CHECK),
    Own(&disk_space::CHECK),
    Own(&machine_memory::CHECK),
    Own(&limits_nofile::CHECK),
    Own(&kernel_sysctl::CHECK),
    Own(&kernel_features::CHECK),
    Own(&machine_apparmor::CHECK),
    Own(&clock_sync::CHECK),
    Own(&kernel_cgroups::CHECK),
    Own(&imds_reachable::CHECK),
    Own(&imds_identity::CHECK),
    Own(&imds_events::CHECK),
    Own(&tags_source::CHECK),
    Own(&tags_required::CHECK),
    Own(&role_resolved::CHECK),
    Own(&role_drift::CHECK),
    Own(&identity_unique::CHECK),
    Own(&iam_credentials::CHECK),
    Own(&aws_endpoint_ec2::CHECK),
    Own(&aws_endpoint_ssm::CHECK),
    Own(&aws_endpoint_ecr::CHECK),
    Own(&aws_autodiscovery::CHECK),
    Own(&imds_hop_limit::CHECK),
    Own(&settings_valid::CHECK),
    Own(&net_link::CHECK),
    Own(&net_listeners::CHECK),
    Own(&net_consul_servers::CHECK),
    Own(&net_consul_udp::CHECK),
    Own(&net_nomad_servers::CHECK),
    Own(&dns_override::CHECK),
    Own(&dns_resolvers::CHECK),
    Own(&plan_made::CHECK),
    Own(&config_operator::CHECK),
    Own(&config_drift::CHECK),
    Own(&config_running::CHECK),
    Own(&config_valid::CHECK),
    Own(&data_owner::CHECK),
    Own(&ca_trust::CHECK),
    Own(&tls_expiry::CHECK),
    Own(&units_config::CHECK),
    Own(&units_state::CHECK),
    Of(&gates::consul_agent_api::CHECK),
    Own(&consul_servers_alive::CHECK),
    Own(&dns_consul::CHECK),
    Of(&gates::consul_joined::CHECK),
    Of(&gates::consul_leader::CHECK),
    Of(&gates::consul_catalog::CHECK),
    Own(&consul_raft::CHECK),
    Own(&version_skew::CHECK),
    Of(&gates::nomad_agent_api::CHECK),
    Own(&nomad_servers_alive::CHECK),
    Own(&nomad_joined::CHECK),
    Of(&gates::nomad_leader::CHECK),
    Own(&nomad_raft::CHECK),
    Of(&gates::nomad_node_ready::CHECK),
    Own(&nomad_client_eligible::CHECK),
    Own(&nomad_drivers::CHECK),
    Own(&nomad_consul_link::CHECK),
    Own(&docker_daemon::CHECK),
    Own(&ecr_helper::CHECK),
    Own(&ecr_docker_config::CHECK),
    Own(&ecr_token::CHECK),
];

topics! {
    NODE_UNKNOWN: "node-unknown",
        "correct what keeps the role unknown, then run `systemctl restart cos-agent`; `cos-agent facts` shows what is known";
    NO_RESULT: "check-broken",
        "this is a bug in cos-agent or a host without threads: run `cos-agent doctor --bundle FILE` and report it";
}

impl Entry {
    /// What is known of it before it is asked.
    pub fn about(&self) -> &'static About {
        match self {
            Self::Own(check) => &check.about,
            Self::Gate(gate) => &gate.about,
        }
    }

    /// Whether it cannot be asked while the role of the node is unknown.
    pub(super) fn needs_a_role(&self) -> bool {
        matches!(self, Self::Gate(_)) || self.about().roles != Role::ALL
    }

    /// Asks it.
    pub(super) async fn ask(&self, machine: &Machine) -> Finding {
        let finding = match self {
            Self::Own(check) => (check.probe)(machine).await,
            Self::Gate(gate) => match &machine.context {
                Some(context) => (gate.probe)(context).await,
                None => node_unknown(),
            },
        };
        starting::patient(machine, self.about(), finding).await
    }
}

/// The finding of a check that needs to know who the node is.
fn node_unknown() -> Finding {
    let (found, expected) = ("nothing says what this node is", "the role of this node");
    Finding::Unknown(Problem::new(found, expected, NODE_UNKNOWN.plain()))
}

/// The finding of a check whose thread died.
fn broken() -> Finding {
    Finding::Unknown(Problem::new("the check broke", "a result", NO_RESULT.plain()))
}

/// Whether systemd runs `apply` at this moment, so that the disk is on its way to the plan.
fn is_applying(units: &BTreeMap<String, UnitFacts>) -> bool {
    units
        .get(AGENT)
        .is_some_and(|unit| unit.active == "activating" && unit.sub.starts_with("start"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_check_comes_after_those_that_it_needs_and_has_a_name_of_its_own() {
        let mut seen = BTreeSet::new();
        let known: BTreeSet<&str> = CHECKS.iter().map(|entry| entry.about().id).collect();
        for about in CHECKS.iter().map(Entry::about) {
            for need in about.needs {
                assert!(seen.contains(need), "{} needs {need}, which is not before it", about.id);
            }
            for explained in about.explains {
                assert!(known.contains(explained), "{} explains {explained}", about.id);
                assert_ne!(about.id, *explained);
            }
            assert!(seen.insert(about.id), "{} stands twice", about.id);
            let is_kebab =
                about.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            assert!(is_kebab, "{}", about.id);
            assert!(
                !about.timeout.is_zero() && about.timeout < super::super::BUDGET,
                "{}",
                about.id
            );
        }
    }

    #[test]
    fn every_check_has_a_whole_page() {
        for about in CHECKS.iter().map(Entry::about) {
            let page = &about.page;
            for text in [about.title, page.means, page.matters] {
                assert!(text.len() > 10 && !text.contains("  "), "{}: {text:?}", about.id);
            }
            assert!(page.means.ends_with('.') && page.matters.ends_with('.'), "{}", about.id);
            assert!(page.source.starts_with("https://"), "{}: {}", about.id, page.source);
            assert!(!page.look.is_empty(), "{}", about.id);
            assert!(page.fixes.iter().any(|topics| !topics.is_empty()), "{}", about.id);
        }
    }

    #[test]
    fn nothing_explains_what_explains_it() {
        let after = |id: &str| {
            let needing = CHECKS.iter().map(Entry::about).filter(|about| about.needs.contains(&id));
            let mut after: Vec<&'static str> = needing.map(|about| about.id).collect();
            for about in CHECKS.iter().map(Entry::about).filter(|about| about.id == id) {
                after.extend(about.explains);
            }
            after
        };
        for about in CHECKS.iter().map(Entry::about) {
            let (mut reached, mut next) = (BTreeSet::new(), after(about.id));
            while let Some(id) = next.pop() {
                assert_ne!(id, about.id, "{} explains itself", about.id);
                if reached.insert(id) {
                    next.extend(after(id));
                }
            }
        }
    }
}
