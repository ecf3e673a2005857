//! Which users listen on loopback: any program may listen on a port that a daemon has left.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The kernel's tables of sockets, with the user of each
/// (<https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html>).
const TABLES: [&str; 2] = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];
/// The state of a socket that listens, in hexadecimal.
const LISTENS: &str = "0A";

/// The user IDs of the sockets that accept connections for an address; empty if there is none or the kernel does not tell.
pub fn owners(address: SocketAddr) -> BTreeSet<u32> {
    TABLES
        .into_iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .flat_map(|table| owners_in(&table, address))
        .collect()
}

fn owners_in(table: &str, address: SocketAddr) -> Vec<u32> {
    let owner = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [local, state, user] = [1, 3, 7].map(|index| fields.get(index).copied());
        let (ip, port) = local?.split_once(':')?;
        let takes = state? == LISTENS
            && u16::from_str_radix(port, 16).ok()? == address.port()
            && takes(ip, address.ip())?;
        takes.then(|| user?.parse().ok()).flatten()
    };
    table.lines().skip(1).filter_map(owner).collect()
}

/// Whether a socket accepts connections for `wanted`. `hexadecimal` is its local address in the table: 32-bit words in
/// the byte order of this machine.
fn takes(hexadecimal: &str, wanted: IpAddr) -> Option<bool> {
    let mut bytes = Vec::new();
    for index in (0..hexadecimal.len()).step_by(8) {
        let word = u32::from_str_radix(hexadecimal.get(index..index + 8)?, 16).ok()?;
        bytes.extend(word.to_ne_bytes());
    }
    let local = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(bytes) => IpAddr::from(Ipv4Addr::from(bytes)),
        Err(_) => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)).to_canonical(),
    };
    Some(local == wanted || local.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_listener_of_this_process_is_this_users() {
        let own = BTreeSet::from([nix::unistd::geteuid().as_raw()]);
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::]:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let port = listener.local_addr().unwrap().port();
            let asked = if address == "[::1]:0" { "::1" } else { "127.0.0.1" };
            let asked = SocketAddr::new(asked.parse().unwrap(), port);
            assert_eq!(owners(asked), own, "{address}");
            drop(listener);
            assert_eq!(owners(asked), BTreeSet::new(), "{address}");
        }
    }

    #[test]
    fn a_table_that_is_broken_says_nothing() {
        let address = "127.0.0.1:4646".parse().unwrap();
        let line = "   0: 0100007F:1226 00000000:0000 0A 00000000:00000000 00:00000000 00000000 65534 0 1\n";
        assert_eq!(owners_in(&format!("head\n{line}"), address), [65534]);
        for broken in ["", "head", "head\n\n", "head\n 0: 01:1226", "head\n 0: x:y a 0A a b c d\n"]
        {
            assert_eq!(owners_in(broken, address), [0; 0], "{broken:?}");
        }
        for cut in 0..line.len() - 8 {
            let _ = owners_in(&format!("head\n{}", &line[..cut]), address);
        }
    }
}
