//! The settings of the agent: what an operator may decide besides the tags. Only tags decide the identity of the node.
//!
//! They are strict: an unknown key, a wrong type or a malformed value is refused with file, line and column.

mod error;
mod layers;
mod network;
mod values;

pub use error::SettingsError;
pub use layers::{Layer, Layers, Source, merge, parse};
pub use network::{LinkLocal, RegistryHost};
pub use values::{Duration, LogLevel, PemText, Release};

use crate::facts::host::Resolver;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// A table that is merged last into an agent's own configuration.
pub type Extra = serde_json::Map<String, serde_json::Value>;

/// The names of the top-level tables, by which user data for cos-agent is recognised.
pub const TABLES: [&str; 8] =
    ["ca", "cluster", "consul", "dns", "ecr", "launch_hook", "nomad", "quorum"];

/// All settings, each with its default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The cluster as a whole.
    pub cluster: Cluster,
    /// The Consul agent.
    pub consul: Consul,
    /// The Nomad agent.
    pub nomad: Nomad,
    /// Registries that the ECR credential helper serves.
    pub ecr: Ecr,
    /// Certificate authorities of the site.
    pub ca: Ca,
    /// Resolution of `.consul` names.
    pub dns: Dns,
    /// The launch hook that the tag `cos:launch-hook` names.
    pub launch_hook: LaunchHook,
    /// How servers form their cluster.
    pub quorum: Quorum,
}

/// The cluster as a whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cluster {
    /// Nomad datacenters of clients beyond the four of COS.
    pub client_datacenters: Vec<String>,
}

/// The Consul agent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Consul {
    /// The version to render for if no binary is installed. If one is installed, it must have this version.
    pub version: Option<Release>,
    /// The Consul datacenter. The default is the AWS region.
    pub datacenter: Option<String>,
    /// How much the agent logs.
    pub log_level: LogLevel,
    /// Whether Consul also answers HTTP at the address of the link `cos0` (`dns.address`), where containers reach it. Nothing
    /// outside the node does. It needs systemd-resolved, because no other resolver has the link.
    pub http_on_link: bool,
    /// Keys of Consul's own configuration, merged last.
    pub extra: Extra,
}

/// The Nomad agent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Nomad {
    /// The version to render for if no binary is installed. If one is installed, it must have this version.
    pub version: Option<Release>,
    /// The Nomad region. The default is the AWS region.
    pub region: Option<String>,
    /// How much the agent logs.
    pub log_level: LogLevel,
    /// The pause image of bridge networks. Subnets without internet access cannot reach Nomad's default.
    pub infra_image: Option<String>,
    /// How long a client may take to drain when it shuts down.
    pub drain_deadline: Duration<3600>,
    /// What a client keeps for the host.
    pub reserved: Reserved,
    /// Keys of Nomad's own configuration, merged last.
    pub extra: Extra,
}

/// What a Nomad client keeps for the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Reserved {
    /// CPU in MHz.
    pub cpu_mhz: u32,
    /// Memory in MB.
    pub memory_mb: u32,
    /// Disk in MB. Since Nomad 1.11.1 nothing else keeps tasks from filling the root volume.
    pub disk_mb: u32,
    /// Ports that no task gets, in Nomad's syntax.
    pub ports: String,
}

impl Default for Reserved {
    fn default() -> Self {
        Self {
            cpu_mhz: 100,
            memory_mb: 256,
            disk_mb: 1024,
            ports: "22,53,4646,8301,8500,8502,8600".to_owned(),
        }
    }
}

/// Registries that the ECR credential helper serves.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ecr {
    /// Hosts beyond this account's registry in this region.
    pub registries: Vec<RegistryHost>,
}

/// Certificate authorities of the site, besides the files in `/etc/cos-agent/ca.d`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ca {
    /// Certificates as PEM text.
    pub certificates: Vec<PemText>,
    /// Registries for which docker trusts these authorities, with the port if there is one.
    pub registries: Vec<RegistryHost>,
}

/// Resolution of `.consul` names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Dns {
    /// Which resolver forwards `.consul` to Consul.
    pub forwarder: ForwarderChoice,
    /// The address of the link `cos0`, at which containers reach the resolver.
    pub address: LinkLocal,
}

/// The launch hook that the tag `cos:launch-hook` names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LaunchHook {
    /// The time between two heartbeats: 10s or more, at most a third of the hook's HeartbeatTimeout.
    pub heartbeat: Duration<3600>,
    /// The time after which the agent abandons the hook of a node that has not joined, so that the group replaces it. By
    /// default it never does.
    pub abandon_after: Option<Duration<3600>>,
}

impl Default for LaunchHook {
    fn default() -> Self {
        Self { heartbeat: Duration::of_seconds::<300>(), abandon_after: None }
    }
}

/// How servers form their cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Quorum {
    /// Whether a server without data asks the parameter store before it forms a cluster.
    pub guard: Guard,
}

/// Whether a server without data asks the parameter store before it forms a cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Guard {
    /// It asks, and forms a cluster only if the parameter says that none has formed.
    #[default]
    On,
    /// It does not ask, for sites without a parameter store. Servers that replace all others form a new, empty cluster.
    Off,
}

/// Which resolver forwards `.consul` to Consul.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ForwarderChoice {
    /// The resolver that runs on the node.
    #[default]
    Auto,
    /// systemd-resolved.
    Resolved,
    /// dnsmasq.
    Dnsmasq,
    /// None.
    None,
}

impl Settings {
    /// The address of the link, if Consul also answers HTTP there.
    pub fn consul_link(&self) -> Option<Ipv4Addr> {
        self.consul.http_on_link.then(|| self.dns.address.address())
    }
}

impl ForwarderChoice {
    /// The program that forwards `.consul` on a host with this resolver; `None` if none does.
    pub fn on(self, running: Resolver) -> Option<Resolver> {
        match self {
            Self::Auto => (running != Resolver::Other).then_some(running),
            Self::Resolved => Some(Resolver::Resolved),
            Self::Dnsmasq => Some(Resolver::Dnsmasq),
            Self::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_tables_is_the_list_of_fields() {
        let value = serde_json::to_value(Settings::default()).unwrap();
        let fields: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, TABLES);
    }
}
