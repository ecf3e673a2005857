//! The kernel's network: which addresses and routes this host has, and a wake-up when something changes.

use nix::errno::Errno;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::{
    AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket,
};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use tokio::net::UnixDatagram;

/// Multicast groups of rtnetlink(7): link, IPv4 and IPv6 addresses, IPv4 and IPv6 routes.
const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;

/// Wakes when an address, route or link changes, so that a boot does not sleep while the network comes up.
///
/// Tokio has no netlink sockets, so this one is registered as a datagram socket, of which only recv(2) is used.
pub struct NetworkEvents(UnixDatagram);

impl NetworkEvents {
    /// Subscribes to the kernel's events.
    pub fn subscribe() -> std::io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let descriptor =
            socket(AddressFamily::Netlink, SockType::Datagram, flags, SockProtocol::NetlinkRoute)?;
        bind(descriptor.as_raw_fd(), &NetlinkAddr::new(0, GROUPS))?;
        Ok(Self(UnixDatagram::from_std(descriptor.into())?))
    }

    /// Waits for the next change. What changed does not matter, and neither does an event that was lost (ENOBUFS):
    /// the caller simply tries again.
    pub async fn changed(&self) {
        let _ = self.0.recv(&mut [0_u8; 4096]).await;
    }
}

/// An IPv4 address of an interface of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// The name of the interface, such as `eth0`.
    pub name: String,
    /// The address.
    pub address: Ipv4Addr,
    /// Whether the interface is up (`IFF_UP`, netdevice(7)).
    pub is_up: bool,
    /// Whether it can send and receive: it has a carrier (`IFF_RUNNING`).
    pub is_running: bool,
}

/// The IPv4 addresses of this host; empty if the kernel does not tell.
pub fn interfaces() -> Vec<Interface> {
    let of = |interface: nix::ifaddrs::InterfaceAddress| {
        let address = interface.address?.as_sockaddr_in()?.ip();
        Some(Interface {
            name: interface.interface_name,
            address,
            is_up: interface.flags.contains(InterfaceFlags::IFF_UP),
            is_running: interface.flags.contains(InterfaceFlags::IFF_RUNNING),
        })
    };
    nix::ifaddrs::getifaddrs().map(|all| all.filter_map(of).collect()).unwrap_or_default()
}

/// Whether an interface of this host carries the address.
pub fn carries(address: Ipv4Addr) -> bool {
    interfaces().iter().any(|interface| interface.address == address)
}

/// The IPv4 addresses of all interfaces; empty if the kernel does not tell.
pub fn addresses() -> Vec<Ipv4Addr> {
    interfaces().into_iter().map(|interface| interface.address).collect()
}

/// Whether the kernel has a route to an address. Nothing is sent: to connect a UDP socket only chooses the route (udp(7)).
pub fn routes_to(address: IpAddr) -> bool {
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let connected = UdpSocket::bind(any).and_then(|socket| socket.connect((address, 53)));
    // Only these two say that there is no route; a host without IPv6 has neither addresses nor routes of that kind.
    !connected.is_err_and(|error| {
        let errno = error.raw_os_error().map(Errno::from_raw);
        matches!(errno, Some(Errno::ENETUNREACH | Errno::EHOSTUNREACH))
    })
}

/// The interface of the IPv4 default route, `None` if there is none.
pub fn default_route() -> Option<String> {
    default_in(&std::fs::read_to_string("/proc/self/net/route").ok()?)
}

/// The table has the columns Iface, Destination, Gateway, Flags, RefCnt, Use, Metric, Mask (proc_pid_net(5)).
fn default_in(table: &str) -> Option<String> {
    // RTF_UP and RTF_REJECT of <linux/route.h>.
    let (up, reject) = (0x1, 0x200);
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [interface, destination, flags, mask] =
            [0, 1, 3, 7].map(|index| fields.get(index).copied());
        let flags = u32::from_str_radix(flags?, 16).ok()?;
        let is_default = destination? == "00000000" && mask? == "00000000";
        (is_default && flags & up != 0 && flags & reject == 0)
            .then(|| interface.map(str::to_owned))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_up_and_routed() {
        let loopback = Ipv4Addr::LOCALHOST;
        let all = interfaces();
        let found = all.iter().find(|interface| interface.address == loopback).unwrap();
        assert!(found.is_up && found.is_running && carries(loopback), "{found:?}");
        assert!(!carries(Ipv4Addr::new(192, 0, 2, 1)));
        assert!(routes_to(loopback.into()));
    }

    #[test]
    fn the_default_route_is_the_one_that_is_up_and_not_rejected() {
        let head =
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
        let row = |destination: &str, flags: &str, mask: &str| {
            format!("eth0\t{destination}\t0100000A\t{flags}\t0\t0\t0\t{mask}\t0\t0\t0\n")
        };
        for (rows, expected) in [
            (row("00000000", "0003", "00000000"), Some("eth0")),
            (
                row("000A000A", "0001", "00FFFFFF") + &row("00000000", "0003", "00000000"),
                Some("eth0"),
            ),
            (row("000A000A", "0001", "00FFFFFF"), None),
            (row("00000000", "0003", "00000080"), None),
            (row("00000000", "0201", "00000000"), None),
            (row("00000000", "0002", "00000000"), None),
            ("eth0\n".to_owned(), None),
        ] {
            assert_eq!(default_in(&format!("{head}{rows}")).as_deref(), expected, "{rows}");
        }
    }
}
