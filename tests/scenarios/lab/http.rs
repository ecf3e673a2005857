//! HTTP to a program inside of a network of the lab, without a process for it: a thread goes there and connects.

use super::net::netns_path;
use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer: status and body.
pub(crate) type Answer = Result<(u16, String), String>;

/// Connects from inside of a network namespace. A socket stays in the network that it was made in.
pub(crate) fn connect(
    netns: &str,
    address: SocketAddr,
    limit: Duration,
) -> Result<TcpStream, String> {
    let inside = || {
        let file = File::open(netns_path(netns)).map_err(|error| format!("{netns}: {error}"))?;
        setns(file, CloneFlags::CLONE_NEWNET).map_err(|error| format!("{netns}: {error}"))?;
        TcpStream::connect_timeout(&address, limit).map_err(|error| format!("{address}: {error}"))
    };
    std::thread::scope(|scope| scope.spawn(inside).join().unwrap())
}

/// One request, in the version of HTTP that knows no chunks.
pub(crate) fn request(
    netns: &str,
    address: SocketAddr,
    line: &str,
    body: &str,
    limit: Duration,
) -> Answer {
    let said = |error: std::io::Error| format!("{line}: {error}");
    let mut stream = connect(netns, address, limit)?;
    stream.set_read_timeout(Some(limit)).map_err(said)?;
    let head = format!(
        "{line} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).map_err(said)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).map_err(said)?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| format!("{line}: no answer"))?;
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    Ok((status.ok_or_else(|| format!("{line}: {head}"))?, body.to_owned()))
}
