//! A check as a record: what is known of it before it is asked, and the probe that asks.

use super::Finding;
use crate::exit::hint::Topic;
use crate::role::Role;
use futures_util::future::LocalBoxFuture;
use std::ops::Deref;
use std::time::Duration;

/// A check for one thing that can be wrong. `C` is what its probe works with.
pub struct Check<C: 'static> {
    /// What is known of it before it is asked.
    pub about: About,
    /// Asks the machine and judges the answers.
    pub probe: for<'a> fn(&'a C) -> LocalBoxFuture<'a, Finding>,
    /// Returns when the answer may have changed, if an API reports that; otherwise the check is repeated after a pause.
    pub changed: Option<for<'a> fn(&'a C) -> LocalBoxFuture<'a, ()>>,
}

/// What is known of a check before it is asked.
#[derive(Debug)]
pub struct About {
    /// Its name, which never changes: scripts and runbooks use it.
    pub id: &'static str,
    /// What is true when it passes.
    pub title: &'static str,
    /// The line of the report on which it counts.
    pub group: Group,
    /// The roles on which it is asked.
    pub roles: &'static [Role],
    /// The checks that must pass before it is asked.
    pub needs: &'static [&'static str],
    /// The checks that can fail only because this one fails. They are asked, but their problem is a consequence.
    pub explains: &'static [&'static str],
    /// What a failure means for the node.
    pub impact: Impact,
    /// Longest time for the probe.
    pub timeout: Duration,
    /// What people read about it.
    pub page: Page,
}

/// What people read about a check: the page of `cos-agent explain`.
#[derive(Debug)]
pub struct Page {
    /// What is checked, and how.
    pub means: &'static str,
    /// Why a failure matters.
    pub matters: &'static str,
    /// The commands that show the same by hand.
    pub look: &'static [&'static str],
    /// Every advice that the check gives.
    pub fixes: &'static [&'static [Topic]],
    /// Where the facts come from: an address.
    pub source: &'static str,
}

/// The lines of a report, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The agent itself: its last run, its settings, its rights.
    Boot,
    /// Disk, memory, kernel.
    Machine,
    /// The wall clock.
    Clock,
    /// The metadata service of EC2.
    Metadata,
    /// Tags and role.
    Role,
    /// Credentials, endpoints, discovery.
    Aws,
    /// Links, ports, the way to the servers.
    Network,
    /// Name resolution.
    Dns,
    /// The files of the daemons.
    Config,
    /// Certificate authorities.
    Tls,
    /// systemd's units.
    Units,
    /// The Consul agent and its cluster.
    Consul,
    /// The Nomad agent and its cluster.
    Nomad,
    /// docker and the registry.
    Docker,
    /// An image before its snapshot.
    Image,
}

/// What a failure means for the node, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Impact {
    /// The node is not a member, or will not be after its next boot.
    Down,
    /// The node is a member that lacks something.
    Degraded,
    /// Nothing is lost yet.
    Risk,
}

impl Group {
    /// All groups.
    pub const ALL: [Self; 15] = [
        Self::Boot,
        Self::Machine,
        Self::Clock,
        Self::Metadata,
        Self::Role,
        Self::Aws,
        Self::Network,
        Self::Dns,
        Self::Config,
        Self::Tls,
        Self::Units,
        Self::Consul,
        Self::Nomad,
        Self::Docker,
        Self::Image,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boot => "boot",
            Self::Machine => "machine",
            Self::Clock => "clock",
            Self::Metadata => "metadata",
            Self::Role => "role",
            Self::Aws => "aws",
            Self::Network => "network",
            Self::Dns => "dns",
            Self::Config => "config",
            Self::Tls => "tls",
            Self::Units => "units",
            Self::Consul => "consul",
            Self::Nomad => "nomad",
            Self::Docker => "docker",
            Self::Image => "image",
        }
    }
}

impl Impact {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Down => "node-down",
            Self::Degraded => "degraded",
            Self::Risk => "risk",
        }
    }
}

impl<C> Deref for Check<C> {
    type Target = About;

    fn deref(&self) -> &About {
        &self.about
    }
}
