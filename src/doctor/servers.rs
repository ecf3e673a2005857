//! PURE: how many servers are there, and how many there shall be.

use crate::doctor::Problem;
use crate::system::{consul, nomad};

/// The servers of a kind as one agent sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Servers {
    /// Those that are alive.
    pub alive: usize,
    /// How many form the cluster: the tag of this node if it is one of them, else what they say of themselves (Serf
    /// tag `expect`), else one.
    pub expected: usize,
}

/// Of Consul.
pub fn of_consul(members: &[consul::Member], own: Option<u8>) -> Servers {
    let servers = members.iter().filter(|member| member.is_server());
    let alive = servers.clone().filter(|server| server.is_alive());
    count(alive.clone().count(), own, alive.filter_map(consul::Member::expect))
}

/// Of Nomad, which has servers alone in its pool.
pub fn of_nomad(members: &[nomad::Member], own: Option<u8>) -> Servers {
    let alive = members.iter().filter(|member| member.is_alive());
    count(alive.clone().count(), own, alive.filter_map(nomad::Member::expect))
}

fn count(alive: usize, own: Option<u8>, said: impl Iterator<Item = u8>) -> Servers {
    let expected = own.or_else(|| said.max()).unwrap_or(1).max(1);
    Servers { alive, expected: expected.into() }
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
    use crate::doctor::checks::tests_support::server;

    #[test]
    fn the_tag_of_a_server_counts_then_what_the_servers_say_then_one() {
        let members = [server("i-1", 1), server("i-2", 4)];
        assert_eq!(of_consul(&members, Some(5)), Servers { alive: 1, expected: 5 });
        assert_eq!(of_consul(&members, None), Servers { alive: 1, expected: 3 });
        assert_eq!(of_consul(&[], None), Servers { alive: 0, expected: 1 });
    }
}
