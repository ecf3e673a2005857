//! Telling systemd that a service is ready (sd_notify(3)): one datagram to the socket that systemd names.
//!
//! Written here because the crate sd-notify (0.5) reads the environment itself and does not support abstract sockets
//! (`@name`).

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Sends `READY=1`. Without a socket the process is not a service of systemd, and nothing is sent.
pub fn ready(socket: Option<&str>) {
    let Some(name) = socket else { return };
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    };
    let sent =
        address.and_then(|address| UnixDatagram::unbound()?.send_to_addr(b"READY=1", &address));
    if let Err(error) = sent {
        tracing::warn!("cannot notify systemd that this node is ready: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systemd_is_told_on_sockets_of_either_kind() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let name = format!("cos-agent-test-{}", std::process::id());
        let of_path = UnixDatagram::bind(&path).unwrap();
        let of_name = SocketAddr::from_abstract_name(&name).unwrap();
        let of_name = UnixDatagram::bind_addr(&of_name).unwrap();
        ready(None);
        ready(Some("/nonexistent/socket"));
        ready(path.to_str());
        ready(Some(&format!("@{name}")));
        for socket in [of_path, of_name] {
            socket.set_nonblocking(true).unwrap();
            let mut datagram = [0; 64];
            let length = socket.recv(&mut datagram).unwrap();
            assert_eq!(&datagram[..length], b"READY=1");
        }
    }
}
