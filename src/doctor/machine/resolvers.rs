//! READ: the DNS servers that this host asks.

use crate::system::System;
use crate::system::aside::aside;
use crate::system::network::{self, Interface};
use crate::system::root::Root;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// Longest time for three small files.
const FILES: Duration = Duration::from_secs(2);
/// Where programs find the servers.
pub const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Where systemd-resolved writes its servers. It omits those of other ports than 53, and those of links that are no default
/// route, such as `cos0` (systemd-resolved.service(8)).
pub const UPLINK: &str = "/run/systemd/resolve/resolv.conf";
/// The link of cos-dns.service.
pub const LINK: &str = "cos0";
/// Where systemd-resolved listens, as a stub and as a proxy.
const STUBS: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 0, 53), Ipv4Addr::new(127, 0, 0, 54)];

/// The DNS servers of this host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolvers {
    /// `/etc/resolv.conf` with its links resolved.
    pub file: String,
    /// The servers in `/etc/resolv.conf`, in their order.
    pub named: Vec<IpAddr>,
    /// Those of them that are systemd-resolved on this host.
    pub stubs: Vec<IpAddr>,
    /// The servers that answer for the world: the named ones, with those of systemd-resolved in place of its stub.
    pub upstream: Vec<IpAddr>,
    /// Whether programs that use the C library ask systemd-resolved whatever `/etc/resolv.conf` says (nss-resolve(8)).
    pub by_nss: bool,
}

/// Looks; `None` if the files cannot be read.
pub(super) async fn look(system: Rc<System>) -> Option<Resolvers> {
    let root = system.root.clone();
    let read = aside(async move || read(&root, &network::interfaces()));
    tokio::time::timeout(FILES, read).await.ok()??
}

fn read(root: &Root, interfaces: &[Interface]) -> Option<Resolvers> {
    let text = |path: &str| {
        let bytes = root.read(path).ok()?;
        Some(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
    };
    let named = servers(&text(RESOLV_CONF)?);
    let is_stub = |server: &IpAddr| {
        STUBS.iter().any(|stub| server == stub)
            || interfaces.iter().any(|link| link.name == LINK && *server == link.address)
    };
    let (stubs, mut upstream): (Vec<IpAddr>, Vec<IpAddr>) =
        named.iter().partition(|server| is_stub(server));
    if !stubs.is_empty() {
        let more = servers(&text(UPLINK)?);
        upstream.extend(more.into_iter().filter(|server| !is_stub(server)));
    }
    let mut seen = Vec::new();
    upstream.retain(|server| {
        let is_new = !seen.contains(server);
        seen.push(*server);
        is_new
    });
    let file = root.resolve(Path::new(RESOLV_CONF)).ok()?.to_string_lossy().into_owned();
    let by_nss = asks_resolved(&text("/etc/nsswitch.conf")?);
    Some(Resolvers { file, named, stubs, upstream, by_nss })
}

/// The servers of a file (resolv.conf(5)); one with an interface, such as `fe80::1%eth0`, is left out.
fn servers(text: &str) -> Vec<IpAddr> {
    let value = |line: &str| {
        let mut words = line.split_whitespace();
        words.next().filter(|key| *key == "nameserver")?;
        words.next()?.parse().ok()
    };
    text.lines().filter_map(value).collect()
}

/// Whether `hosts` has the source `resolve` (nsswitch.conf(5)).
fn asks_resolved(text: &str) -> bool {
    let hosts = text.lines().find_map(|line| line.trim_start().strip_prefix("hosts:"));
    hosts.is_some_and(|sources| sources.split_whitespace().any(|source| source == "resolve"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(resolv_conf: &str, uplink: &str) -> Resolvers {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::at(directory.path());
        root.write(RESOLV_CONF, resolv_conf.as_bytes(), 0o644).unwrap();
        root.write(UPLINK, uplink.as_bytes(), 0o644).unwrap();
        let address = Ipv4Addr::new(169, 254, 53, 53);
        let link = Interface { name: LINK.to_owned(), address, is_up: true, is_running: true };
        read(&root, &[link]).unwrap()
    }

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_stub_stands_for_the_servers_of_resolved() {
        let uplink = "nameserver 10.0.0.2\nnameserver 169.254.169.253\n";
        for stub in ["127.0.0.53", "169.254.53.53"] {
            let found = found(&format!("# x\nnameserver {stub}\nsearch a.b\n"), uplink);
            assert_eq!(found.stubs, ips(&[stub]));
            assert_eq!(found.upstream, ips(&["10.0.0.2", "169.254.169.253"]));
        }
        let mixed = found("nameserver 10.0.0.2\nnameserver 127.0.0.53\n", uplink);
        assert_eq!(mixed.upstream, ips(&["10.0.0.2", "169.254.169.253"]));
        assert_eq!(mixed.named.len(), 2);
    }

    #[test]
    fn without_the_stub_the_named_servers_are_all() {
        let found = found(
            "nameserver 127.0.0.1\nnameserver fd00:ec2::253\nnameserver fe80::1%eth0\n#nameserver 1.1.1.1",
            "nameserver 10.0.0.2",
        );
        assert_eq!(found.upstream, ips(&["127.0.0.1", "fd00:ec2::253"]));
        assert!(found.stubs.is_empty() && !found.by_nss && found.file.ends_with(RESOLV_CONF));
    }

    #[test]
    fn the_c_library_may_ask_resolved_by_itself() {
        assert!(asks_resolved("passwd: files\nhosts: files resolve [!UNAVAIL=return] dns\n"));
        assert!(!asks_resolved("hosts: files dns\nnetworks: resolve\n"));
    }
}
