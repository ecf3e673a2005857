//! Forwards `.consul`, and no other name, to the local Consul.
//!
//! With systemd-resolved, Consul is the server of a link of its own. `DNS=127.0.0.1:8600` in `resolved.conf` would send every
//! name to Consul, and if Consul hangs, names that do not exist take 20 s and more (measured with systemd 252).

use super::drop_in::drop_in;
use crate::facts::host::Resolver;
use crate::node::{Granted, Node};
use crate::state::{
    Action, Contents, DNS_LINK, DNSMASQ, File, Notify, RESOLVED, ROOT, Verb, Wanted,
};
use std::net::Ipv4Addr;

/// Whether `.consul` goes through systemd-resolved.
pub fn by_resolved(node: &Node) -> bool {
    forwarder(node) == Some(Resolver::Resolved)
}

/// The wanted state of the unit of the link.
pub(super) fn link(node: &Node) -> Wanted {
    if by_resolved(node) { Wanted::Running } else { Wanted::Stopped }
}

/// The program that forwards `.consul` on this node; `None` if none does.
pub fn forwarder(node: &Node) -> Option<Resolver> {
    node.settings.dns.forwarder.on(node.host.resolver)
}

/// The files of the forwarder of this node.
pub fn files(node: &Node, _: &Granted) -> Vec<File> {
    match forwarder(node) {
        Some(Resolver::Resolved) => resolved(node.settings.dns.address.address()),
        Some(Resolver::Dnsmasq) => vec![dnsmasq()],
        _ => Vec::new(),
    }
}

/// The files for systemd-resolved.
pub(super) fn resolved(address: Ipv4Addr) -> Vec<File> {
    let listener = File {
        path: "/etc/systemd/resolved.conf.d/cos.conf".to_owned(),
        // Containers reach the resolver of the host at this address (DNSStubListenerExtra=: systemd 247, resolved.conf(5)).
        contents: Contents::Text(format!("[Resolve]\nDNSStubListenerExtra={address}\n")),
        mode: 0o644,
        owner: ROOT,
        notify: Notify::of([Action::unit(Verb::TryRestart, RESOLVED)]),
    };
    let address = format!("[Service]\nEnvironment=COS_DNS_ADDRESS={address}\n");
    vec![drop_in(DNS_LINK, address), listener]
}

/// The file for dnsmasq(8): `--server=/domain/address#port`.
pub(super) fn dnsmasq() -> File {
    File {
        path: "/etc/dnsmasq.d/cos.conf".to_owned(),
        contents: Contents::Text("server=/consul/127.0.0.1#8600\n".to_owned()),
        mode: 0o644,
        owner: ROOT,
        notify: Notify::of([Action::unit(Verb::TryRestart, DNSMASQ)]),
    }
}
