//! PURE: what this machine shall be. In: [`Facts`]. Out: a [`Node`], or an error worth reading.
//!
//! This is the only validation. A `Node` has no optional field that its role needs, so nothing after it has to ask.

pub mod auto_join;
mod error;
mod granted;
pub mod names;
pub mod tags;

use crate::facts::Facts;
use crate::facts::certificates::Authority;
use crate::facts::host::Host;
use crate::facts::instance::Instance;
use crate::facts::settings::{Release, Settings};
use crate::role::Role;
use crate::state::Daemon;
pub use error::ResolveError;
pub use granted::Granted;
use names::{ClusterName, ConsulDatacenter, NomadDatacenter, NomadRegion};
use semver::Version;
use std::collections::BTreeMap;

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

/// What this machine shall be.
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

/// Decides what the machine shall be.
pub fn resolve(facts: &Facts) -> Result<Node, ResolveError> {
    let values = &facts.tags.values;
    tags::check_spelling(values)?;
    tags::check_blanks(values)?;
    let role = role(required(values, tags::ROLE)?)?;
    let cluster = cluster(required(values, tags::CLUSTER)?)?;
    tags::check_role(role, values)?;
    let nomad = || version("nomad", facts.installed.nomad.as_ref(), NOMAD_RANGE);
    let duty = match role {
        Role::ConsulServer => {
            join_tag(values, tags::CONSUL_SERVER, &cluster)?;
            Duty::ConsulServer { servers: servers(values)? }
        }
        Role::NomadServer => {
            join_tag(values, tags::NOMAD_SERVER, &cluster)?;
            server_datacenter(required(values, tags::DATACENTER)?)?;
            Duty::NomadServer { servers: servers(values)?, nomad: nomad()? }
        }
        Role::NomadClient => {
            let further = &facts.settings.cluster.client_datacenters;
            let datacenter = client_datacenter(required(values, tags::DATACENTER)?, further)?;
            Duty::NomadClient { datacenter, nomad: nomad()? }
        }
    };
    let region = facts.instance.region.as_str();
    Ok(Node {
        cluster,
        duty,
        consul: version("consul", facts.installed.consul.as_ref(), CONSUL_RANGE)?,
        consul_datacenter: ConsulDatacenter(label(
            "consul.datacenter",
            facts.settings.consul.datacenter.as_deref(),
            region,
        )?),
        nomad_region: NomadRegion(label(
            "nomad.region",
            facts.settings.nomad.region.as_deref(),
            region,
        )?),
        instance: facts.instance.clone(),
        host: facts.host,
        launch_hook: launch_hook(facts)?,
        authorities: facts.authorities.clone(),
        settings: facts.settings.clone(),
        notes: facts.notes.clone(),
    })
}

fn required<'a>(
    values: &'a BTreeMap<String, String>,
    key: &'static str,
) -> Result<&'a str, ResolveError> {
    values.get(key).map(String::as_str).ok_or(ResolveError::Missing { key })
}

fn role(found: &str) -> Result<Role, ResolveError> {
    Role::named(found).ok_or_else(|| ResolveError::Value {
        key: tags::ROLE,
        found: found.to_owned(),
        allowed: Role::names().collect::<Vec<_>>().join(", "),
        nearest: crate::text::nearest(found, Role::names()).map(str::to_owned),
    })
}

fn cluster(found: &str) -> Result<ClusterName, ResolveError> {
    if names::is_cluster_name(found) {
        return Ok(ClusterName(found.to_owned()));
    }
    let lower = found.to_ascii_lowercase().replace(['_', '.', ' '], "-");
    Err(ResolveError::Value {
        key: tags::CLUSTER,
        found: found.to_owned(),
        allowed: names::CLUSTER_GRAMMAR.to_owned(),
        nearest: names::is_cluster_name(&lower).then_some(lower),
    })
}

fn servers(values: &BTreeMap<String, String>) -> Result<u8, ResolveError> {
    let found = required(values, tags::SERVERS)?;
    SERVER_COUNTS.iter().copied().find(|count| count.to_string() == found).ok_or_else(|| {
        ResolveError::Value {
            key: tags::SERVERS,
            found: found.to_owned(),
            allowed: "1, 3, 5 or 7, because a quorum needs an odd number".to_owned(),
            nearest: found.parse::<u8>().ok().and_then(|count| {
                SERVER_COUNTS.iter().find(|allowed| **allowed >= count.max(1)).map(u8::to_string)
            }),
        }
    })
}

fn server_datacenter(found: &str) -> Result<(), ResolveError> {
    if found == LEADER {
        return Ok(());
    }
    Err(ResolveError::Value {
        key: tags::DATACENTER,
        found: found.to_owned(),
        allowed: format!("{LEADER} on a nomad-server; other datacenters are for nomad-client"),
        nearest: Some(LEADER.to_owned()),
    })
}

fn client_datacenter(found: &str, further: &[String]) -> Result<NomadDatacenter, ResolveError> {
    let allowed = || CLIENT_DATACENTERS.iter().copied().chain(further.iter().map(String::as_str));
    if let Some(bad) = further.iter().find(|name| !names::is_label(name) || *name == LEADER) {
        return Err(ResolveError::Setting {
            key: "cluster.client_datacenters",
            found: bad.clone(),
            expected: "names of a-z, 0-9, - and _, other than leader",
        });
    }
    if allowed().any(|name| name == found) {
        return Ok(NomadDatacenter(found.to_owned()));
    }
    Err(ResolveError::Value {
        key: tags::DATACENTER,
        found: found.to_owned(),
        allowed: format!("{} on a nomad-client", allowed().collect::<Vec<_>>().join(", ")),
        nearest: crate::text::nearest(found, allowed()).map(str::to_owned),
    })
}

fn launch_hook(facts: &Facts) -> Result<Option<String>, ResolveError> {
    let heartbeat = facts.settings.launch_hook.heartbeat;
    // A hook times out after 30 seconds at the earliest; faster heartbeats only throttle the account.
    if heartbeat.seconds() < 10 {
        return Err(ResolveError::Setting {
            key: "launch_hook.heartbeat",
            found: heartbeat.into(),
            expected: "10s or more, at most a third of the hook's HeartbeatTimeout",
        });
    }
    match facts.tags.values.get(tags::LAUNCH_HOOK) {
        Some(found) if !names::is_hook_name(found) => Err(ResolveError::Value {
            key: tags::LAUNCH_HOOK,
            found: found.clone(),
            allowed: format!("{}; no tag where there is no hook", names::HOOK_GRAMMAR),
            nearest: None,
        }),
        found => Ok(found.cloned()),
    }
}

fn join_tag(
    values: &BTreeMap<String, String>,
    key: &'static str,
    cluster: &ClusterName,
) -> Result<(), ResolveError> {
    let found = required(values, key)?;
    if found == cluster.as_str() {
        return Ok(());
    }
    Err(ResolveError::Value {
        key,
        found: found.to_owned(),
        allowed: format!("the cluster's name, which is {cluster}"),
        nearest: Some(cluster.as_str().to_owned()),
    })
}

fn label(key: &'static str, set: Option<&str>, region: &str) -> Result<String, ResolveError> {
    match set {
        None => Ok(region.to_owned()),
        Some(text) if names::is_label(text) => Ok(text.to_owned()),
        Some(text) => Err(ResolveError::Setting {
            key,
            found: text.to_owned(),
            expected: "1 to 63 of a-z, 0-9, - and _, not first or last -",
        }),
    }
}

/// The version to render for: known, not older than the range, and newer ones like the newest.
fn version(
    program: &'static str,
    found: Option<&Release>,
    (oldest, newest): ((u64, u64), (u64, u64)),
) -> Result<Version, ResolveError> {
    let found = &found.ok_or(ResolveError::NoVersion { program })?.0;
    let minor = (found.major, found.minor);
    if minor < oldest {
        return Err(ResolveError::TooOld { program, found: found.clone(), oldest });
    }
    if minor > newest {
        tracing::warn!(
            "{program} {found} is newer than {}.{}, the newest version that cos-agent knows; it gets the configuration of that version",
            newest.0,
            newest.1
        );
    }
    Ok(found.clone())
}
