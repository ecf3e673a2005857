//! The way from this node to the servers of a daemon, by TCP: which ports answer, and what it means that one does not.

mod verdict;

use crate::system::reach::{Reach, tcp};
use futures_util::future::join_all;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
pub(super) use verdict::{TOPICS, judge};

/// Longest time for a connection: one lost packet is repeated after 1 s (tcp(7)).
const CONNECT: Duration = Duration::from_millis(2200);
/// A daemon that restarts listens on all its ports again within this time.
const RESTART: Duration = Duration::from_millis(1500);
/// Longest time for [`look`].
pub(super) const LOOK: Duration = Duration::from_millis(2200 + 1500 + 2200);
/// Most servers that are tried.
const SERVERS: usize = 9;

/// A server, as an agent of this node knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// Its name.
    pub(super) name: String,
    /// Its address.
    pub(super) address: Ipv4Addr,
    /// Whether it is known to be alive. A server that is not may be down.
    pub(super) is_alive: bool,
}

/// A port of the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Port {
    /// Its number.
    pub(super) number: u16,
    /// What must be allowed for it, as in `allow TCP 8300 from this node to the Consul servers`.
    pub(super) rule: &'static str,
}

/// What answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    server: Server,
    /// The answers in the order of the ports.
    answers: Vec<Reach>,
}

impl Seen {
    fn all(&self, wanted: fn(&Reach) -> bool) -> bool {
        self.answers.iter().all(wanted)
    }
}

/// Tries the ports of all live servers at once, or of all servers if none is known to be alive.
pub(super) async fn look(servers: Vec<Server>, ports: &[Port]) -> Vec<Seen> {
    let any_is_alive = servers.iter().any(|server| server.is_alive);
    let chosen = servers.into_iter().filter(|server| server.is_alive || !any_is_alive);
    let chosen: Vec<Server> = chosen.take(SERVERS).collect();
    let seen = knock(chosen, ports).await;
    if rejected(&seen).is_none() {
        return seen;
    }
    // A daemon that starts opens its ports one after the other.
    tokio::time::sleep(RESTART).await;
    knock(seen.into_iter().map(|seen| seen.server).collect(), ports).await
}

async fn knock(servers: Vec<Server>, ports: &[Port]) -> Vec<Seen> {
    join_all(servers.into_iter().map(async |server| {
        let to = |port: &Port| tcp(SocketAddr::from((server.address, port.number)), CONNECT);
        let answers = join_all(ports.iter().map(to)).await;
        Seen { server, answers }
    }))
    .await
}

/// The place of a port that every server refuses, while another port of each is open.
fn rejected(seen: &[Seen]) -> Option<usize> {
    let ports = seen.first()?.answers.len();
    (0..ports).find(|place| {
        seen.iter().all(|seen| {
            seen.answers.get(*place) == Some(&Reach::Refused) && seen.answers.contains(&Reach::Open)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Reach::{Open, Refused};

    #[tokio::test(start_paused = true)]
    async fn only_live_servers_are_tried_and_a_lone_refusal_is_tried_twice() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap().port();
        let closed =
            std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = |name: &str, is_alive| Server {
            name: name.to_owned(),
            address: Ipv4Addr::LOCALHOST,
            is_alive,
        };
        let ports = [open, closed].map(|number| Port { number, rule: "" });
        let started = tokio::time::Instant::now();
        let seen = look(vec![server("dead", false), server("alive", true)], &ports).await;
        assert_eq!(seen, [Seen { server: server("alive", true), answers: vec![Open, Refused] }]);
        assert!(started.elapsed() >= RESTART);
        assert_eq!(look(vec![server("dead", false)], &ports[..1]).await.len(), 1);
    }
}
