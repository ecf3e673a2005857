//! PURE: what this machine should be. In: [`Facts`](crate::facts::Facts). Out: a [`Node`], or a [`ResolveError`].
//!
//! This is the only validation. A `Node` has no optional field that its role needs, so later stages need no checks.

pub mod auto_join;
mod error;
mod granted;
pub mod names;
mod resolve;
mod settings;
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
/// The allowed numbers of servers in a quorum.
pub static SERVER_COUNTS: &[u8] = &[1, 3, 5, 7];

/// The range of Consul versions that the agent renders for: the first and the last (major, minor).
pub static CONSUL_RANGE: ((u64, u64), (u64, u64)) = ((1, 8), (2, 1));
/// The same range for Nomad.
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
    /// The instance that it runs on.
    pub instance: Instance,
    /// What the host offers.
    pub host: Host,
    /// The name of the lifecycle hook that holds the instance until the node has joined.
    pub launch_hook: Option<String>,
    /// The certificate authorities of the site.
    pub authorities: Vec<Authority>,
    /// The settings, for everything but the node's identity.
    pub settings: Settings,
    /// Notes for people about this machine, one sentence each.
    pub notes: Vec<String>,
}

/// What a node does, with exactly the data that its role needs.
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
    /// A Nomad client, which runs tasks.
    NomadClient {
        /// Its datacenter.
        datacenter: NomadDatacenter,
        /// The version of Nomad.
        nomad: Version,
    },
}

impl Duty {
    /// The daemon in whose quorum it votes; `None` for a client.
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
    /// The auto-join string of the servers of this cluster, by the tag `key`. `provider=` comes first, because otherwise
    /// Nomad takes the string for a host name. The region is always there, because otherwise the daemon asks metadata for
    /// it (hashicorp/go-discover).
    pub fn join(&self, key: &str) -> String {
        let region = &self.instance.region;
        let cluster = &self.cluster;
        let endpoint = auto_join::endpoint(region)
            .map_or_else(String::new, |endpoint| format!(" endpoint={endpoint}"));
        format!(
            "provider=aws region={region} tag_key={key} tag_value={cluster} addr_type=private_v4{endpoint}"
        )
    }

    /// What the node is, in one line.
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
