//! PURE: what this machine should be. In: [`Facts`](crate::facts::Facts). Out: a [`Node`], or an error worth reading.
//!
//! This is the only validation. A `Node` has no optional field that its role needs, so nothing after it has to ask.

pub mod auto_join;
mod error;
mod granted;
pub mod names;
mod resolve;
pub mod tags;

use crate::facts::certificates::Authority;
use crate::facts::host::Host;
use crate::facts::instance::Instance;
use crate::facts::settings::Settings;
use crate::role::Role;
use crate::state::Daemon;
pub use error::ResolveError;
pub use granted::Granted;
use names::{ClusterName, ConsulDatacenter, NomadDatacenter, NomadRegion};
pub use resolve::resolve;
use semver::Version;

/// The datacenter of Nomad servers.
pub const LEADER: &str = "leader";
/// The datacenters of Nomad clients; the settings may list further ones.
pub static CLIENT_DATACENTERS: &[&str] =
    &["backoffice", "public-services", "private-services", "content-connector"];
/// The sizes of a quorum.
pub static SERVER_COUNTS: &[u8] = &[1, 3, 5, 7];

/// The range of versions that is rendered for: the first and the last minor.
pub static CONSUL_RANGE: ((u64, u64), (u64, u64)) = ((1, 8), (2, 1));
/// The same for Nomad.
pub static NOMAD_RANGE: ((u64, u64), (u64, u64)) = ((1, 6), (2, 0));

/// What this machine should be.
#[derive(Debug, Clone)]
pub struct Node {
    /// The cluster it belongs to.
    pub cluster: ClusterName,
    /// What it does there.
    pub duty: Duty,
    /// The version of its Consul agent.
    pub consul: Version,
    /// Consul's datacenter.
    pub consul_datacenter: ConsulDatacenter,
    /// Nomad's region.
    pub nomad_region: NomadRegion,
    /// The instance.
    pub instance: Instance,
    /// What the host offers.
    pub host: Host,
    /// The lifecycle hook that holds the instance back until the node has joined.
    pub launch_hook: Option<String>,
    /// The certificate authorities of the site.
    pub authorities: Vec<Authority>,
    /// The settings, for everything that is no identity.
    pub settings: Settings,
    /// What people have to know of this machine, a sentence each.
    pub notes: Vec<String>,
}

/// What a node does, with what that role needs and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Duty {
    /// A voting member of the Consul quorum.
    ConsulServer {
        /// How many servers form the cluster.
        servers: u8,
    },
    /// A voting member of the Nomad quorum.
    NomadServer {
        /// How many servers form the cluster.
        servers: u8,
        /// The version of Nomad.
        nomad: Version,
    },
    /// A worker.
    NomadClient {
        /// Its datacenter.
        datacenter: NomadDatacenter,
        /// The version of Nomad.
        nomad: Version,
    },
}

impl Duty {
    /// The daemon in whose quorum it votes.
    pub fn quorum(&self) -> Option<Daemon> {
        match self {
            Self::ConsulServer { .. } => Some(Daemon::Consul),
            Self::NomadServer { .. } => Some(Daemon::Nomad),
            Self::NomadClient { .. } => None,
        }
    }

    /// The role.
    pub fn role(&self) -> Role {
        match self {
            Self::ConsulServer { .. } => Role::ConsulServer,
            Self::NomadServer { .. } => Role::NomadServer,
            Self::NomadClient { .. } => Role::NomadClient,
        }
    }
}

impl Node {
    /// Consul's auto-join: the servers of this cluster, by tag. `provider=` comes first, or Nomad takes the string
    /// for a host name; the region is written, or the daemon asks metadata for it (hashicorp/go-discover).
    pub fn join(&self, key: &str) -> String {
        let region = &self.instance.region;
        let cluster = &self.cluster;
        let endpoint = auto_join::endpoint(region)
            .map_or_else(String::new, |endpoint| format!(" endpoint={endpoint}"));
        format!(
            "provider=aws region={region} tag_key={key} tag_value={cluster} addr_type=private_v4{endpoint}"
        )
    }

    /// What and why, in one line.
    pub fn summary(&self) -> String {
        let role = self.duty.role();
        let cluster = &self.cluster;
        let id = &self.instance.id;
        match &self.duty {
            Duty::NomadClient { datacenter, .. } => {
                format!("{id} is a {role} of {cluster} in datacenter {datacenter}")
            }
            Duty::ConsulServer { servers } => {
                format!("{id} is a {role} of {cluster}, one of {servers}")
            }
            Duty::NomadServer { servers, .. } => {
                format!("{id} is a {role} of {cluster} in datacenter {LEADER}, one of {servers}")
            }
        }
    }
}
