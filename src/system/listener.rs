//! Which users listen on loopback: any program may listen on a port that a daemon has left.

use super::sockets::{self, Protocol};
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// The user IDs of the sockets that accept connections for an address; empty if there is none or the kernel does not tell.
pub fn owners(address: SocketAddr) -> BTreeSet<u32> {
    let listening = sockets::bound(Protocol::Tcp).into_iter();
    listening
        .filter(|socket| socket.local.port() == address.port() && socket.takes(address.ip()))
        .map(|socket| socket.user)
        .collect()
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
}
