//! PURE: the ports of the daemons on a node of each role.

use crate::role::Role;
use crate::state::Daemon;
use crate::system::daemon::{consul, nomad};
use crate::system::sockets::Protocol::{self, Tcp, Udp};
use std::net::{IpAddr, Ipv4Addr};

/// A port that a daemon needs on this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Port {
    /// The daemon.
    pub(super) daemon: Daemon,
    /// Its number.
    pub(super) number: u16,
    /// Its protocol.
    pub(super) protocol: Protocol,
    /// The addresses to which the daemon binds it.
    pub(super) addresses: Vec<IpAddr>,
    /// Whether the operator may have moved it elsewhere.
    pub(super) is_movable: bool,
}

/// The ports of the daemons of a role, as they are rendered; Consul also answers HTTP at the address of the link, if there is one.
pub(super) fn planned(role: Role, own: Ipv4Addr, link: Option<Ipv4Addr>) -> Vec<Port> {
    let (own, loopback) = (IpAddr::from(own), IpAddr::from(Ipv4Addr::LOCALHOST));
    let is_server = |daemon: Daemon| role.quorum() == Some(daemon);
    let http =
        |daemon: Daemon| if is_server(daemon) { vec![loopback, own] } else { vec![loopback] };
    let (consul, nomad) = (Daemon::Consul, Daemon::Nomad);
    let mut of_consul = http(consul);
    of_consul.extend(link.map(IpAddr::from));
    let rows = [
        (consul, consul.port(), Tcp, of_consul, true, false),
        (consul, consul::RPC, Tcp, vec![own], is_server(consul), true),
        (consul, consul::SERF, Tcp, vec![own], true, true),
        (consul, consul::SERF, Udp, vec![own], true, true),
        (consul, consul::DNS, Tcp, vec![loopback], true, false),
        (consul, consul::DNS, Udp, vec![loopback], true, false),
        (consul, 8502, Tcp, vec![loopback], true, true),
        (consul, 8503, Tcp, vec![loopback], is_server(consul), true),
        (nomad, nomad.port(), Tcp, http(nomad), true, false),
        (nomad, nomad::RPC, Tcp, vec![own], is_server(nomad), true),
        (nomad, nomad::SERF, Tcp, vec![own], is_server(nomad), true),
        (nomad, nomad::SERF, Udp, vec![own], is_server(nomad), true),
    ];
    rows.into_iter()
        .filter(|(daemon, .., is_needed, _)| *is_needed && role.daemons().contains(daemon))
        .map(|(daemon, number, protocol, addresses, _, is_movable)| Port {
            daemon,
            number,
            protocol,
            addresses,
            is_movable,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consul_answers_at_the_address_of_the_link_too() {
        let link = Ipv4Addr::new(169, 254, 53, 53);
        let ports = planned(Role::NomadClient, Ipv4Addr::LOCALHOST, Some(link));
        let with: Vec<u16> = ports
            .iter()
            .filter(|port| port.addresses.contains(&link.into()))
            .map(|port| port.number)
            .collect();
        assert_eq!(with, [8500]);
    }

    fn numbers(role: Role) -> Vec<u16> {
        let mut numbers: Vec<u16> =
            planned(role, Ipv4Addr::LOCALHOST, None).iter().map(|port| port.number).collect();
        numbers.dedup();
        numbers
    }

    #[test]
    fn each_role_has_its_ports() {
        assert_eq!(numbers(Role::ConsulServer), [8500, 8300, 8301, 8600, 8502, 8503]);
        assert_eq!(numbers(Role::NomadServer), [8500, 8301, 8600, 8502, 4646, 4647, 4648]);
        assert_eq!(numbers(Role::NomadClient), [8500, 8301, 8600, 8502, 4646]);
    }
}
