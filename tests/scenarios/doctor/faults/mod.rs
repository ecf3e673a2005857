//! What is broken, and how it is put right again. Nothing here knows what the doctor should say.

mod aws;
mod config;
mod daemons;
mod machine;
mod metadata;
mod network;

use crate::lab::node::Node;
use std::time::Duration;

/// A fault of one node.
pub(crate) struct Fault {
    /// What is wrong, for people.
    pub(crate) name: &'static str,
    /// The node that has it.
    pub(crate) on: &'static str,
    /// How it comes and goes.
    pub(crate) deed: Deed,
    /// How long it takes until it shows.
    pub(crate) settles: Duration,
    /// Whether the other nodes see it too, so that nothing else is tried meanwhile.
    pub(crate) is_seen_by_others: bool,
}

/// How a fault comes and goes.
pub(crate) enum Deed {
    /// By a script on the node: to break, to heal.
    Script(&'static str, &'static str),
    /// From outside of the node.
    Outside(fn(&Node<'_>), fn(&Node<'_>)),
}

impl Fault {
    /// A fault that a script makes.
    const fn script(
        on: &'static str,
        name: &'static str,
        breaks: &'static str,
        heals: &'static str,
    ) -> Self {
        Self {
            name,
            on,
            deed: Deed::Script(breaks, heals),
            settles: Duration::ZERO,
            is_seen_by_others: false,
        }
    }

    /// A fault that comes from outside of the node.
    const fn outside(
        on: &'static str,
        name: &'static str,
        breaks: fn(&Node<'_>),
        heals: fn(&Node<'_>),
    ) -> Self {
        Self {
            name,
            on,
            deed: Deed::Outside(breaks, heals),
            settles: Duration::ZERO,
            is_seen_by_others: false,
        }
    }

    /// The same, which shows only after a time.
    const fn after(self, seconds: u64) -> Self {
        Self { settles: Duration::from_secs(seconds), ..self }
    }

    /// The same, which other nodes see too.
    const fn seen_by_others(self) -> Self {
        Self { is_seen_by_others: true, ..self }
    }

    /// Breaks the node.
    pub(crate) fn break_it(&self, node: &Node<'_>) {
        match self.deed {
            Deed::Script(breaks, _) => drop(node.ok(&["sh", "-ec", breaks])),
            Deed::Outside(breaks, _) => breaks(node),
        }
        std::thread::sleep(self.settles);
    }

    /// Puts it right again.
    pub(crate) fn heal(&self, node: &Node<'_>) {
        match self.deed {
            Deed::Script(_, heals) => drop(node.ok(&["sh", "-ec", heals])),
            Deed::Outside(_, heals) => heals(node),
        }
    }
}

/// All faults of single nodes. Those of different nodes are tried at the same time.
pub(crate) fn all() -> Vec<&'static Fault> {
    [
        metadata::FAULTS,
        aws::FAULTS,
        network::FAULTS,
        config::FAULTS,
        daemons::FAULTS,
        machine::FAULTS,
    ]
    .concat()
}
