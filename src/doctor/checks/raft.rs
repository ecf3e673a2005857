//! The voters of a cluster: whether each of them is a server that the gossip pool knows.

use crate::exit::hint::topics;
use crate::gates::advice::silent;
use crate::gates::servers::hidden_vote;
use crate::gates::{Finding, Problem};
use crate::state::Daemon;
use crate::system::daemon::api::ApiError;
use crate::system::daemon::quorum::Peer;
use crate::text::count;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

topics! {
    STALE: "raft-stale-voter",
        "once its replacement has a vote (`{name} operator raft list-peers`), run `{remove}`; until then the missing server \
         counts towards the majority";
}

/// A server that is just joining or leaving stands for a moment in only one of the two lists.
const AGAIN: Duration = Duration::from_secs(2);

/// The Raft configuration, and the addresses of all servers in the gossip pool, whatever their status.
pub(super) type Lists = (Vec<Peer>, Vec<Ipv4Addr>);

/// The finding about the voters. They are looked at twice, because only a voter that stays unknown is stale.
pub(super) async fn finding(
    daemon: Daemon,
    look: impl AsyncFn() -> Result<Lists, ApiError>,
) -> Finding {
    let both = async {
        let (peers, known) = look().await?;
        let before: Vec<String> =
            stale(&peers, &known).into_iter().map(|peer| peer.id.clone()).collect();
        if before.is_empty() {
            return Ok((peers, known));
        }
        tokio::time::sleep(AGAIN).await;
        let (mut peers, known) = look().await?;
        let now: Vec<String> =
            stale(&peers, &known).into_iter().map(|peer| peer.id.clone()).collect();
        // One that is stale only now may be the next to join.
        peers.retain(|peer| !now.contains(&peer.id) || before.contains(&peer.id));
        Ok((peers, known))
    };
    match both.await {
        Ok((peers, known)) => judge(daemon, &peers, &known),
        Err(ApiError::Status { status: 403, path, .. }) if path.contains("raft") => {
            Finding::Unknown(hidden_vote(daemon))
        }
        Err(error) => silent(daemon, &error),
    }
}

/// The voters at addresses that no server has.
fn stale<'a>(peers: &'a [Peer], known: &[Ipv4Addr]) -> Vec<&'a Peer> {
    let is_stale = |peer: &&Peer| {
        let address = peer.address.parse::<SocketAddrV4>();
        peer.voter && address.is_ok_and(|address| !known.contains(address.ip()))
    };
    peers.iter().filter(is_stale).collect()
}

fn judge(daemon: Daemon, peers: &[Peer], known: &[Ipv4Addr]) -> Finding {
    let voters = peers.iter().filter(|peer| peer.voter).count();
    let stale = stale(peers, known);
    let Some(first) = stale.first() else { return Finding::Pass(count(voters, "voter")) };
    let name = daemon.name();
    let option = match daemon {
        Daemon::Consul => "id",
        Daemon::Nomad => "peer-id",
    };
    let remove = format!("{name} operator raft remove-peer -{option}={}", first.id);
    let lines = stale.iter().map(|peer| format!("{} {} voter", peer.id, peer.address));
    Finding::Warn(
        Problem::new(
            format!(
                "the voter {} is not in the gossip pool; {} in all",
                first.address,
                count(voters, "voter")
            ),
            "every voter is a known server",
            STALE.with(&[("name", &name), ("remove", &remove)]),
        )
        .with(lines.collect()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn peer(last: u8, voter: bool) -> Peer {
        Peer { id: format!("id-{last}"), address: format!("10.0.0.{last}:8300"), voter }
    }

    fn known(last: &[u8]) -> Vec<Ipv4Addr> {
        last.iter().map(|last| [10, 0, 0, *last].into()).collect()
    }

    #[test]
    fn a_voter_that_no_member_is_gets_the_command_that_removes_it() {
        let peers = [peer(1, true), peer(2, true), peer(3, true), peer(4, false)];
        let all = judge(Daemon::Consul, &peers, &known(&[1, 2, 3]));
        assert_eq!(all, Finding::Pass("3 voters".to_owned()));
        for (daemon, command) in [
            (Daemon::Consul, "`consul operator raft remove-peer -id=id-3`"),
            (Daemon::Nomad, "`nomad operator raft remove-peer -peer-id=id-3`"),
        ] {
            let Finding::Warn(problem) = judge(daemon, &peers, &known(&[1, 2])) else {
                panic!("a stale voter")
            };
            assert_eq!(
                problem.found,
                "the voter 10.0.0.3:8300 is not in the gossip pool; 3 voters in all"
            );
            assert!(problem.hint.text.contains(command), "{}", problem.hint.text);
            assert_eq!(problem.evidence, ["id-3 10.0.0.3:8300 voter"]);
        }
        let strange = Peer { address: "somewhere".to_owned(), ..peer(9, true) };
        assert!(judge(Daemon::Consul, &[strange], &known(&[1])).passes());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_in_one_list_for_a_moment_is_no_finding() {
        let looks = Cell::new(0);
        let look = async |later: Lists| {
            looks.set(looks.get() + 1);
            let first = (vec![peer(1, true), peer(2, true)], known(&[1]));
            Ok(if looks.get() == 1 { first } else { later })
        };
        for (later, passes) in [
            ((vec![peer(1, true), peer(2, true)], known(&[1, 2])), true),
            ((vec![peer(1, true)], known(&[1])), true),
            ((vec![peer(1, true), peer(3, true)], known(&[1])), true),
            ((vec![peer(1, true), peer(2, true)], known(&[1])), false),
        ] {
            looks.set(0);
            let found = finding(Daemon::Consul, async || look(later.clone()).await).await;
            assert_eq!(matches!(found, Finding::Pass(_)), passes, "{later:?}");
            assert_eq!(looks.get(), 2);
        }
    }

    #[tokio::test]
    async fn what_acls_hide_is_unknown() {
        let path = "/v1/operator/raft/configuration?stale".to_owned();
        let denied = ApiError::Status { path, status: 403, words: String::new() };
        let found = finding(Daemon::Nomad, async || Err(denied.clone())).await;
        assert!(matches!(found, Finding::Unknown(_)), "{found:?}");
    }
}
