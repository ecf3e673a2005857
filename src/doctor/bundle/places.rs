//! PURE: where secrets are on a node.

use crate::render::units;
use crate::state::{self, Daemon};
use std::collections::BTreeSet;

/// Files with settings, logins and environments, or directories of them. The most important come first.
const NAMED: [&str; 13] = [
    "/etc/consul.d",
    "/etc/nomad.d",
    "/etc/cos-agent",
    "/usr/lib/cos-agent/config.d",
    "/etc/docker",
    "/root/.docker",
    "/root/.aws",
    "/root/.ecr",
    "/etc/default/consul",
    "/etc/default/nomad",
    "/etc/default/docker",
    "/var/lib/cos-agent",
    "/run/cos-agent",
];

/// What makes a text of a file a secret.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Its name.
    Named,
    /// Its look.
    Random,
    /// Every text of the JSON file is one.
    Every,
    /// The file is one.
    Whole,
}

/// Where secrets are. The tokens of services come last, because there may be many.
pub(super) fn places() -> Vec<(String, Kind)> {
    let (consul, nomad) = (Daemon::Consul.data(), Daemon::Nomad.data());
    let units = units::names().flat_map(|unit| {
        let file = format!("{}/{unit}", state::UNITS);
        [format!("{file}.d"), file]
    });
    let named = NAMED.into_iter().map(str::to_owned).chain(units);
    let mut places: Vec<(String, Kind)> = named.map(|path| (path, Kind::Named)).collect();
    for (data, path, kind) in [
        (consul, "serf", Kind::Every),
        (consul, "acl-tokens.json", Kind::Every),
        (consul, "auto-config.json", Kind::Named),
        (nomad, "client/secret-id", Kind::Whole),
        (nomad, "server/serf.keyring", Kind::Every),
        (nomad, "server/keystore", Kind::Random),
        (consul, "services", Kind::Named),
        (consul, "checks", Kind::Named),
    ] {
        places.push((format!("{data}/{path}"), kind));
    }
    places
}

/// The files with private keys that a configuration names (`key_file`).
pub(super) fn key_files(text: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for (_, rest) in text.match_indices("key_file").map(|(at, name)| text.split_at(at + name.len()))
    {
        let value = rest.trim_start_matches(['"', '\'', ' ', '\t', '=', ':']);
        let path = value.split(['"', '\'', '\n', ',']).next().unwrap_or_default().trim();
        if path.starts_with('/') {
            paths.insert(path.to_owned());
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_files_are_found_in_hcl_and_json() {
        let text =
            "key_file = \"/etc/a.pem\"\n{\"tls\": {\"key_file\": \"/etc/b.pem\"}} key_file = var.x";
        assert_eq!(key_files(text).into_iter().collect::<Vec<_>>(), ["/etc/a.pem", "/etc/b.pem"]);
    }
}
