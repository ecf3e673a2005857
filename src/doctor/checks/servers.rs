//! The servers of a kind as this node sees them: whether enough of them are alive to elect a leader.

use crate::exit::hint::topics;
use crate::gates::servers::Servers;
use crate::gates::{Finding, Problem};
use crate::state::Daemon;
use crate::system::daemon::api::ApiError;
use crate::system::daemon::{consul, nomad};
use crate::text::count;
use std::net::Ipv4Addr;
use std::time::Duration;

topics! {
    NO_MAJORITY: "servers-failed",
        "start the failed servers, or check that this node reaches them; only if they and their data are lost, run \
         `cos-agent reform {name}` on each new server";
}

/// Longest time for the answer who leads: a server that hangs does not answer it.
const LEADER: Duration = Duration::from_secs(2);

/// A server in the gossip pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    name: String,
    address: Ipv4Addr,
    serf: Serf,
    expect: Option<u8>,
}

/// Its Serf status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Serf {
    Alive,
    Failed,
    /// It left, or is about to.
    Left,
}

/// The Consul servers among the members.
pub(super) fn of_consul(members: &[consul::Member]) -> Vec<Seen> {
    let servers = members.iter().filter(|member| member.is_server());
    let seen = servers.map(|member| Seen {
        name: member.name.clone(),
        address: member.addr,
        serf: match member.status {
            1 => Serf::Alive,
            4 => Serf::Failed,
            _ => Serf::Left,
        },
        expect: member.expect(),
    });
    seen.collect()
}

/// The Nomad servers of a region. Their pool holds those of all regions.
pub(super) fn of_nomad(members: &[nomad::Member], region: Option<&str>) -> Vec<Seen> {
    let is_here = |member: &&nomad::Member| {
        region.zip(member.region()).is_none_or(|(own, of_member)| own == of_member)
    };
    let seen = members.iter().filter(is_here).map(|member| Seen {
        name: member.name.clone(),
        address: member.addr,
        serf: match member.status.as_str() {
            "alive" => Serf::Alive,
            "failed" => Serf::Failed,
            _ => Serf::Left,
        },
        expect: member.expect(),
    });
    seen.collect()
}

/// The finding about these servers. `own` is the number in the tag of this node if it is one of them. The leader is asked for
/// only where too few servers are alive: a cluster that has a leader has its majority, whatever a tag says.
pub(super) async fn finding(
    daemon: Daemon,
    seen: &[Seen],
    own: Option<u8>,
    leader: impl Future<Output = Result<Option<String>, ApiError>>,
) -> Finding {
    let verdict = judge(daemon, seen, own);
    if matches!(verdict, Finding::Pass(_)) {
        return verdict;
    }
    match tokio::time::timeout(LEADER, leader).await {
        Ok(Ok(Some(leader))) => {
            Finding::Pass(format!("{}, {leader} leads", words(&counted(seen, own))))
        }
        _ => verdict,
    }
}

/// How many are alive, and how many form the cluster: the tag of this node, else the largest number that one of them expects,
/// else all that are known, because a server that joined a cluster later expects none.
fn counted(seen: &[Seen], own: Option<u8>) -> Servers {
    let known = || seen.iter().filter(|server| server.serf != Serf::Left);
    let said = own.or_else(|| known().filter_map(|server| server.expect).max());
    Servers {
        alive: seen.iter().filter(|server| server.serf == Serf::Alive).count(),
        expected: said.map_or_else(|| known().count(), usize::from).max(1),
        differing: None,
    }
}

fn words(servers: &Servers) -> String {
    if servers.alive >= servers.expected {
        return format!("{} alive", count(servers.alive, "server"));
    }
    format!("{} alive", servers.words())
}

/// A majority that was never there is a cluster that forms, and not judged here.
fn judge(daemon: Daemon, seen: &[Seen], own: Option<u8>) -> Finding {
    let servers = counted(seen, own);
    let failed: Vec<String> = seen
        .iter()
        .filter(|server| server.serf == Serf::Failed)
        .map(|server| format!("{} ({})", server.name, server.address))
        .collect();
    if servers.have_majority() || failed.is_empty() {
        return Finding::Pass(words(&servers));
    }
    let majority = count(servers.expected / 2 + 1, "server");
    Finding::Fail(Problem::new(
        format!("no leader: {} alive; failed: {}", servers.words(), failed.join(", ")),
        format!("{majority} alive, enough to elect a leader"),
        NO_MAJORITY.with(&[("name", &daemon.name())]),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Servers `i-1`, `i-2` …, each with a letter for its status (alive, failed, left) and what it expects.
    fn seen(states: &[(char, u8)]) -> Vec<Seen> {
        let one = |(index, (state, expect)): (usize, &(char, u8))| Seen {
            name: format!("i-{}", index + 1),
            address: [10, 0, 0, u8::try_from(index).unwrap() + 1].into(),
            serf: match state {
                'a' => Serf::Alive,
                'f' => Serf::Failed,
                _ => Serf::Left,
            },
            expect: Some(*expect).filter(|expect| *expect > 0),
        };
        states.iter().enumerate().map(one).collect()
    }

    #[test]
    fn fewer_than_a_majority_with_a_failed_server_is_a_failure() {
        let (a, f, l) = (('a', 3), ('f', 3), ('l', 3));
        let (join, gone) = (('a', 0), ('f', 0));
        for (states, own, expected) in [
            (vec![a, a, a], Some(3), "3 servers alive"),
            (vec![a, a, f], Some(3), "2 of 3 servers alive"),
            (vec![a, a, f], None, "2 of 3 servers alive"),
            (vec![a, f, f], Some(3), ""),
            (vec![a, f, f], None, ""),
            (vec![f, f, f], None, ""),
            // The first servers of a new cluster.
            (vec![a], Some(3), "1 of 3 servers alive"),
            (vec![], None, "0 of 1 server alive"),
            // Those that left on purpose are no loss.
            (vec![a, l, l], Some(1), "1 server alive"),
            (vec![a, a, a, f], None, "3 servers alive"),
            // Servers that joined later say no number.
            (vec![join, join, gone], None, "2 of 3 servers alive"),
            (vec![join, gone, gone], None, ""),
        ] {
            match judge(Daemon::Consul, &seen(&states), own) {
                Finding::Pass(words) => assert_eq!(words, expected, "{states:?}"),
                Finding::Fail(_) => assert_eq!("", expected, "{states:?}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_failed_servers_and_the_way_out_are_named() {
        let seen = seen(&[('a', 3), ('f', 3), ('f', 3)]);
        let Finding::Fail(problem) = judge(Daemon::Nomad, &seen, Some(3)) else { panic!("lost") };
        assert_eq!(
            problem.found,
            "no leader: 1 of 3 servers alive; failed: i-2 (10.0.0.2), i-3 (10.0.0.3)"
        );
        assert_eq!(problem.expected, "2 servers alive, enough to elect a leader");
        assert!(problem.hint.text.contains("`cos-agent reform nomad`"), "{}", problem.hint.text);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cluster_with_a_leader_has_its_majority() {
        let few = seen(&[('a', 3), ('f', 3), ('f', 3)]);
        let ask = async |leader: Option<&str>| {
            let leader = Ok(leader.map(str::to_owned));
            finding(Daemon::Consul, &few, Some(3), async { leader }).await
        };
        assert_eq!(
            ask(Some("a:8300")).await,
            Finding::Pass("1 of 3 servers alive, a:8300 leads".to_owned())
        );
        assert!(matches!(ask(None).await, Finding::Fail(_)));
        let hangs = finding(Daemon::Consul, &few, Some(3), std::future::pending()).await;
        assert!(matches!(hangs, Finding::Fail(_)));
    }
}
