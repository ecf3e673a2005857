//! PURE: how many servers are alive, how many form the cluster, and what to do about one without a leader or a vote.

use crate::exit::hint::topics;
use crate::gates::Problem;
use crate::state::Daemon;
use crate::system::daemon::{consul, nomad};
use crate::text;

topics! {
    HIDDEN_VOTE: "vote-hidden",
        "grant `operator` read to the anonymous token of {name}; `{name} operator raft list-peers` shows the voters";
    OTHER_COUNT: "servers-disagree",
        "set the same tag `cos:servers` on all of them, then run `cos-agent apply` on those whose tag changed";
    TOO_FEW: "servers-missing",
        "this node waits for the others; if they and their data are lost, run `cos-agent reform {name}` on each new server";
    NOT_ALL: "servers-not-all",
        "a new cluster waits for all its servers: start the missing ones; if it has formed before, look at `journalctl -b -u \
         {name}` on the servers that run";
    NO_ELECTION: "leader-missing",
        "if this lasts, look at `journalctl -b -u {name}` on the servers; if they replace a cluster that is lost, run \
         `cos-agent reform {name}` on each";
    NO_VOTE: "vote-missing",
        "autopilot adds it after 10 stable seconds; if this lasts, look at `{name} operator raft list-peers`";
}

/// The servers of a kind as one agent sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Servers {
    /// Those that are alive.
    pub alive: usize,
    /// How many form the cluster: the tag of this node if it is one of them, else the largest Serf tag `expect` among
    /// them, else those that are alive; at least one.
    pub expected: usize,
    /// The first of them that expects another number of servers than the tag of this node says, as a sentence. Such servers
    /// do not form a cluster together (`maybeBootstrap` of Consul and Nomad, "conflicting expect value").
    pub differing: Option<String>,
}

/// The servers of Consul.
pub fn of_consul(members: &[consul::Member], own: Option<u8>) -> Servers {
    let alive = members.iter().filter(|member| member.is_server() && member.is_alive());
    count(alive.map(|member| (member.name.as_str(), member.expect())), own)
}

/// The servers of Nomad, whose gossip pool holds only servers.
pub fn of_nomad(members: &[nomad::Member], own: Option<u8>) -> Servers {
    let alive = members.iter().filter(|member| member.is_alive());
    count(alive.map(|member| (member.name.as_str(), member.expect())), own)
}

/// Counts servers, each with its name and its Serf tag `expect`, which a server that can only join does not have.
fn count<'a>(alive: impl Iterator<Item = (&'a str, Option<u8>)>, own: Option<u8>) -> Servers {
    let alive: Vec<_> = alive.collect();
    let said = || alive.iter().filter_map(|(name, expect)| Some((name, (*expect)?)));
    let said_most = own.or_else(|| said().map(|(_, expect)| expect).max());
    // Servers that can only join expect no number, so those that are there are all that is known.
    let expected = said_most.map_or(alive.len(), usize::from).max(1);
    let differing = own.and_then(|own| {
        let (name, expect) = said().find(|(_, expect)| *expect != own)?;
        Some(format!(
            "{name} expects {}, but `cos:servers` is {own} on this node",
            text::count(expect, "server")
        ))
    });
    Servers { alive: alive.len(), expected, differing }
}

impl Servers {
    /// `2 of 3 servers`, `1 of 1 server`.
    pub fn words(&self) -> String {
        format!("{} of {}", self.alive, text::count(self.expected, "server"))
    }

    /// The problem of a cluster without a leader.
    pub fn leaderless(&self, daemon: Daemon) -> Problem {
        let name = [("name", &daemon.name() as &dyn std::fmt::Display)];
        let is = if self.alive == 1 { "is" } else { "are" };
        let found = format!("no leader: {} {is} alive", self.words());
        if let Some(differing) = &self.differing {
            return Problem::new(
                format!("{found}; {differing}"),
                "the servers that form a cluster all have the same `cos:servers`",
                OTHER_COUNT.plain(),
            );
        }
        if self.have_majority() && self.alive < self.expected {
            let expected = format!(
                "all {} if the cluster is new; if it is not, these servers elect a leader within seconds",
                text::count(self.expected, "server")
            );
            return Problem::new(found, expected, NOT_ALL.with(&name));
        }
        if self.have_majority() {
            let expected = "these servers elect a leader within seconds";
            return Problem::new(found, expected, NO_ELECTION.with(&name));
        }
        let majority = text::count(self.expected / 2 + 1, "server");
        let expected = format!("{majority}, enough to elect a leader");
        Problem::new(found, expected, TOO_FEW.with(&name))
    }

    /// Whether enough of them are alive to elect a leader.
    pub fn have_majority(&self) -> bool {
        self.alive > self.expected / 2
    }
}

/// The problem of a server whose vote is unknown because ACLs hide the list of Raft peers from requests without a token. It
/// holds the launch hook, because a server that may have no vote has not joined.
pub fn hidden_vote(daemon: Daemon) -> Problem {
    Problem::new(
        "cannot verify that this server has a vote, because ACLs hide the Raft peers",
        "this server is a voter",
        HIDDEN_VOTE.with(&[("name", &daemon.name())]),
    )
}

/// The problem that the leader has not made this server a voter.
pub fn no_vote(daemon: Daemon, leader: &str, own: &str) -> Problem {
    Problem::new(
        format!("the leader {leader} has not made this server a voter yet"),
        format!("{own} is one of the voters"),
        NO_VOTE.with(&[("name", &daemon.name())]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::checks::tests_support::server;

    #[test]
    fn the_tag_of_a_server_counts_then_what_the_servers_say_then_how_many_there_are() {
        let members = [server("i-1", 1), server("i-2", 4)];
        let counted = |members: &[consul::Member], own| {
            let servers = of_consul(members, own);
            (servers.alive, servers.expected)
        };
        assert_eq!(counted(&members, Some(5)), (1, 5));
        assert_eq!(counted(&members, None), (1, 3));
        assert_eq!(counted(&[], None), (0, 1));
        let mut joins = [server("i-1", 1), server("i-2", 1)];
        for member in &mut joins {
            member.tags.remove("expect");
        }
        assert_eq!(counted(&joins, None), (2, 2));
    }

    #[test]
    fn servers_that_expect_another_number_are_named_where_there_is_no_leader() {
        let (mut far, mut joins) = (server("i-2", 1), server("i-3", 1));
        far.tags.insert("expect".to_owned(), "5".to_owned());
        joins.tags.remove("expect");
        let same = of_consul(&[server("i-1", 1), joins.clone()], Some(3));
        assert_eq!((same.alive, same.differing), (2, None));
        let servers = of_consul(&[server("i-1", 1), joins, far], Some(3));
        let problem = servers.leaderless(Daemon::Consul);
        assert_eq!(
            problem.found,
            "no leader: 3 of 3 servers are alive; i-2 expects 5 servers, but `cos:servers` is 3 on this node"
        );
        assert!(problem.hint.text.contains("the same tag `cos:servers`"), "{}", problem.hint.text);
        let two = Servers { alive: 2, expected: 3, differing: None };
        let problem = two.leaderless(Daemon::Consul);
        assert!(problem.expected.starts_with("all 3 servers if the cluster is new"), "{problem:?}");
        assert!(!problem.hint.text.contains("reform"), "{}", problem.hint.text);
        // A node that is not a server has no number of its own.
        assert_eq!(of_consul(&[server("i-1", 1)], None).differing, None);
    }
}
