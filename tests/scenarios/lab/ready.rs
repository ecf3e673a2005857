//! When a node is ready: it has joined, and it says so itself.

use super::Lab;
use super::node::Node;
use super::wait::{until, uptime};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Several times what a cold boot of ten nodes takes on two busy cores.
pub(crate) const JOINED: Duration = Duration::from_secs(120);
/// The unit that is active once the node has joined.
const UNIT: &str = "cos-agent-ready.service";

impl Node<'_> {
    /// Whether the node has joined, by its own APIs; what is missing where it has not.
    pub(crate) fn ready(&self) -> Result<(), String> {
        self.in_consul()?;
        match self.role() {
            "nomad-server" => self.is_nomad_peer(),
            "nomad-client" => self.is_nomad_client(),
            _ => Ok(()),
        }
    }

    fn in_consul(&self) -> Result<(), String> {
        let leader = self.consul("/v1/status/leader")?;
        if leader == "" {
            return Err(format!("{}: Consul has no leader", self.name));
        }
        let checks = self.consul(&format!("/v1/health/node/{}", self.id))?;
        let alive = |check: &&serde_json::Value| {
            check["CheckID"] == "serfHealth" && check["Status"] == "passing"
        };
        let found = checks.as_array().is_some_and(|all| all.iter().any(|check| alive(&check)));
        if found { Ok(()) } else { Err(format!("{}: not alive in Consul: {checks}", self.name)) }
    }

    fn is_nomad_peer(&self) -> Result<(), String> {
        let leader = self.nomad("/v1/status/leader")?;
        let peers = self.nomad("/v1/status/peers")?;
        let own = format!("{}:4647", self.address);
        let is_peer = peers.as_array().is_some_and(|all| all.iter().any(|peer| *peer == own));
        if leader != "" && is_peer {
            return Ok(());
        }
        Err(format!("{}: Nomad's leader is {leader}, its peers are {peers}", self.name))
    }

    fn is_nomad_client(&self) -> Result<(), String> {
        let nodes = self.nomad("/v1/nodes")?;
        let own = nodes.as_array().into_iter().flatten().find(|node| {
            node["Name"] == self.id.as_str() && node["Datacenter"] == self.datacenter()
        });
        match own {
            Some(node) if node["Status"] == "ready" => Ok(()),
            Some(node) => Err(format!("{}: {} in Nomad", self.name, node["Status"])),
            None => Err(format!("{}: not registered in Nomad", self.name)),
        }
    }

    /// Seconds from power on until the node was ready, as its own unit recorded it; where the image has no such unit,
    /// until now.
    fn ready_after(&self) -> Result<f64, String> {
        if !Path::new(&self.path(&format!("/etc/systemd/system/{UNIT}"))).exists() {
            return self.ready().map(|()| uptime() - self.powered_on());
        }
        self.ready()?;
        let stamp = self.unit(UNIT)["ActiveEnterTimestampMonotonic"].parse::<f64>().unwrap_or(0.0);
        let after = stamp / 1e6 - self.powered_on();
        if after > 0.0 { Ok(after) } else { Err(format!("{}: {UNIT} is not active", self.name)) }
    }

    /// Waits until the node is ready; seconds since its power came.
    pub(crate) fn until_ready(&self) -> f64 {
        until(&format!("{} is ready", self.name), JOINED, || self.ready_after())
    }
}

impl Lab {
    /// Waits until all nodes are ready; name → seconds since power came.
    pub(crate) fn until_ready(&self) -> BTreeMap<String, f64> {
        let nodes = self.nodes();
        std::thread::scope(|scope| {
            let asked: Vec<_> = nodes
                .iter()
                .map(|node| (node.name.clone(), scope.spawn(|| node.until_ready())))
                .collect();
            let answers = asked.into_iter().map(|(name, ask)| match ask.join() {
                Ok(after) => (name, after),
                Err(panic) => std::panic::resume_unwind(panic),
            });
            answers.collect()
        })
    }
}
