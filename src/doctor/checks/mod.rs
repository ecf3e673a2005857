//! The checks, one file each. To add one: a file here with its `CHECK`, and a line in [`CHECKS`].

mod agent_privileges;
mod ca_trust;
mod config_drift;
mod config_operator;
mod config_running;
mod config_valid;
mod data_owner;
mod imds_reachable;
mod plan_made;
mod role_resolved;
mod settings_valid;
mod tags_required;
mod tls_expiry;
mod units_config;
mod units_state;

use super::Check;
use super::machine::Machine;
use crate::exit::hint::topics;
use crate::gates::checks::{CHECKS as GATES, Gate};
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
    Own(&imds_reachable::CHECK),
    Own(&tags_required::CHECK),
    Own(&role_resolved::CHECK),
    Own(&settings_valid::CHECK),
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
    Of(GATES[0]),
    Of(GATES[1]),
    Of(GATES[2]),
    Of(GATES[3]),
    Of(GATES[4]),
    Of(GATES[5]),
    Of(GATES[6]),
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
        match self {
            Self::Own(check) => (check.probe)(machine).await,
            Self::Gate(gate) => match &machine.context {
                Some(context) => (gate.probe)(context).await,
                None => Finding::Unknown(Problem::new(
                    "nothing says what this node is",
                    "the role of this node",
                    NODE_UNKNOWN.plain(),
                )),
            },
        }
    }
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
