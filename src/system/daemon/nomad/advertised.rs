//! What a Nomad agent says of its version and of its services in Consul (<https://developer.hashicorp.com/nomad/api-docs/agent>).

use serde::Deserialize;

/// How Nomad registers itself in Consul (<https://developer.hashicorp.com/nomad/docs/configuration/consul>).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct InConsul {
    /// Whether it registers itself.
    pub auto_advertise: Option<bool>,
    /// The name of a server's service.
    pub server_service_name: String,
    /// The name of a client's service.
    pub client_service_name: String,
}

impl Default for InConsul {
    fn default() -> Self {
        Self {
            auto_advertise: None,
            server_service_name: "nomad".to_owned(),
            client_service_name: "nomad-client".to_owned(),
        }
    }
}

/// The part of `/v1/agent/self` that is read here.
#[derive(Deserialize)]
pub(super) struct Answer {
    config: Config,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    version: Option<Version>,
    /// Up to 1.6.
    consul: Option<InConsul>,
    /// From 1.7: one for each Consul cluster, of which the Community Edition has one.
    consuls: Option<Vec<InConsul>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    version: String,
}

impl Answer {
    /// The version, such as `1.6.3`.
    pub(super) fn version(self) -> Option<String> {
        self.config.version.map(|version| version.version)
    }

    /// How it registers itself; Nomad's defaults if the answer does not say.
    pub(super) fn in_consul(self) -> InConsul {
        let first = self.config.consuls.into_iter().flatten().next();
        first.or(self.config.consul).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(config: Value) -> Answer {
        serde_json::from_value(json!({"config": config, "stats": {}})).unwrap()
    }

    #[test]
    fn both_forms_of_the_answer_are_read_and_one_without_says_the_defaults() {
        let off = || json!({"AutoAdvertise": false, "ClientServiceName": "c"});
        for config in [json!({"Consul": off()}), json!({"Consuls": [off()], "Consul": null})] {
            let found = read(config).in_consul();
            assert_eq!(
                (found.auto_advertise, found.client_service_name.as_str()),
                (Some(false), "c")
            );
            assert_eq!(found.server_service_name, "nomad");
        }
        assert_eq!(read(json!({})).in_consul(), InConsul::default());
    }

    #[test]
    fn the_version_is_the_plain_one() {
        let config = json!({"Version": {"Version": "1.6.3", "Revision": "e0497bf"}});
        assert_eq!(read(config).version().as_deref(), Some("1.6.3"));
        assert_eq!(read(json!({})).version(), None);
    }
}
