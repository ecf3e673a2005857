//! The only serialisers: JSON, and JSON in the shape that Nomad reads.

use serde_json::{Map, Value};

/// JSON with sorted keys, indented, with a final line feed. The same value always gives the same bytes.
pub fn json(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Wraps every object into a list of one, as Nomad's HCL1 parser needs its blocks: it would mistake an object that is the
/// only key of its parent for the parent itself (hashicorp/nomad 24007).
///
/// Two keys have another shape: `plugin` is a list of named blocks, and the providers of `keyring` are plain.
pub fn nomad_blocks(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            Value::Object(object.into_iter().map(|(key, value)| block(key, value)).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(nomad_blocks).collect()),
        other => other,
    }
}

fn block(key: String, value: Value) -> (String, Value) {
    let wrapped = match (key.as_str(), value) {
        ("keyring", value) => value,
        ("plugin", Value::Object(plugins)) => Value::Array(
            plugins
                .into_iter()
                .map(|(name, plugin)| nomad_blocks(Value::Object(Map::from_iter([(name, plugin)]))))
                .collect(),
        ),
        (_, Value::Object(object)) => Value::Array(vec![nomad_blocks(Value::Object(object))]),
        (_, other) => nomad_blocks(other),
    };
    (key, wrapped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_block_becomes_a_list_of_one() {
        let plain = json!({
            "name": "n",
            "client": {"reserved": {"cpu": 1}, "host_volume": {"certs": {"path": "/x"}}},
            "plugin": {"docker": {"config": {"auth": {"config": "/f"}}}, "raw_exec": {"config": {"enabled": true}}},
            "keyring": {"awskms": {"active": true}},
            "list": ["a", "b"],
        });
        let wrapped = json!({
            "name": "n",
            "client": [{"reserved": [{"cpu": 1}], "host_volume": [{"certs": [{"path": "/x"}]}]}],
            "plugin": [{"docker": [{"config": [{"auth": [{"config": "/f"}]}]}]}, {"raw_exec": [{"config": [{"enabled": true}]}]}],
            "keyring": {"awskms": {"active": true}},
            "list": ["a", "b"],
        });
        assert_eq!(nomad_blocks(plain), wrapped);
    }
}
