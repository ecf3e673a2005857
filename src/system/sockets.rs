//! Who holds a port: the kernel's tables of sockets, and the process behind a socket.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest search for the process behind a socket: a node may have thousands of processes.
const SEARCH: Duration = Duration::from_millis(800);

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A socket that takes what is sent to a port of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// Its protocol.
    pub protocol: Protocol,
    /// Its local address and port.
    pub local: SocketAddr,
    /// The user ID of its owner.
    pub user: u32,
    /// Its number in the file system of sockets; 0 if it belongs to the kernel.
    pub inode: u64,
}

/// The process that holds a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its process ID.
    pub process: u32,
    /// The name of its program, at most 15 bytes (proc_pid_comm(5)).
    pub name: String,
    /// The systemd unit in whose control group it is.
    pub unit: Option<String>,
}

impl Protocol {
    /// Its name, as after the slash of `8301/tcp`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    /// Its tables (<https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html>).
    fn tables(self) -> [&'static str; 2] {
        match self {
            Self::Tcp => ["/proc/self/net/tcp", "/proc/self/net/tcp6"],
            Self::Udp => ["/proc/self/net/udp", "/proc/self/net/udp6"],
        }
    }

    /// The state of a socket that takes what anybody sends, in hexadecimal: TCP_LISTEN, and TCP_CLOSE for UDP.
    fn state(self) -> &'static str {
        match self {
            Self::Tcp => "0A",
            Self::Udp => "07",
        }
    }
}

impl Socket {
    /// Whether it takes what is sent to this address and its port.
    pub fn takes(&self, address: IpAddr) -> bool {
        self.local.ip() == address || self.local.ip().is_unspecified()
    }
}

/// The sockets of this network namespace; empty if the kernel does not tell.
pub fn bound(protocol: Protocol) -> Vec<Socket> {
    let tables = protocol.tables().into_iter().filter_map(|table| fs::read_to_string(table).ok());
    tables.flat_map(|table| bound_in(&table, protocol)).collect()
}

fn bound_in(table: &str, protocol: Protocol) -> Vec<Socket> {
    let socket = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [local, state, user, inode] = [1, 3, 7, 9].map(|index| fields.get(index).copied());
        if state? != protocol.state() {
            return None;
        }
        let (ip, port) = local?.split_once(':')?;
        let local = SocketAddr::new(address(ip)?, u16::from_str_radix(port, 16).ok()?);
        Some(Socket { protocol, local, user: user?.parse().ok()?, inode: inode?.parse().ok()? })
    };
    table.lines().skip(1).filter_map(socket).collect()
}

/// An address of a table: 32-bit words in the byte order of this machine.
fn address(hexadecimal: &str) -> Option<IpAddr> {
    let mut bytes = Vec::new();
    for index in (0..hexadecimal.len()).step_by(8) {
        let word = u32::from_str_radix(hexadecimal.get(index..index + 8)?, 16).ok()?;
        bytes.extend(word.to_ne_bytes());
    }
    Some(match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(bytes) => IpAddr::from(Ipv4Addr::from(bytes)),
        Err(_) => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)).to_canonical(),
    })
}

/// The sockets that a process holds; empty if it has ended or this user may not see them.
pub fn held_by(process: u32) -> BTreeSet<u64> {
    let Ok(entries) = fs::read_dir(format!("/proc/{process}/fd")) else { return BTreeSet::new() };
    let targets = entries.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    targets.filter_map(|target| inode(target.as_os_str())).collect()
}

/// The number in the target `socket:[4711]` of a descriptor.
fn inode(target: &OsStr) -> Option<u64> {
    target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// The process that holds a socket; `None` if it has ended, this user may not see it, or 800 ms were not enough.
pub fn holder(inode: u64) -> Option<Holder> {
    let end = Instant::now() + SEARCH;
    for entry in fs::read_dir("/proc").ok()? {
        let name = entry.ok()?.file_name();
        let Some(process) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        if held_by(process).contains(&inode) {
            let of = |file: &str| {
                let path = Path::new("/proc").join(&name).join(file);
                fs::read_to_string(path).unwrap_or_default()
            };
            return Some(Holder {
                process,
                name: of("comm").trim().to_owned(),
                unit: unit(&of("cgroup")),
            });
        }
        if Instant::now() > end {
            return None;
        }
    }
    None
}

/// The unit in `/proc/PID/cgroup` (cgroups(7)). Other hierarchies of version 1 need not follow systemd's.
fn unit(groups: &str) -> Option<String> {
    let of = |hierarchy: &str| {
        let path =
            groups.lines().find_map(|line| line.split_once(hierarchy).map(|(_, path)| path))?;
        let is_unit = |part: &&str| part.ends_with(".service") || part.ends_with(".scope");
        path.rsplit('/').find(is_unit).map(str::to_owned)
    };
    of(":name=systemd:").or_else(|| of("0::"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, UdpSocket};

    #[test]
    fn the_holder_of_a_port_is_found() {
        let (tcp, udp) =
            (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("[::]:0").unwrap());
        for (protocol, local) in
            [(Protocol::Tcp, tcp.local_addr().unwrap()), (Protocol::Udp, udp.local_addr().unwrap())]
        {
            let is_ours = |socket: &Socket| socket.local.port() == local.port();
            let socket = bound(protocol).into_iter().find(is_ours).unwrap();
            assert_eq!(socket.user, nix::unistd::geteuid().as_raw());
            assert!(socket.takes("127.0.0.1".parse().unwrap()));
            assert_eq!(socket.takes("10.0.0.1".parse().unwrap()), protocol == Protocol::Udp);
            assert!(held_by(std::process::id()).contains(&socket.inode));
            assert_eq!(holder(socket.inode).unwrap().process, std::process::id());
        }
        assert_eq!(holder(u64::MAX), None);
    }

    #[test]
    fn a_line_that_is_broken_says_nothing() {
        let line = "   0: 0100007F:1226 00000000:0000 0A 00000000:00000000 00:00000000 00000000 65534 0 17 1\n";
        let [socket] = &bound_in(&format!("head\n{line}"), Protocol::Tcp)[..] else {
            panic!("{line}")
        };
        assert_eq!(
            (socket.local.to_string().as_str(), socket.user, socket.inode),
            ("127.0.0.1:4646", 65534, 17)
        );
        assert_eq!(bound_in(&format!("head\n{line}"), Protocol::Udp), []);
        for broken in ["", "head", "head\n\n", "head\n 0: 01:1226", "head\n 0: x:y a 0A a b c d\n"]
        {
            assert_eq!(bound_in(broken, Protocol::Tcp), [], "{broken:?}");
        }
        for cut in 0..line.len() {
            let _ = bound_in(&format!("head\n{}", &line[..cut]), Protocol::Tcp);
        }
    }

    #[test]
    fn a_process_is_in_the_unit_of_its_control_group() {
        for (groups, expected) in [
            ("0::/system.slice/consul.service\n", Some("consul.service")),
            (
                "5:cpu:/nomad/x\n1:name=systemd:/system.slice/nomad.service\n0::/\n",
                Some("nomad.service"),
            ),
            ("0::/system.slice/docker-0123.scope", Some("docker-0123.scope")),
            ("0::/user.slice/user-0.slice/session-3.scope/x\n", Some("session-3.scope")),
            ("0::/docker/0123\n", None),
            ("", None),
        ] {
            assert_eq!(unit(groups).as_deref(), expected, "{groups}");
        }
    }
}
