//! The names of actions in version 1 of the manifest. Before units and tools were data, the agent gave each action a name
//! of its own. The agent still reads and writes those names, so that pending actions survive an upgrade and a downgrade of
//! the agent.

use crate::state::{Action, DNS_LINK, DNSMASQ, DOCKER, Daemon, RESOLVED, Tool, Verb, unit_of};
use serde::{Deserialize, Deserializer, Serializer};
use serde_json::{Value, json};

/// Each name of version 1 with its action.
fn named() -> [(Value, Action); 15] {
    let unit = Action::unit;
    [
        (json!({"stop": "consul"}), unit(Verb::Stop, "consul.service")),
        (json!({"stop": "nomad"}), unit(Verb::Stop, "nomad.service")),
        (json!("stop-dns-link"), unit(Verb::Stop, DNS_LINK)),
        (json!("enable-agent"), unit(Verb::Enable, "cos-agent.service")),
        (json!("restart-resolved"), unit(Verb::TryRestart, RESOLVED)),
        (json!("restart-dnsmasq"), unit(Verb::TryRestart, DNSMASQ)),
        (json!("restart-dns-link"), unit(Verb::Restart, DNS_LINK)),
        (json!("restart-docker"), unit(Verb::TryRestart, DOCKER)),
        (json!("start-docker"), unit(Verb::Start, DOCKER)),
        (json!({"reload": "consul"}), unit(Verb::Reload, "consul.service")),
        (json!({"reload": "nomad"}), unit(Verb::Reload, "nomad.service")),
        (json!({"restart": "consul"}), unit(Verb::Restart, "consul.service")),
        (json!({"restart": "nomad"}), unit(Verb::Restart, "nomad.service")),
        (json!({"start": "consul"}), unit(Verb::Start, "consul.service")),
        (json!({"start": "nomad"}), unit(Verb::Start, "nomad.service")),
    ]
}

/// The actions that the removal of a file triggered before the manifest recorded them for each file.
pub(super) fn of_path(path: &str) -> Vec<Action> {
    let starts = |prefix: &str| path.starts_with(prefix);
    if let Some(unit) = unit_of(path) {
        let restart = Action::Unit(Verb::Restart, unit.to_owned().into());
        return vec![Action::DaemonReload, restart];
    }
    let action = if starts("/usr/local/share/ca-certificates/") || starts("/etc/pki/ca-trust/") {
        Action::Run(Tool::UpdateTrustStore)
    } else if starts("/etc/systemd/resolved.conf.d/") {
        Action::unit(Verb::TryRestart, RESOLVED)
    } else if let Some(daemon) = Daemon::ALL.into_iter().find(|daemon| daemon.file() == path) {
        Action::restart(daemon)
    } else if starts("/etc/dnsmasq.d/") {
        Action::unit(Verb::TryRestart, DNSMASQ)
    } else if path == "/etc/docker/daemon.json" {
        Action::unit(Verb::TryRestart, DOCKER)
    } else {
        return Vec::new();
    };
    vec![action]
}

/// Reads the actions that this agent knows and skips those of a newer agent.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Action>, D::Error> {
    let found = Vec::<Value>::deserialize(deserializer)?;
    let names = named();
    let action = |value: Value| {
        let older = names.iter().find(|(name, _)| *name == value).map(|(_, action)| action.clone());
        older.or_else(|| serde_json::from_value(value).ok())
    };
    Ok(found.into_iter().filter_map(action).collect())
}

/// Writes actions by their names of version 1, where they have one.
pub(super) fn serialize<S: Serializer>(
    actions: &[Action],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let names = named();
    serializer.collect_seq(actions.iter().map(|action| {
        let older = names.iter().find(|(_, named)| named == action).map(|(name, _)| name.clone());
        older.unwrap_or_else(|| json!(action))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::WATCH;

    #[test]
    fn every_name_of_version_1_is_read_as_it_is_written() {
        for (name, action) in named() {
            let text = serde_json::to_string(&[&name]).unwrap();
            let mut reader = serde_json::Deserializer::from_str(&text);
            assert_eq!(deserialize(&mut reader).unwrap(), std::slice::from_ref(&action));
            assert_eq!(serialize(&[action], serde_json::value::Serializer).unwrap(), json!([name]));
        }
    }

    #[test]
    fn what_an_older_agent_wrote_still_triggers_what_it_did() {
        let restart = |unit: &'static str| Action::unit(Verb::Restart, unit);
        for (path, actions) in [
            ("/etc/consul.d/cos.json", vec![restart("consul.service")]),
            (
                "/etc/systemd/system/nomad.service",
                vec![Action::DaemonReload, restart("nomad.service")],
            ),
            (
                "/etc/systemd/system/cos-dns.service.d/cos.conf",
                vec![Action::DaemonReload, restart(DNS_LINK)],
            ),
            (
                "/etc/pki/ca-trust/source/anchors/cos-1.pem",
                vec![Action::Run(Tool::UpdateTrustStore)],
            ),
            ("/etc/docker/daemon.json", vec![Action::unit(Verb::TryRestart, DOCKER)]),
            ("/etc/profile.d/cos.sh", vec![]),
        ] {
            assert_eq!(of_path(path), actions, "{path}");
        }
    }

    #[test]
    fn other_actions_go_by_their_own_name_and_unknown_ones_are_passed_over() {
        let restart = Action::unit(Verb::Restart, WATCH);
        let written = serialize(std::slice::from_ref(&restart), serde_json::value::Serializer);
        assert_eq!(written.unwrap(), json!(["restart cos-agent-watch.service"]));
        let text = r#"["restart cos-agent-watch.service", "reticulate", {"stop": "vault"}, 5]"#;
        let mut reader = serde_json::Deserializer::from_str(text);
        assert_eq!(deserialize(&mut reader).unwrap(), [restart]);
    }
}
