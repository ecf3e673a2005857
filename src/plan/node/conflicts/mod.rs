//! The operator's files in the daemons' directories, and the keys of the agent that they set.
//!
//! Both daemons merge all files of their directory in the order of their names. HashiCorp's packages ship a `nomad.hcl`
//! with server *and* client enabled and `bootstrap_expect = 1`, which sorts after the agent's file: it would form a cluster
//! of one. The daemon may accept a file that the agent cannot parse, so such a file does not stop a node that has run before.

mod conflict;
mod hcl;
mod hint;
mod json;
mod scanner;
mod setting;

use crate::render::owned::{self, Rule};
use crate::role::Role;
use crate::state::{Daemon, OperatorFile};
pub use conflict::{Conflict, Judgement};
use serde_json::Value;
pub use setting::{Setting, Unclear};
use std::borrow::Cow;

/// The words of keys that may take a node out of its cluster, or form another cluster.
const DANGEROUS: [&str; 4] = ["bootstrap", "server", "data_dir", "join"];

/// Judges a file for a role, or for an image of any role (`None`). If the node has run before (`is_first` is false), only the
/// daemon judges a file that the agent cannot parse.
pub fn judge(file: &OperatorFile, role: Option<Role>, is_first: bool) -> Judgement {
    let settings = match settings(file.daemon, &file.path, &file.bytes) {
        Ok(settings) => settings,
        Err(problem) => return unclear(file, problem, is_first),
    };
    let mut judgement = Judgement::default();
    for setting in settings {
        let path = || setting.path.iter().map(String::as_str);
        let Some(key) = owned::find(file.daemon, path()) else { continue };
        let (refused, said) = match key.rule {
            Rule::Refused => (!is_harmless(key.path, setting.off), false),
            Rule::RefusedInFiles(mode) => {
                (role.is_none_or(|role| role.nomad() == Some(mode)), false)
            }
            Rule::Said | Rule::SaidInFiles => (false, !setting.off),
        };
        let reason = owned::reason(file.daemon, key, role);
        if refused && judgement.refused.is_none() {
            let (path, key) = (file.path.clone(), setting.path.join("."));
            judgement.refused = Some(Conflict::Sets { path, key, reason });
        } else if said {
            judgement.notes.push(format!("{} sets `{}`: {reason}", file.path, key.path));
        }
    }
    judgement.notes.dedup();
    judgement
}

/// Notes for people on what the agent's own configuration, including its `extra` tables, sets.
pub fn said_of_ours(daemon: Daemon, configuration: &Value) -> Vec<String> {
    let settings = json::settings_of(configuration);
    let said = settings.iter().filter_map(|setting| {
        let key = owned::find(daemon, setting.path.iter().map(String::as_str))?;
        (key.rule == Rule::Said && !setting.off).then(|| {
            format!("the settings set `{}.extra.{}`: {}", daemon.name(), key.path, key.reason)
        })
    });
    said.collect()
}

fn unclear(file: &OperatorFile, problem: Unclear, is_first: bool) -> Judgement {
    let text = String::from_utf8_lossy(&file.bytes).to_ascii_lowercase();
    let word = DANGEROUS.into_iter().find(|word| text.contains(word));
    let path = file.path.clone();
    match word.filter(|_| is_first) {
        Some(word) => Judgement {
            refused: Some(Conflict::Unclear { path, word, problem }),
            notes: Vec::new(),
        },
        None => Judgement {
            refused: None,
            notes: vec![format!(
                "cannot parse {path} ({problem}), so only {} checks it; once it runs, the gates check its role and datacenter",
                file.daemon.name()
            )],
        },
    }
}

/// The settings of a file, in file order. Consul reads `.json` as JSON; both daemons read everything else as HCL 1, or as JSON
/// if it begins with a brace (`agent/config/config.go` of Consul, `command/agent/config_parse.go` of Nomad).
pub fn settings(daemon: Daemon, path: &str, bytes: &[u8]) -> Result<Vec<Setting>, Unclear> {
    let by_hcl = daemon == Daemon::Nomad || !path.ends_with(".json");
    let text = match String::from_utf8_lossy(bytes) {
        Cow::Owned(_) if by_hcl => return Err(Unclear::somewhere("expected UTF-8")),
        text => text,
    };
    if text.trim().is_empty() {
        Ok(Vec::new())
    } else if !by_hcl || text.trim_start().starts_with('{') {
        json::settings(&text, by_hcl)
    } else {
        hcl::settings(&text)
    }
}

/// Switching a mode off is harmless, because Nomad's merge ignores `false`.
fn is_harmless(key: &str, off: bool) -> bool {
    off && (key == "client.enabled" || key == "server.enabled")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Daemon;

    fn conflict(daemon: Daemon, name: &str, text: &str, role: &str) -> Option<String> {
        let path = format!("{}/{name}", daemon.directory());
        let file =
            OperatorFile { daemon, path, name: name.into(), bytes: text.as_bytes().to_vec() };
        judge(&file, Role::named(role), true).refused.map(|conflict| conflict.to_string())
    }

    /// The file in HashiCorp's packages.
    const PACKAGED: &str = r#"# Full configuration options can be found at https://developer.hashicorp.com/nomad/docs/configuration

data_dir  = "/opt/nomad/data"
bind_addr = "0.0.0.0"

server {
  # license_path is required for Nomad Enterprise as of Nomad v1.1.1+
  #license_path = "/etc/nomad.d/license.hclic"
  enabled          = true
  bootstrap_expect = 1
}

client {
  enabled = true
  servers = ["127.0.0.1"]
}
"#;

    #[test]
    fn the_packaged_file_is_refused_with_its_key() {
        let found = conflict(Daemon::Nomad, "nomad.hcl", PACKAGED, "nomad-client").unwrap();
        assert!(found.starts_with("/etc/nomad.d/nomad.hcl sets `data_dir`"), "{found}");
        let modes = "server {\n enabled = true\n}\n";
        let found = conflict(Daemon::Nomad, "x.hcl", modes, "nomad-client").unwrap();
        assert!(
            found.contains("`server.enabled`") && found.contains("enables the server mode"),
            "{found}"
        );
    }

    #[test]
    fn every_shape_is_seen_through() {
        for text in [
            r#"{"server":[{"enabled":true}]}"#,
            r#"{"server":{"Enabled":true}}"#,
            r#"{"client":[{"server_join":[{"retry_join":["x"]}]}]}"#,
        ] {
            assert!(conflict(Daemon::Nomad, "x.json", text, "nomad-client").is_some(), "{text}");
        }
        for text in [
            "retry_join = [\"x\"]",
            "server = true",
            "SERVER = true",
            "\"server\" = true",
            "ports { http = 1 }\nbootstrap_expect = 1",
        ] {
            assert!(conflict(Daemon::Consul, "x.hcl", text, "nomad-client").is_some(), "{text}");
        }
        assert!(
            conflict(Daemon::Nomad, "x.hcl", "server = { enabled = true }", "nomad-client")
                .is_some()
        );
    }

    #[test]
    fn other_keys_are_the_operators() {
        for (name, text) in [
            (
                "x.json",
                r#"{"encrypt":"k","telemetry":{"statsd_address":"x"},"services":[{"name":"server"}]}"#,
            ),
            ("x.json", ""),
            ("x.hcl", "acl {\n  enabled = true\n}\n# server = true\n"),
            ("x.hcl", ""),
            ("x.hcl", "\"log_level\" = \"INFO\"\n\"acl\" {\n  \"enabled\" = true\n}\n"),
        ] {
            assert_eq!(conflict(Daemon::Consul, name, text, "consul-server"), None);
        }
        assert_eq!(
            conflict(Daemon::Nomad, "x.hcl", "server {\n  enabled = false\n}\n", "nomad-client"),
            None
        );
    }

    #[test]
    fn what_nobody_can_follow_is_refused_on_a_first_run_if_it_may_be_dangerous() {
        for (name, text, word) in [
            ("x.json", "{\"Server\": tru", "server"),
            ("x.hcl", "retry_join = [", "join"),
            ("x.hcl", "bootstrap \u{e9}", "bootstrap"),
        ] {
            let found = conflict(Daemon::Consul, name, text, "consul-server").unwrap();
            assert!(found.contains(&format!("the word `{word}`")), "{found}");
        }
        for (daemon, text) in [(Daemon::Consul, "log_level = "), (Daemon::Nomad, "\u{feff}region")]
        {
            assert_eq!(conflict(daemon, "x.hcl", text, "nomad-server"), None);
        }
        let file = OperatorFile {
            daemon: Daemon::Consul,
            path: "/etc/consul.d/x.hcl".to_owned(),
            name: "x.hcl".into(),
            bytes: b"server = ".to_vec(),
        };
        let judged = judge(&file, Role::named("consul-server"), false);
        assert_eq!(judged.refused, None, "what ran before may run with it");
        assert!(judged.notes[0].contains("/etc/consul.d/x.hcl (line 1: "), "{judged:?}");
    }

    #[test]
    fn what_ends_a_promise_of_ours_is_said() {
        let warnings = |daemon: Daemon, text: &str| {
            let file = OperatorFile {
                daemon,
                path: format!("{}/x.hcl", daemon.directory()),
                name: "x.hcl".into(),
                bytes: text.as_bytes().to_vec(),
            };
            let judged = judge(&file, Role::named("nomad-client"), true);
            assert_eq!(judged.refused, None, "{text}");
            judged.notes.len()
        };
        assert_eq!(warnings(Daemon::Consul, "domain = \"corp\"\nlog_level = \"INFO\""), 1);
        assert_eq!(warnings(Daemon::Nomad, "tls {\n http = true\n rpc = true\n}"), 1);
        assert_eq!(warnings(Daemon::Nomad, "tls {\n http = false\n}"), 0);
        let ours =
            |text: &str| said_of_ours(Daemon::Nomad, &serde_json::from_str(text).unwrap()).len();
        assert_eq!(ours(r#"{"tls": {"http": true}, "addresses": {"http": "127.0.0.1"}}"#), 1);
        assert_eq!(ours(r#"{"bind_addr": "10.0.0.1"}"#), 0, "what is ours is ours to set");
    }
}
