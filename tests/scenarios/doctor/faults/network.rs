//! Ports between the nodes, and names.

use super::Fault;

const ON: &str = "private-services";

/// The faults.
pub(super) const FAULTS: &[&Fault] = &[
    &Fault::script(
        ON,
        "gossip over UDP is blocked",
        "for chain in INPUT OUTPUT; do iptables -I $chain -p udp --dport 8301 -j DROP; done",
        "for chain in INPUT OUTPUT; do iptables -D $chain -p udp --dport 8301 -j DROP; done",
    )
    .after(25)
    .seen_by_others(),
    &Fault::script(
        ON,
        "TCP to port 8301 is blocked",
        "iptables -I OUTPUT -p tcp --dport 8301 -j DROP",
        "iptables -D OUTPUT -p tcp --dport 8301 -j DROP",
    ),
    &Fault::script(
        ON,
        "TCP to port 8300 of the Consul servers is blocked one way",
        "iptables -I OUTPUT -p tcp --dport 8300 -j DROP",
        "iptables -D OUTPUT -p tcp --dport 8300 -j DROP",
    ),
    &Fault::script(
        ON,
        "TCP to port 4647 of the Nomad servers is blocked one way",
        "iptables -I OUTPUT -p tcp --dport 4647 -j DROP",
        "iptables -D OUTPUT -p tcp --dport 4647 -j DROP",
    ),
    &Fault::script(
        ON,
        "the stub of the resolver is bypassed",
        "mv /etc/resolv.conf /etc/resolv.kept; echo nameserver 10.20.0.2 >/etc/resolv.conf",
        "mv /etc/resolv.kept /etc/resolv.conf",
    ),
];
