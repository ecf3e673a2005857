//! PURE: how urgently a pool of servers needs EC2's list.

/// The facts about a pool that decide whether EC2 is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct View {
    /// Whether this node is one of the servers.
    pub(super) is_server: bool,
    /// Whether there is a leader.
    pub(super) has_leader: bool,
    /// How many servers it knows.
    pub(super) known: usize,
    /// How many servers form the cluster.
    pub(super) expected: usize,
}

/// Why EC2 is asked, the most urgent last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Want {
    /// It is not asked: an agent with a leader learns of every server by gossip or with each heartbeat.
    Nothing,
    /// Nothing is missing; an audit finds instances that carry the tag by mistake.
    Audit,
    /// A server is missing, or all are known but elect no leader.
    Short,
    /// Too few servers are known for a leader.
    Lost,
}

impl View {
    /// Whether it knows no server but this node.
    pub(super) fn is_alone(self) -> bool {
        self.known <= usize::from(self.is_server)
    }

    /// Why EC2 is asked for this pool.
    pub(super) fn want(self) -> Want {
        let is_complete = self.known >= self.expected;
        match (self.has_leader, self.is_server) {
            (true, false) => Want::Nothing,
            (true, true) if is_complete => Want::Audit,
            (true, true) => Want::Short,
            // All servers are known, so EC2's list would hardly help.
            (false, _) if is_complete => Want::Short,
            (false, _) => Want::Lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_needs_ec2_without_a_leader_alone_and_a_server_where_others_are_away() {
        let want = |is_server, has_leader, known| {
            View { is_server, has_leader, known, expected: 3 }.want()
        };
        for known in 0..4 {
            assert_eq!(want(false, true, known), Want::Nothing, "{known}");
        }
        assert_eq!((want(false, false, 2), want(true, false, 2)), (Want::Lost, Want::Lost));
        assert_eq!((want(false, false, 3), want(true, false, 3)), (Want::Short, Want::Short));
        assert_eq!((want(true, true, 2), want(true, true, 3)), (Want::Short, Want::Audit));
        assert_eq!(want(true, true, 4), Want::Audit, "one that is replaced is still there");
    }
}
