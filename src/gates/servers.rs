//! PURE: how many servers are there, and how many there shall be.

use crate::gates::Problem;
use crate::system::daemon::{consul, nomad};

/// The servers of a kind as one agent sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Servers {
    /// Those that are alive.
    pub alive: usize,
    /// How many form the cluster: the tag of this node if it is one of them, else what they say of themselves (Serf
    /// tag `expect`), else one.
    pub expected: usize,
    /// The first of them that waits for another number of servers than the tag of this node says, in words. Such servers
    /// found no cluster together (`maybeBootstrap` of Consul and Nomad, "conflicting expect value").
    pub differing: Option<String>,
}

/// Of Consul.
pub fn of_consul(members: &[consul::Member], own: Option<u8>) -> Servers {
    let alive = members.iter().filter(|member| member.is_server() && member.is_alive());
    count(alive.map(|member| (member.name.as_str(), member.expect())), own)
}

/// Of Nomad, which has servers alone in its pool.
pub fn of_nomad(members: &[nomad::Member], own: Option<u8>) -> Servers {
    let alive = members.iter().filter(|member| member.is_alive());
    count(alive.map(|member| (member.name.as_str(), member.expect())), own)
}

/// Of servers by their name and what they say of themselves; one that can only join says nothing.
fn count<'a>(alive: impl Iterator<Item = (&'a str, Option<u8>)>, own: Option<u8>) -> Servers {
    let alive: Vec<_> = alive.collect();
    let said = || alive.iter().filter_map(|(name, expect)| Some((name, (*expect)?)));
    let expected = own.or_else(|| said().map(|(_, expect)| expect).max()).unwrap_or(1).max(1);
    let differing = own.and_then(|own| {
        let (name, expect) = said().find(|(_, expect)| *expect != own)?;
        Some(format!("{name} expects {expect} of them, and `cos:servers` is {own} here"))
    });
    Servers { alive: alive.len(), expected: expected.into(), differing }
}

impl Servers {
    /// Whether there are as many as there shall be.
    pub fn are_complete(&self) -> bool {
        self.alive >= self.expected
    }

    /// `2 of 3 servers`.
    pub fn words(&self) -> String {
        format!("{} of {} servers", self.alive, self.expected)
    }

    /// The problem of a cluster without a leader.
    pub fn leaderless(&self, daemon: &str) -> Problem {
        let is = if self.alive == 1 { "is" } else { "are" };
        let found = format!("no leader: {} {is} here", self.words());
        let majority = self.expected / 2 + 1;
        if let Some(differing) = &self.differing {
            return Problem::new(
                format!("{found}; {differing}"),
                "all servers of a cluster that is to form have the same `cos:servers`",
                "give all of them the same tag `cos:servers`, then run `cos-agent apply` where it changed",
            );
        }
        if self.alive < majority {
            Problem::new(
                found,
                format!("{majority} servers, which elect a leader"),
                format!(
                    "this node waits for the others. If they are lost for good, with their data: `cos-agent reform {daemon}` on each server"
                ),
            )
        } else {
            Problem::new(
                found,
                "they elect a leader within seconds",
                format!(
                    "if it lasts: `journalctl -b -u {daemon}` on the servers. Servers that replace a lost cluster form no new one by themselves: `cos-agent reform {daemon}` on each"
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
            "no leader: 3 of 3 servers are here; i-2 expects 5 of them, and `cos:servers` is 3 here"
        );
        assert!(problem.hint.contains("the same tag `cos:servers`"), "{}", problem.hint);
        // A node that is none of them has no number of its own.
        assert_eq!(of_consul(&[server("i-1", 1)], None).differing, None);
    }
}
