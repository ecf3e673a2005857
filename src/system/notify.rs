//! Telling systemd that a service is ready (sd_notify(3)): one datagram, where a socket for it is named.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Says so. Who is no service of systemd has nobody to tell.
pub fn ready(socket: Option<&str>) {
    let Some(name) = socket else { return };
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    };
    let sent =
        address.and_then(|address| UnixDatagram::unbound()?.send_to_addr(b"READY=1", &address));
    if let Err(error) = sent {
        tracing::warn!("systemd cannot be told that this node is ready: {error}");
    }
}
