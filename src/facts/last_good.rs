//! The facts of the last successful `apply`. Another version of the agent may have written them. This version reads what it
//! knows of them and ignores the rest, so that an upgraded or downgraded agent still knows its node.

use super::certificates::Authority;
use super::host::{Host, Resolver};
use super::instance::Instance;
use super::settings::Settings;
use super::tags::Tags;
use super::{Facts, Installed, SCHEMA};
use crate::store::{self, StateFile};
use serde_json::Value;
use std::collections::BTreeMap;

/// Where they are kept.
pub static LAST_GOOD: StateFile<Facts> = StateFile::understood_by(&store::FACTS, understood);

fn understood(mut value: Value) -> Result<Facts, serde_json::Error> {
    // Sources are for people alone, and the shape cannot describe the values of a map.
    if let Some(sources) = value.get_mut("sources") {
        *sources = Value::Object(serde_json::Map::new());
    }
    if let Some(shape) = shape() {
        keep_known(&mut value, &serde_json::to_value(shape)?);
    }
    serde_json::from_value(value)
}

/// Drops the keys that this version does not know. An empty table in the shape takes any key.
fn keep_known(value: &mut Value, shape: &Value) {
    match (value, shape) {
        (Value::Object(found), Value::Object(known)) if !known.is_empty() => {
            found.retain(|key, _| known.contains_key(key));
            for (key, value) in found {
                keep_known(value, &known[key]);
            }
        }
        (Value::Array(found), Value::Array(known)) => {
            if let Some(known) = known.first() {
                for value in found {
                    keep_known(value, known);
                }
            }
        }
        _ => {}
    }
}

/// Facts with every key that this version knows. The values do not matter.
fn shape() -> Option<Facts> {
    const DOCUMENT: &str = r#"{"instanceId": "i-00000000", "region": "eu-central-1", "availabilityZone": "eu-central-1a",
        "accountId": "000000000000", "privateIp": "10.0.0.1", "instanceType": "t3.small", "imageId": "ami-00000000"}"#;
    Some(Facts {
        schema: SCHEMA.to_owned(),
        instance: Instance::from_document(DOCUMENT).ok()?,
        tags: Tags::from_values(BTreeMap::new()),
        host: Host { resolver: Resolver::Other, trust_store: None },
        installed: Installed::default(),
        authorities: vec![Authority {
            sha256: String::new(),
            subject: String::new(),
            source: String::new(),
            pem: String::new(),
        }],
        settings: Settings::default(),
        sources: BTreeMap::new(),
        user_data: String::new(),
        // Notes are about the machine as it was then.
        notes: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn facts_of_a_newer_agent_are_read_as_far_as_they_are_understood() {
        let mut facts = shape().unwrap();
        facts.tags.values.insert("cos:role".to_owned(), "nomad-client".to_owned());
        facts.settings.nomad.extra.insert("acl".to_owned(), json!({ "enabled": true }));
        let mut newer = serde_json::to_value(&facts).unwrap();
        for place in [
            "",
            "/instance",
            "/tags",
            "/host",
            "/installed",
            "/settings",
            "/settings/consul",
            "/authorities/0",
        ] {
            let place = newer.pointer_mut(place).unwrap().as_object_mut().unwrap();
            place.insert("from_tomorrow".to_owned(), json!({ "a": [1] }));
        }
        assert!(
            Facts::from_json(newer.to_string().as_bytes()).is_err(),
            "a person's file is strict"
        );
        assert_eq!(understood(newer).unwrap(), facts);
        for broken in [json!([]), json!({ "schema": "cos-agent/facts/1" })] {
            assert!(understood(broken.clone()).is_err(), "{broken}");
        }
    }
}
