//! The `extra` tables of the settings, for configuration without a setting of its own. They are merged last, key by key, and
//! types must match.

mod error;

use super::owned;
use crate::facts::settings::{Extra, Settings};
use crate::state::{Contents, Daemon, File};
use crate::text::secret::{is_secret, masked};
pub use error::RenderError;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Merges the tables over the rendered configurations.
pub(super) fn merge_into(files: &mut [File], settings: &Settings) -> Result<(), RenderError> {
    for (daemon, extra) in tables(settings) {
        for file in files.iter_mut().filter(|file| file.path == daemon.file()) {
            if let Contents::Json(document) = &mut file.contents {
                if !document.value.is_object() {
                    let found = type_of(&document.value);
                    return Err(RenderError::Document { path: file.path.clone(), found });
                }
                merge(daemon, &mut document.value, extra)?;
            }
        }
    }
    Ok(())
}

fn tables(settings: &Settings) -> [(Daemon, &Extra); 2] {
    [(Daemon::Consul, &settings.consul.extra), (Daemon::Nomad, &settings.nomad.extra)]
}

/// Merges a table over a rendered configuration.
pub fn merge(daemon: Daemon, rendered: &mut Value, extra: &Extra) -> Result<(), RenderError> {
    let table = match daemon {
        Daemon::Consul => "consul.extra",
        Daemon::Nomad => "nomad.extra",
    };
    overlay(&Place { daemon, table }, rendered, &Value::Object(extra.clone()), "")
}

/// Refuses tables that cannot be merged on any node, before anything of them is printed.
pub fn check(settings: &Settings) -> Result<(), RenderError> {
    tables(settings)
        .into_iter()
        .try_for_each(|(daemon, extra)| merge(daemon, &mut Value::Null, extra))
}

struct Place {
    daemon: Daemon,
    table: &'static str,
}

fn overlay(place: &Place, lower: &mut Value, upper: &Value, path: &str) -> Result<(), RenderError> {
    let table = place.table;
    let owned = owned::find(place.daemon, path.split('.'));
    if owned.is_some_and(|key| key.rule == owned::Rule::Refused) {
        return Err(RenderError::Owned { table, key: path.to_owned() });
    }
    if is_secret(path) && !matches!(upper, Value::Object(_)) || holds_secret(upper) {
        return Err(RenderError::Secret { table, key: path.to_owned() });
    }
    if let (true, Value::Object(_)) = (lower.is_null(), upper) {
        *lower = Value::Object(Map::new());
    }
    match (&mut *lower, upper) {
        (Value::Object(lower), Value::Object(upper)) => {
            for (key, value) in upper {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let key = spelling(lower, key);
                overlay(place, lower.entry(key).or_insert(Value::Null), value, &path)?;
            }
            return Ok(());
        }
        (Value::Null, _) => {}
        (lower, upper) if type_of(lower) == type_of(upper) => {}
        (lower, upper) => {
            let (found, expected) = (type_of(upper), type_of(lower));
            return Err(RenderError::Type { table, key: path.to_owned(), found, expected });
        }
    }
    check_list(place, upper, path)?;
    *lower = upper.clone();
    Ok(())
}

/// Whether a text contains a secret that can be recognised, as in join strings and URLs.
fn holds_secret(value: &Value) -> bool {
    matches!(value, Value::String(text) if matches!(masked(text), Cow::Owned(_)))
}

/// The spelling of a key in the rendered object. Both daemons ignore case in keys, so `Log_Level` is `log_level`.
fn spelling(object: &Map<String, Value>, key: &str) -> String {
    object
        .keys()
        .find(|ours| ours.eq_ignore_ascii_case(key))
        .map_or_else(|| key.to_owned(), Clone::clone)
}

/// Checks the tables in a list like others, because Nomad reads `[[nomad.extra.server]]` as the block.
fn check_list(place: &Place, value: &Value, path: &str) -> Result<(), RenderError> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| check_list(place, item, path)),
        Value::Object(object) => object.iter().try_for_each(|(key, value)| {
            overlay(place, &mut Value::Null, value, &format!("{path}.{key}"))
        }),
        text if holds_secret(text) => {
            Err(RenderError::Secret { table: place.table, key: path.to_owned() })
        }
        _ => Ok(()),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::ExitCode;
    use crate::state::{Document, Notify, ROOT, Shape};
    use serde_json::json;

    fn merged(extra: Value) -> Result<Value, RenderError> {
        let mut rendered =
            json!({"server": true, "limits": {"a": 1, "b": "x"}, "retry_join": ["p"]});
        merge(Daemon::Consul, &mut rendered, extra.as_object().unwrap())?;
        Ok(rendered)
    }

    #[test]
    fn a_configuration_that_is_no_object_is_never_written() {
        // JSON has no keys but strings.
        let unserializable = std::collections::BTreeMap::from([((1, 2), 3)]);
        let mut file = File {
            path: Daemon::Consul.file().to_owned(),
            contents: Contents::Json(Document::of(&unserializable, Shape::Plain)),
            mode: 0o640,
            owner: ROOT,
            notify: Notify::nobody(),
        };
        let error = merge_into(std::slice::from_mut(&mut file), &Settings::default()).unwrap_err();
        assert_eq!(error.exit_code(), ExitCode::Bug);
        assert!(error.to_string().ends_with("expected a JSON object, found nothing"), "{error}");
    }

    #[test]
    fn tables_merge_deep_and_the_rest_replaces() {
        let value =
            merged(json!({"limits": {"a": 2, "c": [1]}, "acl": {"enabled": true}})).unwrap();
        assert_eq!(value["limits"], json!({"a": 2, "b": "x", "c": [1]}));
        assert_eq!(value["acl"], json!({"enabled": true}));
        assert_eq!(value["server"], json!(true));
        assert_eq!(
            merged(json!({"Limits": {"A": 3}})).unwrap()["limits"]["a"],
            json!(3),
            "case does not matter"
        );
    }

    #[test]
    fn owned_keys_types_and_secrets_are_refused_by_name() {
        assert!(
            matches!(merged(json!({"server": false})), Err(RenderError::Owned { key, .. }) if key == "server")
        );
        assert!(
            matches!(merged(json!({"limits": {"a": "2"}})), Err(RenderError::Type { key, .. }) if key == "limits.a")
        );
        assert!(matches!(merged(json!({"limits": 1})), Err(RenderError::Type { .. })));
        assert!(
            matches!(merged(json!({"encrypt": "k"})), Err(RenderError::Secret { key, .. }) if key == "encrypt")
        );
        let listed = merged(json!({"segments": [{"server": 1, "encrypt": "k"}]}));
        assert!(
            matches!(listed, Err(RenderError::Secret { key, .. }) if key == "segments.encrypt")
        );
        let nested = merged(json!({"acl": {"tokens": {"agent": "t"}}}));
        assert!(
            matches!(nested, Err(RenderError::Secret { key, .. }) if key == "acl.tokens.agent")
        );
        for (extra, place) in [
            (json!({"keyring": [{"awskms": {"secret_key": "k"}}]}), "keyring.awskms.secret_key"),
            (json!({"retry_join_wan": ["provider=aws secret_access_key=k"]}), "retry_join_wan"),
            (json!({"address": "https://user:k@vault"}), "address"),
        ] {
            assert!(
                matches!(merged(extra), Err(RenderError::Secret { key, .. }) if key == place),
                "{place}"
            );
        }
        assert!(
            merged(json!({"tls": {"defaults": {"key_file": "/k"}}, "acl": {"tokens": {}}})).is_ok()
        );
    }
}
