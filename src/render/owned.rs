//! The keys that the agent owns, each with a reason. `extra` tables and the operator's files must not set them, because both
//! would silently override the agent. Some keys may be set, with a note, because something of the agent then stops working.

use crate::role::{AgentMode, Role};
use crate::state::Daemon;

/// What happens if an operator sets a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// It is refused, wherever it is set.
    Refused,
    /// It is refused in files on nodes with a Nomad of this mode; `extra` merges it.
    RefusedInFiles(AgentMode),
    /// It is merged or loaded, with a note.
    Said,
    /// It is loaded with a note if a file sets it; `extra` merges it without a note.
    SaidInFiles,
}

/// A key in the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    /// Its path, with dots.
    pub path: &'static str,
    /// What happens if an operator sets it.
    pub rule: Rule,
    /// Why.
    pub reason: &'static str,
}

const fn key(path: &'static str, rule: Rule, reason: &'static str) -> Key {
    Key { path, rule, reason }
}

const NAME: &str =
    "the name of the node must be its instance ID, by which the gates and the servers find it";
const ADDRESS: &str = "the other nodes reach this node at the private address of its instance";
const MODE: &str = "the tag `cos:role` alone decides what runs on this node";
const PLACE: &str = "the tags and the settings of cos-agent decide the datacenter and the region";
const FOUNDING: &str =
    "this could form a second cluster; the tag `cos:servers` and the quorum guard decide";
const JOIN: &str = "the nodes of this cluster find their servers by the tags of EC2";
const DATA: &str = "cos-agent protects and moves the data in its default directory";
const PORT: &str = "the gates, the watch and /etc/profile.d/cos.sh use the default port";
const LISTEN: &str =
    "the gates and the watch use loopback, and cannot reach an agent that does not listen there";

/// Keys of Consul, with their deprecated names (`agent/config/deprecated.go`).
static CONSUL: &[Key] = &[
    key(
        "addresses.dns",
        Rule::SaidInFiles,
        "this host sends its DNS queries to Consul on loopback",
    ),
    key("addresses.http", Rule::SaidInFiles, LISTEN),
    key("advertise_addr", Rule::Refused, ADDRESS),
    key("bind_addr", Rule::Refused, ADDRESS),
    key("bootstrap", Rule::Refused, FOUNDING),
    key("bootstrap_expect", Rule::Refused, FOUNDING),
    key("client_addr", Rule::SaidInFiles, LISTEN),
    key("data_dir", Rule::Refused, DATA),
    key("datacenter", Rule::Refused, PLACE),
    key("domain", Rule::Said, "this host sends only the domain `consul` to Consul"),
    key("node_id", Rule::Refused, NAME),
    key("node_name", Rule::Refused, NAME),
    key("ports.dns", Rule::Refused, "this host sends its DNS queries to port 8600 of Consul"),
    key("ports.http", Rule::Refused, PORT),
    key("retry_join", Rule::Refused, JOIN),
    key("server", Rule::Refused, MODE),
    key("start_join", Rule::Refused, JOIN),
];

/// Keys of Nomad.
static NOMAD: &[Key] = &[
    key("addresses.http", Rule::SaidInFiles, LISTEN),
    key("advertise.rpc", Rule::Refused, ADDRESS),
    key("advertise.serf", Rule::Refused, ADDRESS),
    key("bind_addr", Rule::Refused, ADDRESS),
    key("client.enabled", Rule::Refused, MODE),
    key("client.network_interface", Rule::Refused, ADDRESS),
    key("client.server_join", Rule::Refused, JOIN),
    key("client.servers", Rule::Refused, JOIN),
    key("data_dir", Rule::Refused, DATA),
    key("datacenter", Rule::Refused, PLACE),
    key("name", Rule::Refused, NAME),
    key(
        "plugin.docker",
        Rule::RefusedInFiles(AgentMode::Client),
        "Nomad uses only the last of two such blocks (hashicorp/nomad 9382), so either this block or the access to ECR would be \
         lost",
    ),
    key("ports.http", Rule::Refused, PORT),
    key("region", Rule::Refused, PLACE),
    key("server.bootstrap_expect", Rule::Refused, FOUNDING),
    key("server.enabled", Rule::Refused, MODE),
    key("server.retry_join", Rule::Refused, JOIN),
    key("server.server_join", Rule::Refused, JOIN),
    key("server.start_join", Rule::Refused, JOIN),
    key(
        "tls.http",
        Rule::Said,
        "the gates use HTTP, so they cannot check a Nomad that accepts only HTTPS",
    ),
];

/// The table of a daemon.
pub fn keys(daemon: Daemon) -> &'static [Key] {
    match daemon {
        Daemon::Consul => CONSUL,
        Daemon::Nomad => NOMAD,
    }
}

/// The key in the table that is this path or contains it. Both daemons ignore case in keys.
pub fn find<'p>(
    daemon: Daemon,
    path: impl IntoIterator<Item = &'p str> + Clone,
) -> Option<&'static Key> {
    keys(daemon).iter().find(|key| {
        let mut found = path.clone().into_iter();
        key.path.split('.').all(|part| found.next().is_some_and(|it| it.eq_ignore_ascii_case(part)))
    })
}

/// Why a key is refused on a node of this role.
pub fn reason(daemon: Daemon, key: &Key, role: Option<Role>) -> String {
    let mode = |mode, of: Role| format!("this enables the {mode} mode, but this node is a {of}");
    match (daemon, key.path, role.and_then(|role| Some((role, role.nomad()?)))) {
        (Daemon::Nomad, "server.enabled", Some((role, AgentMode::Client))) => mode("server", role),
        (Daemon::Nomad, "client.enabled", Some((role, AgentMode::Server))) => mode("client", role),
        _ => key.reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(daemon: Daemon, path: &str) -> Option<&'static str> {
        find(daemon, path.split('.')).map(|key| key.path)
    }

    #[test]
    fn owned_keys_are_found_at_and_below_a_path() {
        assert_eq!(found(Daemon::Consul, "server"), Some("server"));
        assert_eq!(found(Daemon::Consul, "Retry_Join"), Some("retry_join"));
        assert_eq!(found(Daemon::Consul, "ports.HTTP"), Some("ports.http"));
        assert_eq!(found(Daemon::Consul, "ports.https"), None);
        assert_eq!(
            found(Daemon::Nomad, "server.server_join.retry_join"),
            Some("server.server_join")
        );
        assert_eq!(
            found(Daemon::Nomad, "plugin.docker.config.volumes.enabled"),
            Some("plugin.docker")
        );
        assert_eq!(found(Daemon::Nomad, "plugin.raw_exec.config.enabled"), None);
        assert_eq!(found(Daemon::Nomad, "client.meta.zone"), None);
        assert_eq!(found(Daemon::Consul, "server_rejoin_age_max"), None);
        assert!(
            find(Daemon::Nomad, ["server.enabled"]).is_none(),
            "a dot in a key does not separate levels"
        );
    }
}
