//! PURE: how many servers are alive, and how many form the cluster.

use crate::gates::Problem;
use crate::system::daemon::{consul, nomad};
use crate::text;

/// The servers of a kind as one agent sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Servers {
    /// Those that are alive.
    pub alive: usize,
    /// How many form the cluster: the tag of this node if it is one of them, else the largest Serf tag `expect` among
    /// them, else one.
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
    let expected = own.or_else(|| said().map(|(_, expect)| expect).max()).unwrap_or(1).max(1);
    let differing = own.and_then(|own| {
        let (name, expect) = said().find(|(_, expect)| *expect != own)?;
        Some(format!(
            "{name} expects {}, but `cos:servers` is {own} on this node",
            text::count(expect, "server")
        ))
    });
    Servers { alive: alive.len(), expected: expected.into(), differing }
}

impl Servers {
    /// `2 of 3 servers`, `1 of 1 server`.
    pub fn words(&self) -> String {
        format!("{} of {}", self.alive, text::count(self.expected, "server"))
    }

    /// The problem of a cluster without a leader.
    pub fn leaderless(&self, daemon: &str) -> Problem {
        let is = if self.alive == 1 { "is" } else { "are" };
        let found = format!("no leader: {} {is} alive", self.words());
        let majority = self.expected / 2 + 1;
        if let Some(differing) = &self.differing {
            return Problem::new(
                format!("{found}; {differing}"),
                "the servers that form a cluster all have the same `cos:servers`",
                "set the same tag `cos:servers` on all of them, then run `cos-agent apply` on those whose tag changed",
            );
        }
        if self.alive < majority {
            Problem::new(
                found,
                format!("{}, enough to elect a leader", text::count(majority, "server")),
                format!(
                    "this node waits for the others; if they and their data are lost, run `cos-agent reform {daemon}` on each new server"
                ),
            )
        } else {
            Problem::new(
                found,
                "these servers elect a leader within seconds",
                format!(
                    "if this lasts, look at `journalctl -b -u {daemon}` on the servers; if they replace a cluster that is lost, run `cos-agent reform {daemon}` on each"
                ),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::checks::tests_support::server;

    #[test]
    fn the_tag_of_a_server_counts_then_what_the_servers_say_then_one() {
        let members = [server("i-1", 1), server("i-2", 4)];
        let counted = |members: &[consul::Member], own| {
            let servers = of_consul(members, own);
            (servers.alive, servers.expected)
        };
        assert_eq!(counted(&members, Some(5)), (1, 5));
        assert_eq!(counted(&members, None), (1, 3));
        assert_eq!(counted(&[], None), (0, 1));
    }

    #[test]
    fn servers_that_expect_another_number_are_named_where_there_is_no_leader() {
        let (mut far, mut joins) = (server("i-2", 1), server("i-3", 1));
        far.tags.insert("expect".to_owned(), "5".to_owned());
        joins.tags.remove("expect");
        let same = of_consul(&[server("i-1", 1), joins.clone()], Some(3));
        assert_eq!((same.alive, same.differing), (2, None));
        let servers = of_consul(&[server("i-1", 1), joins, far], Some(3));
        let problem = servers.leaderless("consul");
        assert_eq!(
            problem.found,
            "no leader: 3 of 3 servers are alive; i-2 expects 5 servers, but `cos:servers` is 3 on this node"
        );
        assert!(problem.hint.contains("the same tag `cos:servers`"), "{}", problem.hint);
        // A node that is not a server has no number of its own.
        assert_eq!(of_consul(&[server("i-1", 1)], None).differing, None);
    }
}
