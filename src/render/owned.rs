//! The keys that the agent owns: nobody else may set them, neither an `extra` table nor an operator's file, because
//! both would silently win.

use crate::role::{AgentMode, Role};
use crate::state::Daemon;

/// Keys of Consul, old spellings included (`agent/config/deprecated.go`).
static CONSUL: &[&str] = &[
    "advertise_addr",
    "bind_addr",
    "bootstrap",
    "bootstrap_expect",
    "data_dir",
    "datacenter",
    "node_id",
    "node_name",
    "retry_join",
    "server",
    "start_join",
];

/// Keys of Nomad.
static NOMAD: &[&str] = &[
    "advertise.rpc",
    "advertise.serf",
    "bind_addr",
    "client.enabled",
    "client.network_interface",
    "client.server_join",
    "client.servers",
    "data_dir",
    "datacenter",
    "name",
    "region",
    "server.bootstrap_expect",
    "server.enabled",
    "server.retry_join",
    "server.server_join",
    "server.start_join",
];

/// The owned keys of a daemon, as dotted paths.
pub fn keys(daemon: Daemon) -> &'static [&'static str] {
    match daemon {
        Daemon::Consul => CONSUL,
        Daemon::Nomad => NOMAD,
    }
}

/// The owned key at or below a dotted path, if there is one. Both daemons ignore case in keys.
pub fn find(daemon: Daemon, path: &str) -> Option<&'static str> {
    let path = path.to_ascii_lowercase();
    keys(daemon).iter().copied().find(|key| {
        *key == path || path.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'))
    })
}

/// Why a key is refused, in words.
pub fn reason(daemon: Daemon, key: &str, role: &Role) -> String {
    let other_mode = match (daemon, key, role.nomad) {
        (Daemon::Nomad, "server.enabled", Some(AgentMode::Client)) => Some("server"),
        (Daemon::Nomad, "client.enabled", Some(AgentMode::Server)) => Some("client"),
        _ => None,
    };
    match other_mode {
        Some(mode) => format!("it turns the {mode} mode on, and this node is a {}", role.name),
        None => "the agent owns this key".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owned_keys_are_found_at_and_below_a_path() {
        assert_eq!(find(Daemon::Consul, "server"), Some("server"));
        assert_eq!(find(Daemon::Consul, "Retry_Join"), Some("retry_join"));
        assert_eq!(
            find(Daemon::Nomad, "server.server_join.retry_join"),
            Some("server.server_join")
        );
        assert_eq!(find(Daemon::Nomad, "client.meta.zone"), None);
        assert_eq!(find(Daemon::Consul, "server_rejoin_age_max"), None);
    }
}
