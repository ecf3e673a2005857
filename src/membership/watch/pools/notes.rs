//! PURE: what is worth knowing about the servers of a pool although nothing is wrong with this node.

use crate::membership::join::discovery::{self, Found};
use crate::membership::join::rejoin::{self, Pool};
use crate::state::Daemon;

/// What EC2's list shows besides addresses.
pub(super) fn notes(pool: &Pool, found: &Found, own: &str) -> Vec<String> {
    let mut notes: Vec<String> = found.foreign.iter().map(discovery::foreign_words).collect();
    notes.extend(differing(pool));
    let silent = found.peers.iter().filter(|peer| peer.instance != own);
    let gossips = pool.daemon == Daemon::Consul || pool.expected > 1;
    for peer in silent.filter(|peer| gossips && !pool.known.contains(&peer.address)) {
        notes.push(format!(
            "EC2 lists {} at {} as a running server, but {} does not see it alive",
            peer.instance,
            peer.address,
            rejoin::title(pool.daemon)
        ));
    }
    notes
}

/// The note on a server that expects another number of servers. Without a leader the gate reports it as the problem.
pub(super) fn differing(pool: &Pool) -> Option<String> {
    let differing = pool.differing.as_ref().filter(|_| pool.has_leader)?;
    Some(format!("the {} servers disagree: {differing}", rejoin::title(pool.daemon)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::membership::watch::pools::tests::pool;

    #[test]
    fn a_server_that_expects_another_number_is_a_note_while_there_is_a_leader() {
        let differing =
            Some("i-2 expects 5 servers, but `cos:servers` is 3 on this node".to_owned());
        let notes = |has_leader| {
            let pool = Pool { differing: differing.clone(), ..pool(Daemon::Consul, has_leader) };
            notes(&pool, &Found::default(), "i-1")
        };
        assert_eq!(
            notes(true),
            [
                "the Consul servers disagree: i-2 expects 5 servers, but `cos:servers` is 3 on this node"
            ]
        );
        assert!(notes(false).is_empty());
    }
}
