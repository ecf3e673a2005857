//! Files of the operator in the daemons' folders that would silently win over ours.
//!
//! Both daemons merge all files of their folder in the order of the names. HashiCorp's packages ship a `nomad.hcl`
//! with server *and* client enabled and `bootstrap_expect = 1`, which sorts after ours: a cluster of one.

use crate::observe::OperatorFile;
use crate::render::owned;
use crate::role::Role;
use hcl_edit::expr::{Expression, ObjectKey};
use hcl_edit::structure::{Body, Structure};
use serde_json::Value;

/// A file that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// It sets a key of ours.
    #[error("{path} sets `{key}`: {reason}")]
    Sets {
        /// The file.
        path: String,
        /// The dotted key.
        key: String,
        /// Why that is refused.
        reason: String,
    },
    /// It does not parse, so what it sets is not known.
    #[error("{path} does not parse, so what it sets cannot be known: {problem}")]
    Unreadable {
        /// The file.
        path: String,
        /// Where and why.
        problem: String,
    },
}

/// The first conflict of a file, if it has one.
pub fn find(file: &OperatorFile, role: &Role) -> Option<Conflict> {
    let unreadable =
        |problem: String| Some(Conflict::Unreadable { path: file.path.clone(), problem });
    let Ok(text) = std::str::from_utf8(&file.bytes) else {
        return unreadable("it is not UTF-8".to_owned());
    };
    let mut set = Vec::new();
    if file.path.ends_with(".json") {
        if text.trim().is_empty() {
            return None;
        }
        match serde_json::from_str::<Value>(text) {
            Ok(value) => json_keys(&value, "", &mut set),
            Err(error) => return unreadable(error.to_string()),
        }
    } else {
        match hcl_edit::parser::parse_body(&unquoted_keys(text)) {
            Ok(body) => hcl_keys(&body, "", &mut set),
            // The error as a whole quotes the line, which may hold a secret.
            Err(error) => {
                let (place, message) = (error.location(), error.message());
                let (line, column) = (place.line(), place.column());
                return unreadable(format!("line {line}, column {column}: {message}"));
            }
        }
    }
    set.into_iter().find_map(|(path, harmless)| {
        let key = owned::find(file.daemon, &path)?;
        (!harmless).then(|| Conflict::Sets {
            path: file.path.clone(),
            key: path,
            reason: owned::reason(file.daemon, key, role),
        })
    })
}

/// HCL 1, which both daemons read, has keys in quotes; the parser's HCL 2 has not. Lines keep their number.
fn unquoted_keys(text: &str) -> String {
    let unquote = |line: &str| {
        let start = line.len() - line.trim_start().len();
        let rest = line[start..].strip_prefix('"')?;
        let (key, rest) = rest.split_once('"')?;
        let is_key = !key.is_empty()
            && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        let opens = rest.trim_start().starts_with(['=', '{']);
        (is_key && opens).then(|| format!("{}{key}{rest}", &line[..start]))
    };
    text.split_inclusive('\n')
        .map(|line| unquote(line).unwrap_or_else(|| line.to_owned()))
        .collect()
}

/// A mode that is switched off is what we want too: Nomad's merge ignores `false` anyway.
fn is_harmless(path: &str, is_false: bool) -> bool {
    is_false && (path == "client.enabled" || path == "server.enabled")
}

fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

fn json_keys(value: &Value, path: &str, set: &mut Vec<(String, bool)>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                json_keys(value, &join(path, key), set);
            }
        }
        // Nomad's blocks are lists of one in JSON.
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for item in items {
                json_keys(item, path, set);
            }
        }
        other => set.push((path.to_owned(), is_harmless(path, *other == Value::Bool(false)))),
    }
}

fn hcl_keys(body: &Body, prefix: &str, set: &mut Vec<(String, bool)>) {
    for structure in body {
        match structure {
            Structure::Attribute(attribute) => {
                expression_keys(&attribute.value, &join(prefix, attribute.key.as_str()), set)
            }
            Structure::Block(block) => {
                hcl_keys(&block.body, &join(prefix, block.ident.as_str()), set)
            }
        }
    }
}

fn expression_keys(expression: &Expression, path: &str, set: &mut Vec<(String, bool)>) {
    match expression {
        Expression::Object(object) => {
            for (key, value) in object {
                let key = match key {
                    ObjectKey::Ident(ident) => ident.as_str().to_owned(),
                    ObjectKey::Expression(key) => key.as_str().unwrap_or_default().to_owned(),
                };
                expression_keys(value.expr(), &join(path, &key), set);
            }
        }
        Expression::Bool(value) => set.push((path.to_owned(), is_harmless(path, !*value.value()))),
        _ => set.push((path.to_owned(), false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Daemon;

    fn conflict(daemon: Daemon, name: &str, text: &str, role: &str) -> Option<String> {
        let path = format!("{}/{name}", daemon.folder());
        let file =
            OperatorFile { daemon, path, name: name.into(), bytes: text.as_bytes().to_vec() };
        find(&file, crate::role::named(role).unwrap()).map(|conflict| conflict.to_string())
    }

    /// As the packages of HashiCorp ship it.
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
            found.contains("`server.enabled`") && found.contains("turns the server mode on"),
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
    fn what_does_not_parse_is_refused() {
        for (name, text) in [("x.json", "{"), ("x.hcl", "server {"), ("x.hcl", "= 1")] {
            assert!(
                conflict(Daemon::Consul, name, text, "consul-server")
                    .unwrap()
                    .contains("does not parse")
            );
        }
    }
}
