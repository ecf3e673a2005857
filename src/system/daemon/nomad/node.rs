//! A client as the servers see it (<https://developer.hashicorp.com/nomad/api-docs/nodes#read-node>).

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;

/// A client as the servers see it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Registered {
    /// `initializing`, `ready`, `down` or `disconnected`.
    pub status: String,
    /// Its datacenter.
    pub datacenter: String,
    /// `eligible` or `ineligible`; a node that drains is ineligible.
    #[serde(default)]
    pub scheduling_eligibility: String,
    /// How it drains; `null` if it does not.
    #[serde(default)]
    pub drain_strategy: Value,
    /// Its last drain, if there was one.
    #[serde(default)]
    pub last_drain: Option<LastDrain>,
    /// Its task drivers, by name.
    #[serde(default, deserialize_with = "or_none")]
    pub drivers: BTreeMap<String, Driver>,
}

/// The last drain of a client.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LastDrain {
    /// `draining`, `complete` or `canceled`.
    pub status: String,
    /// When it began, by RFC 3339.
    pub started_at: String,
    /// When that last changed, by RFC 3339.
    pub updated_at: String,
}

/// A task driver as the client last found it. Nomad looks at docker every 30 s (`drivers/docker/config.go`, 1.6.3).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Driver {
    /// Whether the client has what the driver needs.
    #[serde(default)]
    pub detected: bool,
    /// Whether it works.
    #[serde(default)]
    pub healthy: bool,
    /// Nomad's words about its health.
    #[serde(default)]
    pub health_description: String,
}

/// Go writes a map without entries as `null`.
fn or_none<'de, D: Deserializer<'de>>(value: D) -> Result<BTreeMap<String, Driver>, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or_default())
}

impl Registered {
    /// Whether it drains.
    pub fn drains(&self) -> bool {
        !self.drain_strategy.is_null()
    }

    /// Whether the servers place no new tasks on it.
    pub fn is_ineligible(&self) -> bool {
        self.scheduling_eligibility == "ineligible"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_answer_of_nomad_is_read_with_and_without_a_drain() {
        let mut answer = json!({
            "Status": "ready", "Datacenter": "backoffice", "SchedulingEligibility": "eligible", "DrainStrategy": null,
            "LastDrain": null,
            "Drivers": {"docker": {"Detected": true, "Healthy": true, "HealthDescription": "Healthy", "Attributes": {}}},
        });
        let read = |answer: &Value| serde_json::from_value::<Registered>(answer.clone()).unwrap();
        let healthy = read(&answer);
        assert!(!healthy.drains() && !healthy.is_ineligible() && healthy.drivers["docker"].healthy);
        answer["DrainStrategy"] = json!({"Deadline": 3600, "StartedAt": "2026-11-20T14:11:00Z"});
        answer["SchedulingEligibility"] = "ineligible".into();
        answer["LastDrain"] =
            json!({"Status": "draining", "StartedAt": "a", "UpdatedAt": "b", "Meta": null});
        answer["Drivers"] = Value::Null;
        let draining = read(&answer);
        assert!(draining.drains() && draining.is_ineligible() && draining.drivers.is_empty());
        assert_eq!(draining.last_drain.unwrap().status, "draining");
    }
}
