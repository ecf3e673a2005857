//! The APIs of Consul and Nomad on one node, as far as restarts ask them: stateful, each at an address of its own, and
//! strict. What neither daemon would expect fails the test when this is dropped.

use cos_agent::state::Daemon;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What no cluster without a leader answers but this.
pub(crate) const NO_LEADER: &str = "No cluster leader";
/// The id of the Nomad client of this node.
const NODE_ID: &str = "0de0";

#[derive(Default)]
struct State {
    /// What is said of the servers' health: the front now, the next after it was asked for; the last one stays.
    health: VecDeque<(u16, String)>,
    /// The leader, and the peers of the Raft log.
    known: (Value, Value),
    /// Whether another node has the turn.
    taken: bool,
    /// What Consul answers instead of giving sessions.
    no_sessions: Option<(u16, &'static str)>,
    /// What Consul answers to the questions for a key.
    no_keys: Option<(u16, &'static str)>,
    /// The living sessions.
    sessions: BTreeSet<String>,
    created: usize,
    given_back: usize,
    /// What the servers have this client as, or what Nomad answers instead; nothing where Nomad is no client.
    client: Option<(u16, String)>,
    asked: BTreeMap<Daemon, usize>,
    wrong: Vec<String>,
}

/// Both APIs.
pub(crate) struct QuorumApi {
    state: Arc<Mutex<State>>,
    addresses: BTreeMap<Daemon, SocketAddr>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for QuorumApi {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        let wrong = std::mem::take(&mut self.state.lock().unwrap().wrong);
        assert!(wrong.is_empty() || std::thread::panicking(), "{wrong:#?}");
    }
}

impl QuorumApi {
    /// APIs that tell of three healthy voters besides this node.
    pub(crate) async fn start() -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST, |_| 0).await
    }

    /// The APIs of another server, at its own address and the ports of this one.
    pub(crate) async fn beside(&self, address: Ipv4Addr) -> Self {
        Self::start_at(address, |daemon| self.port(daemon)).await
    }

    /// The port of a daemon's API, which other servers have too.
    pub(crate) fn port(&self, daemon: Daemon) -> u16 {
        self.addresses[&daemon].port()
    }

    async fn start_at(address: Ipv4Addr, port: impl Fn(Daemon) -> u16) -> Self {
        let mut api = Self { state: Arc::default(), addresses: BTreeMap::new(), tasks: Vec::new() };
        for daemon in [Daemon::Consul, Daemon::Nomad] {
            let listener = TcpListener::bind((address, port(daemon))).await.unwrap();
            api.addresses.insert(daemon, listener.local_addr().unwrap());
            let state = Arc::clone(&api.state);
            api.tasks.push(tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    serve(&mut stream, daemon, &state).await;
                }
            }));
        }
        api.knows("10.20.1.12:8300", &["10.20.1.11:8300", "10.20.1.12:8300", "10.20.1.13:8300"]);
        api.says(&[("i-0a", true), ("i-0b", true), ("i-0c", true)]);
        api.client_is("eligible");
        api
    }

    /// The base of a daemon's API.
    pub(crate) fn url(&self, daemon: Daemon) -> String {
        format!("http://{}", self.addresses[&daemon])
    }

    /// From now on they tell of these voters: name, and whether it is healthy.
    pub(crate) fn says(&self, servers: &[(&str, bool)]) {
        self.state.lock().unwrap().health.clear();
        self.then_says(servers);
    }

    /// They tell of these voters after what they were told to say before was asked for once.
    pub(crate) fn then_says(&self, servers: &[(&str, bool)]) {
        let all: Vec<_> = servers
            .iter()
            .map(|(name, healthy)| json!({ "Name": name, "Healthy": healthy, "Voter": true }))
            .collect();
        let status = if servers.iter().all(|(_, healthy)| *healthy) { 200 } else { 429 };
        let body = json!({ "Healthy": status == 200, "Servers": all }).to_string();
        self.state.lock().unwrap().health.push_back((status, body));
    }

    /// What the agents themselves know from now on: the leader, and the peers of their Raft log.
    pub(crate) fn knows(&self, leader: &str, peers: &[&str]) {
        self.state.lock().unwrap().known = (json!(leader), json!(peers));
    }

    /// From now on they answer this when they are asked for the servers' health.
    pub(crate) fn answers(&self, status: u16, body: &str) {
        self.state.lock().unwrap().health = [(status, body.to_owned())].into();
    }

    /// There is no leader from now on.
    pub(crate) fn loses_its_leader(&self) {
        self.answers(500, NO_LEADER);
        self.knows("", &[]);
    }

    /// Whether another server has the turn from now on.
    pub(crate) fn turn_is_taken(&self, taken: bool) {
        self.state.lock().unwrap().taken = taken;
    }

    /// What Consul answers from now on instead of giving sessions.
    pub(crate) fn refuses_sessions(&self, answer: impl Into<Option<(u16, &'static str)>>) {
        self.state.lock().unwrap().no_sessions = answer.into();
    }

    /// What Consul answers from now on instead of keeping keys.
    pub(crate) fn refuses_keys(&self, answer: impl Into<Option<(u16, &'static str)>>) {
        self.state.lock().unwrap().no_keys = answer.into();
    }

    /// What the servers have this client as from now on: `eligible` or `ineligible`.
    pub(crate) fn client_is(&self, eligibility: &str) {
        let node = json!({
            "Status": "ready", "Datacenter": "backoffice", "SchedulingEligibility": eligibility,
        });
        self.state.lock().unwrap().client = Some((200, node.to_string()));
    }

    /// Nomad is a server from now on, and no client.
    pub(crate) fn is_no_client(&self) {
        self.state.lock().unwrap().client = None;
    }

    /// What Nomad answers from now on when it is asked for this client.
    pub(crate) fn hides_the_client(&self, status: u16, body: &str) {
        self.state.lock().unwrap().client = Some((status, body.to_owned()));
    }

    /// How often they were asked for the servers' health.
    pub(crate) fn asked(&self) -> usize {
        self.state.lock().unwrap().asked.values().sum()
    }

    /// How often this one was asked for the servers' health.
    pub(crate) fn asked_of(&self, daemon: Daemon) -> usize {
        self.state.lock().unwrap().asked.get(&daemon).copied().unwrap_or(0)
    }

    /// How many sessions were made, and how many of them were given back.
    pub(crate) fn sessions(&self) -> (usize, usize) {
        let state = self.state.lock().unwrap();
        (state.created, state.given_back)
    }
}

async fn serve(stream: &mut TcpStream, daemon: Daemon, state: &Mutex<State>) {
    let mut request = Vec::new();
    let mut chunk = [0_u8; 4096];
    let line = loop {
        let length = stream.read(&mut chunk).await.unwrap_or(0);
        if length == 0 {
            return;
        }
        request.extend_from_slice(&chunk[..length]);
        let text = String::from_utf8_lossy(&request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let wanted = head.to_ascii_lowercase().lines().find_map(|line| {
            line.strip_prefix("content-length: ").map(|length| length.parse::<usize>().unwrap())
        });
        if body.len() >= wanted.unwrap_or(0) {
            break head.lines().next().unwrap_or_default().to_owned();
        }
    };
    let (status, body) = answer(&mut state.lock().unwrap(), daemon, &line);
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
}

fn answer(state: &mut State, daemon: Daemon, line: &str) -> (u16, String) {
    let line = line.strip_suffix(" HTTP/1.1").unwrap_or(line);
    match (daemon, line) {
        (_, "GET /v1/operator/autopilot/health") => {
            *state.asked.entry(daemon).or_default() += 1;
            match state.health.len() {
                0 => (500, NO_LEADER.to_owned()),
                1 => state.health[0].clone(),
                _ => state.health.pop_front().unwrap(),
            }
        }
        (_, "GET /v1/status/leader?stale" | "GET /v1/status/leader") => {
            (200, state.known.0.to_string())
        }
        (_, "GET /v1/status/peers?stale") => (200, state.known.1.to_string()),
        (Daemon::Nomad, "GET /v1/agent/self") => {
            let stats = match state.client {
                Some(_) => json!({ "client": { "node_id": NODE_ID } }),
                None => json!({ "nomad": { "server": "true" } }),
            };
            (200, json!({ "stats": stats }).to_string())
        }
        (Daemon::Nomad, line)
            if line == format!("GET /v1/node/{NODE_ID}") && state.client.is_some() =>
        {
            state.client.clone().unwrap()
        }
        (Daemon::Consul, "PUT /v1/session/create") => match state.no_sessions {
            Some((status, body)) => (status, body.to_owned()),
            None => {
                state.created += 1;
                let id = format!("5e55{}", state.created);
                state.sessions.insert(id.clone());
                (200, json!({ "ID": id }).to_string())
            }
        },
        (Daemon::Consul, line) => match turn(state, line) {
            Some(answer) => answer,
            None => refused(state, daemon, line),
        },
        (Daemon::Nomad, line) => refused(state, daemon, line),
    }
}

/// What is asked with a session.
fn turn(state: &mut State, line: &str) -> Option<(u16, String)> {
    if let Some(rest) = line.strip_prefix("PUT /v1/kv/cos-agent/restart/") {
        let (_, session) = rest.split_once("?acquire=")?;
        if let Some((status, body)) = state.no_keys {
            return Some((status, body.to_owned()));
        }
        return state.sessions.contains(session).then(|| (200, (!state.taken).to_string()));
    }
    let session = line.strip_prefix("PUT /v1/session/destroy/")?;
    state.sessions.remove(session).then(|| {
        state.given_back += 1;
        (200, "true".to_owned())
    })
}

fn refused(state: &mut State, daemon: Daemon, line: &str) -> (u16, String) {
    state.wrong.push(format!("{} would not expect: {line}", daemon.unit()));
    (405, String::new())
}
