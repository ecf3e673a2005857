//! The kernel's network: which addresses this host has, and a wake-up when something changes.

use nix::sys::socket::{
    AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket,
};
use std::net::Ipv4Addr;
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

/// Whether an interface of this host carries the address.
pub fn carries(address: Ipv4Addr) -> bool {
    addresses().contains(&address)
}

/// The IPv4 addresses of all interfaces; empty if the kernel does not list them.
pub fn addresses() -> Vec<Ipv4Addr> {
    let Ok(interfaces) = nix::ifaddrs::getifaddrs() else { return Vec::new() };
    let addresses = interfaces.filter_map(|interface| interface.address);
    addresses.filter_map(|address| Some(address.as_sockaddr_in()?.ip())).collect()
}
