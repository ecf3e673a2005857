//! The gates, one file each. To add one: a file here with its `CHECK`, and a line in [`CHECKS`].

pub mod consul_agent_api;
pub mod consul_catalog;
pub mod consul_joined;
pub mod consul_leader;
pub mod nomad_agent_api;
pub mod nomad_leader;
pub mod nomad_node_ready;

use super::{Check, Context};
use crate::role::Role;
use std::time::Duration;

/// A check that a member of a cluster passes.
pub type Gate = Check<Context>;

/// Longest time for the probe of a gate. Without a leader an agent holds some requests for 7 s.
const ANSWER: Duration = Duration::from_millis(8500);

/// All gates; each comes after those that it needs.
pub static CHECKS: &[&Gate] = &[
    &consul_agent_api::CHECK,
    &consul_joined::CHECK,
    &consul_leader::CHECK,
    &consul_catalog::CHECK,
    &nomad_agent_api::CHECK,
    &nomad_leader::CHECK,
    &nomad_node_ready::CHECK,
];

/// The gates of a role.
pub fn gates(role: Role) -> Vec<&'static Gate> {
    CHECKS.iter().copied().filter(|check| check.roles.contains(&role)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_need_is_a_check_before_and_of_the_same_roles() {
        for (index, check) in CHECKS.iter().enumerate() {
            for need in check.needs {
                let before = CHECKS[..index].iter().find(|other| other.id == *need);
                let before = before.unwrap_or_else(|| panic!("{} needs {need}", check.id));
                assert!(check.roles.iter().all(|role| before.roles.contains(role)), "{need}");
            }
        }
    }

    #[test]
    fn the_gates_of_a_role_are_those_of_the_table() {
        let ids = |role| gates(role).iter().map(|check| check.id).collect::<Vec<_>>();
        let consul = ["consul-agent-api", "consul-joined", "consul-leader", "consul-catalog"];
        assert_eq!(ids(Role::ConsulServer), consul);
        assert_eq!(
            ids(Role::NomadServer),
            [&consul[..], &["nomad-agent-api", "nomad-leader"]].concat()
        );
        assert_eq!(
            ids(Role::NomadClient),
            [&consul[..], &["nomad-agent-api", "nomad-node-ready"]].concat()
        );
    }
}

#[cfg(test)]
pub(crate) mod tests_support {
    //! Nodes and servers for the tests of the checks.

    use crate::role::Role;
    use crate::store::status::Identity;
    use crate::system::daemon::consul::Member;

    pub(crate) fn identity(role: Role, servers: Option<u8>) -> Identity {
        Identity {
            instance: "i-1".to_owned(),
            cluster: "test".to_owned(),
            role,
            nomad_datacenter: (role == Role::NomadClient).then(|| "backoffice".to_owned()),
            servers,
            address: [10, 0, 0, 1].into(),
            zone: "eu-central-1a".to_owned(),
            consul_datacenter: Some("eu-central-1".to_owned()),
            nomad_region: Some("eu-central-1".to_owned()),
        }
    }

    pub(crate) fn server(name: &str, status: u8) -> Member {
        let tags = [("role", "consul"), ("expect", "3")];
        Member {
            name: name.to_owned(),
            addr: [10, 0, 0, 1].into(),
            status,
            tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        }
    }
}
