//! The one description of a cluster, from which AWS, the metadata services and the network get theirs.

use super::balancer::Balancer;
use super::groups::Rule;
use cos_agent::simulate::NodeKind;
use cos_agent::simulate::instance::{Credentials, Instance};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// The region of everything.
pub(crate) const REGION: &str = "eu-central-1";
/// The account of everything.
pub(crate) const ACCOUNT: &str = "123456789012";
/// The cluster's name, unless a test says otherwise.
pub(crate) const CLUSTER: &str = "demo";
/// What an operator adds to every node: tasks without docker.
const SETTINGS: &str = "[nomad.extra.plugin.raw_exec.config]\nenabled = true\n";

/// An instance that shall be, or is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// What the lab calls it.
    pub(crate) name: String,
    /// The instance id, once it was launched.
    pub(crate) id: String,
    /// The private address; its third number is the zone: 1 is a.
    pub(crate) address: Ipv4Addr,
    /// The tags.
    pub(crate) tags: BTreeMap<String, String>,
    /// The user data.
    pub(crate) user_data: Option<String>,
    /// The state that its auto scaling group wants it in.
    pub(crate) target_lifecycle_state: Option<String>,
    /// `/etc/cos-agent/config.toml` of the image.
    pub(crate) settings: String,
    /// The availability zone, if the address does not say it.
    #[serde(default)]
    zone: Option<String>,
    /// The security groups, if Terraform made it.
    #[serde(default)]
    pub(crate) groups: Vec<String>,
    /// The credentials of its own role, if it has one.
    #[serde(default)]
    credentials: Option<Credentials>,
}

/// An instance as EC2 describes it.
#[derive(Debug, Deserialize)]
pub(crate) struct Launched {
    id: String,
    address: Ipv4Addr,
    zone: String,
    pub(crate) tags: BTreeMap<String, String>,
    groups: Vec<String>,
    credentials: Credentials,
}

/// What a lab is; `lab.json` in its folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Description {
    /// The prefix of everything that has a name outside of the lab's folder.
    pub(crate) prefix: String,
    /// The directory of the site's certificate authority.
    pub(crate) site: PathBuf,
    /// The VPC.
    pub(crate) vpc: String,
    /// The credentials of the nodes' role.
    pub(crate) credentials: Option<Credentials>,
    /// The nodes.
    pub(crate) machines: Vec<Machine>,
    /// The rules of the security groups, if Terraform made them.
    #[serde(default)]
    pub(crate) rules: Vec<Rule>,
    /// The security groups of the endpoints of AWS services.
    #[serde(default)]
    pub(crate) endpoints: Vec<String>,
    /// The load balancers, if Terraform made some.
    #[serde(default)]
    pub(crate) balancers: Vec<Balancer>,
}

impl Machine {
    /// An instance as Terraform would launch it, one of `servers`.
    pub(crate) fn new(name: &str, kind: &NodeKind, servers: usize, zone: u8, number: u8) -> Self {
        Self {
            name: name.to_owned(),
            id: String::new(),
            address: Ipv4Addr::new(10, 20, zone, number),
            tags: kind.tags(CLUSTER, &servers.to_string()),
            user_data: None,
            target_lifecycle_state: None,
            settings: SETTINGS.to_owned(),
            zone: None,
            groups: Vec::new(),
            credentials: None,
        }
    }

    /// An instance that EC2 has launched.
    pub(crate) fn launched(name: &str, launched: Launched) -> Self {
        Self {
            name: name.to_owned(),
            id: launched.id,
            address: launched.address,
            tags: launched.tags,
            user_data: None,
            target_lifecycle_state: None,
            settings: SETTINGS.to_owned(),
            zone: Some(launched.zone),
            groups: launched.groups,
            credentials: Some(launched.credentials),
        }
    }

    /// A further client of a datacenter.
    pub(crate) fn client(name: &str, datacenter: &str, zone: u8, number: u8) -> Self {
        Self::new(name, &NodeKind::of("nomad-client", Some(datacenter)), 0, zone, number)
    }

    /// The role, as the tag says.
    pub(crate) fn role(&self) -> &str {
        self.tags.get("cos:role").map_or("", String::as_str)
    }

    /// The Nomad datacenter, as the tag says.
    pub(crate) fn datacenter(&self) -> &str {
        self.tags.get("cos:datacenter").map_or("", String::as_str)
    }

    /// The availability zone.
    pub(crate) fn zone(&self) -> String {
        self.zone.clone().unwrap_or_else(|| {
            format!("{REGION}{}", char::from(b'a' - 1 + self.address.octets()[2]))
        })
    }
}

impl Description {
    /// What the metadata service of an instance tells.
    pub(crate) fn metadata(&self, machine: &Machine) -> Instance {
        Instance {
            id: machine.id.clone(),
            region: REGION.to_owned(),
            zone: machine.zone(),
            account: ACCOUNT.to_owned(),
            private_ip: machine.address.to_string(),
            vpc: self.vpc.clone(),
            tags: machine.tags.clone(),
            user_data: machine.user_data.clone().map(String::into_bytes),
            target_lifecycle_state: machine.target_lifecycle_state.clone(),
            credentials: machine.credentials.clone().or_else(|| self.credentials.clone()),
            ..Instance::default()
        }
    }
}

/// The servers of a role, one a zone: `consul-1`, `consul-2`, …
pub(crate) fn servers(role: &str, count: u8) -> Vec<Machine> {
    let kind = NodeKind::of(role, None);
    let (short, number) = if role == "consul-server" { ("consul", 11) } else { ("nomad", 21) };
    let one = |index: u8| {
        let name = format!("{short}-{}", index + 1);
        Machine::new(&name, &kind, count.into(), index % 3 + 1, number + index / 3)
    };
    (0..count).map(one).collect()
}

/// One client for each of these datacenters, called as these.
pub(crate) fn clients(datacenters: &[&str]) -> Vec<Machine> {
    let zones = (1..=3).cycle();
    let named = datacenters.iter().zip(zones).zip(31..);
    named.map(|((name, zone), number)| Machine::client(name, name, zone, number)).collect()
}

/// The ten nodes of a COS: three servers of each kind, and a client in each datacenter.
pub(crate) fn ten() -> Vec<Machine> {
    let clients = clients(cos_agent::node::CLIENT_DATACENTERS);
    [servers("consul-server", 3), servers("nomad-server", 3), clients].concat()
}
