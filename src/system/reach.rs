//! Whether a TCP port of another host answers: one handshake, no data.

use nix::errno::Errno;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// How a TCP port answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// A program accepts connections.
    Open,
    /// The host answers, and no program listens there; or a firewall rejects the connection.
    Refused,
    /// No answer came in time: the packets are dropped on the way, or the host is down.
    TimedOut,
    /// The system cannot send there, in its own words, such as `No route to host`.
    Unreachable(String),
}

impl Reach {
    /// Whether nothing came back from the host.
    pub fn is_silent(&self) -> bool {
        matches!(self, Self::TimedOut | Self::Unreachable(_))
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
            Self::Refused => f.write_str("refused"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Unreachable(words) => f.write_str(words),
        }
    }
}

/// Opens a connection and closes it. Consul and Nomad do not log a connection that ends before its first byte.
pub async fn tcp(address: SocketAddr, timeout: Duration) -> Reach {
    match tokio::time::timeout(timeout, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Reach::Open,
        Ok(Err(error)) => failed(&error),
        Err(_) => Reach::TimedOut,
    }
}

fn failed(error: &std::io::Error) -> Reach {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ECONNREFUSED) => Reach::Refused,
        Some(Errno::ETIMEDOUT) => Reach::TimedOut,
        Some(errno) => Reach::Unreachable(errno.desc().to_owned()),
        None => Reach::Unreachable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_is_open_while_somebody_listens() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(tcp(address, Duration::from_secs(5)).await, Reach::Open);
        drop(listener);
        assert_eq!(tcp(address, Duration::from_secs(5)).await, Reach::Refused);
    }

    #[test]
    fn a_host_without_a_route_is_not_a_host_that_refuses() {
        let of = |errno: Errno| failed(&std::io::Error::from(errno));
        assert_eq!(of(Errno::ECONNREFUSED), Reach::Refused);
        assert_eq!(of(Errno::ETIMEDOUT), Reach::TimedOut);
        assert_eq!(of(Errno::EHOSTUNREACH), Reach::Unreachable("No route to host".to_owned()));
        assert!(of(Errno::ENETUNREACH).is_silent() && !Reach::Refused.is_silent());
    }
}
