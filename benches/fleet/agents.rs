//! The local Consul and Nomad of the clients, in this process. They see the real servers as those see each other; a
//! question that they do not know is a fault of the benchmark.

use crate::http::{Answer, Asked};
use cos_agent::system::daemon::api::Api;
use hyper::body::Bytes;
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How often the servers are asked.
const LOOK: Duration = Duration::from_millis(250);
/// Longest time for an answer of a server.
const ANSWER: Duration = Duration::from_secs(2);
/// The Nomad that leads; nothing happens to Nomad's servers.
const NOMAD: &str = "10.20.1.21:4647";

/// A client.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// Its instance id.
    pub(crate) id: String,
    /// Its address.
    pub(crate) address: Ipv4Addr,
}

#[derive(Default)]
struct State {
    leader: Option<String>,
    members: Bytes,
    alive: Vec<String>,
    joins: usize,
    strange: Vec<String>,
}

/// The agents of all clients.
#[derive(Clone, Default)]
pub(crate) struct Agents(Arc<Mutex<State>>);

impl Agents {
    /// Sees the servers from now on, and the clients beside them.
    pub(crate) fn follow(&self, servers: Vec<Ipv4Addr>, clients: &[Client]) {
        let clients: Vec<Value> = clients.iter().map(|one| member(&one.id, one.address)).collect();
        let state = Arc::clone(&self.0);
        tokio::spawn(async move {
            let apis =
                servers.iter().map(|address| Api::new(&format!("http://{address}:8500"), ANSWER));
            let apis: Vec<Api> = apis.collect::<Result<_, _>>().expect("a client");
            loop {
                for api in &apis {
                    let Ok(members) = members(api).await else { continue };
                    let leader = api.status_of("leader").await.ok();
                    let leader = leader.and_then(|leader| Some(leader.as_str()?.to_owned()));
                    let alive = members.iter().filter(|one| one["Status"] == 1);
                    let alive = alive.filter_map(|one| Some(one["Addr"].as_str()?.to_owned()));
                    let mut state = state.lock().expect("nobody panics with it");
                    state.alive = alive.collect();
                    state.leader = leader.filter(|leader| !leader.is_empty());
                    let all = [members, clients.clone()].concat();
                    state.members = Value::Array(all).to_string().into();
                    break;
                }
                tokio::time::sleep(LOOK).await;
            }
        });
    }

    /// How often a client was told to join.
    pub(crate) fn joins(&self) -> usize {
        self.0.lock().expect("nobody panics with it").joins
    }

    /// The questions that no agent knows.
    pub(crate) fn strange(&self) -> Vec<String> {
        self.0.lock().expect("nobody panics with it").strange.clone()
    }

    /// Answers as the Consul of a client.
    pub(crate) fn consul(&self, client: &Client, asked: &Asked) -> Answer {
        let mut state = self.0.lock().expect("nobody panics with it");
        let node = format!("/v1/catalog/node/{}", client.id);
        match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/v1/agent/members") => (200, state.members.clone()),
            ("GET", "/v1/status/leader") => match &state.leader {
                Some(leader) => json(&json!(leader)),
                None => (500, "No cluster leader".into()),
            },
            ("GET", "/v1/agent/self") => {
                json(&json!({ "Member": member(&client.id, client.address) }))
            }
            ("GET", path) if path == node => {
                json(&json!({ "Node": { "Node": client.id, "Address": client.address } }))
            }
            ("PUT", path) if path.starts_with("/v1/agent/join/") => {
                state.joins += 1;
                let address = path.rsplit('/').next().unwrap_or_default();
                if state.alive.iter().any(|alive| alive == address) {
                    (200, Bytes::new())
                } else {
                    (500, "1 error occurred: no route to host".into())
                }
            }
            (method, path) => strange(&mut state, method, path),
        }
    }

    /// Answers as the Nomad of a client.
    pub(crate) fn nomad(&self, client: &Client, asked: &Asked) -> Answer {
        let node = format!("/v1/node/{}", client.id);
        match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/v1/agent/self") => {
                json(&json!({ "stats": { "client": { "node_id": client.id } } }))
            }
            ("GET", "/v1/status/leader?stale") => json(&json!(NOMAD)),
            ("GET", "/v1/agent/servers") => json(&json!([NOMAD])),
            ("GET", path) if path == node => json(&json!({
                "Status": "ready", "Datacenter": "backoffice", "SchedulingEligibility": "eligible",
            })),
            (method, path) => {
                strange(&mut self.0.lock().expect("nobody panics with it"), method, path)
            }
        }
    }
}

async fn members(api: &Api) -> Result<Vec<Value>, cos_agent::system::daemon::api::ApiError> {
    api.get("/v1/agent/members").await?.json()
}

fn json(value: &Value) -> Answer {
    (200, value.to_string().into())
}

fn strange(state: &mut State, method: &str, path: &str) -> Answer {
    state.strange.push(format!("{method} {path}"));
    (404, "the benchmark has no such path".into())
}

/// A client as Consul 1.14 tells of it.
fn member(id: &str, address: Ipv4Addr) -> Value {
    json!({
        "Name": id, "Addr": address, "Port": 8301, "Status": 1,
        "Tags": {
            "ap": "default", "build": "1.14.4:", "dc": "eu-central-1", "id": "0b7a2c1e-6a3e-4c7e-9a51-7a1f8f1f4d3c",
            "role": "node", "segment": "", "vsn": "2", "vsn_max": "3", "vsn_min": "2",
        },
        "ProtocolMin": 1, "ProtocolMax": 5, "ProtocolCur": 2, "DelegateMin": 2, "DelegateMax": 5, "DelegateCur": 4,
    })
}
