//! A parameter store in process: stateful, with faults, and strict about what the JSON protocol of AWS asks for.

use cos_agent::simulate::instance::{Credentials, Instance};
use cos_agent::state::Daemon;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The roles that are guarded, their daemons, and their parameters in the cluster `demo`.
pub(crate) const SERVERS: [(&str, Daemon, &str); 2] = [
    ("consul-server", Daemon::Consul, CONSUL),
    ("nomad-server", Daemon::Nomad, "/cos/demo/formed/nomad"),
];
/// The parameter of Consul.
pub(crate) const CONSUL: &str = "/cos/demo/formed/consul";
/// What another server recorded.
pub(crate) const FORMED: &str = "formed 2026-01-31T12:00:00Z by i-0fedcba9876543210";

/// An instance with the role that this store takes signatures of.
pub(crate) fn instance_with_role(instance: Instance) -> Instance {
    let credentials = Credentials {
        role: "cos-node".to_owned(),
        access_key_id: "AKIATEST".to_owned(),
        secret_access_key: "not-shown".to_owned(),
        token: "a-token".to_owned(),
    };
    Instance { credentials: Some(credentials), ..instance }
}

/// What it does instead of answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// So many requests are one too many.
    Throttles(usize),
    /// So many requests meet a 500.
    Breaks(usize),
    /// The role may not do this action.
    Denies(&'static str),
    /// Connections are taken, and that is all.
    Silence,
    /// 200 with this body.
    Says(&'static str),
    /// This status and body.
    Refuses(u16, &'static str),
}

/// A running store.
pub(crate) struct Store {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct State {
    parameters: BTreeMap<String, String>,
    fault: Option<Fault>,
    asked: Vec<String>,
    wrong: Vec<String>,
}

impl Drop for Store {
    fn drop(&mut self) {
        self.task.abort();
        let wrong = std::mem::take(&mut self.state.lock().unwrap().wrong);
        assert!(wrong.is_empty() || std::thread::panicking(), "{wrong:#?}");
    }
}

impl Store {
    /// A store with these parameters.
    pub(crate) async fn with(parameters: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let parameters = parameters.iter().map(own).collect();
        let state = Arc::new(Mutex::new(State { parameters, ..State::default() }));
        let task = tokio::spawn({
            let state = Arc::clone(&state);
            async move {
                let mut silent = Vec::new();
                while let Ok((mut stream, _)) = listener.accept().await {
                    if state.lock().unwrap().fault == Some(Fault::Silence) {
                        state.lock().unwrap().asked.push("connection".to_owned());
                        silent.push(stream);
                    } else {
                        serve(&mut stream, &state).await;
                    }
                }
            }
        });
        Self { address, state, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn fails(&self, fault: impl Into<Option<Fault>>) {
        self.state.lock().unwrap().fault = fault.into();
    }

    pub(crate) fn set(&self, name: &str, value: &str) {
        self.state.lock().unwrap().parameters.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn value(&self, name: &str) -> Option<String> {
        self.state.lock().unwrap().parameters.get(name).cloned()
    }

    /// The actions that were asked for since the last call.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }
}

async fn serve(stream: &mut TcpStream, state: &Mutex<State>) {
    let mut request = Vec::new();
    let mut chunk = [0_u8; 4096];
    let (head, body) = loop {
        let length = stream.read(&mut chunk).await.unwrap_or(0);
        if length == 0 {
            return;
        }
        request.extend_from_slice(&chunk[..length]);
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && header(head, "content-length").is_some_and(|all| body.len() >= all.parse().unwrap())
        {
            break (head.to_owned(), body.to_owned());
        }
    };
    let (status, answer) = {
        let mut state = state.lock().unwrap();
        match checked(&head, &body) {
            Ok((action, body)) => {
                state.asked.push(action.clone());
                answer(&mut state, &action, &body)
            }
            Err(problem) => {
                state.wrong.push(format!("{problem}:\n{head}\n\n{body}"));
                (400, error("SerializationException", &problem))
            }
        }
    };
    let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n", answer.len());
    let kind = "content-type: application/x-amz-json-1.1\r\nconnection: close\r\n\r\n";
    let _ = stream.write_all(format!("{head}{kind}{answer}").as_bytes()).await;
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// The action and its body, of a request that AWS would take.
fn checked(head: &str, body: &str) -> Result<(String, Value), String> {
    let first = head.lines().next().unwrap_or_default();
    let is = |name: &str, expected: &str| match header(head, name) {
        Some(found) if found == expected => Ok(()),
        found => Err(format!("{name} is {found:?}, expected {expected}")),
    };
    if first != "POST / HTTP/1.1" {
        return Err(format!("{first} is not POST /"));
    }
    is("content-type", "application/x-amz-json-1.1")?;
    is("x-amz-security-token", "a-token")?;
    let date = header(head, "x-amz-date").unwrap_or_default();
    let signature = header(head, "authorization").unwrap_or_default();
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=AKIATEST/{}/eu-central-1/ssm/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=",
        date.get(..8).unwrap_or_default()
    );
    let digits = signature.strip_prefix(&scope).ok_or(format!("not signed: {signature}"))?;
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(format!("no signature: {digits}"));
    }
    let target = header(head, "x-amz-target").unwrap_or_default();
    let body: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let expected = match target {
        "AmazonSSM.GetParameter" => json!({ "Name": body["Name"] }),
        "AmazonSSM.PutParameter" => json!({
            "Name": body["Name"], "Value": body["Value"], "Type": "String", "Overwrite": true,
        }),
        other => return Err(format!("{other} is no action of a node")),
    };
    let named = body["Name"].as_str().is_some_and(|name| name.starts_with("/cos/"));
    if body != expected || !named {
        return Err(format!("{body}, expected {expected}"));
    }
    Ok((target.trim_start_matches("AmazonSSM.").to_owned(), body))
}

fn error(code: &str, message: &str) -> String {
    json!({ "__type": code, "message": message }).to_string()
}

fn answer(state: &mut State, action: &str, body: &Value) -> (u16, String) {
    match state.fault {
        Some(Fault::Throttles(times @ 1..)) => {
            state.fault = Some(Fault::Throttles(times - 1));
            return (400, error("ThrottlingException", "Rate exceeded"));
        }
        Some(Fault::Breaks(times @ 1..)) => {
            state.fault = Some(Fault::Breaks(times - 1));
            return (500, error("InternalServerError", "An error occurred on the server side."));
        }
        Some(Fault::Denies(denied)) if denied == action => {
            let message = format!("User: x is not authorized to perform: ssm:{action}");
            return (400, error("AccessDeniedException", &message));
        }
        Some(Fault::Says(text)) => return (200, text.to_owned()),
        Some(Fault::Refuses(status, text)) => return (status, text.to_owned()),
        _ => {}
    }
    let name = body["Name"].as_str().unwrap_or_default();
    if action == "PutParameter" {
        let value = body["Value"].as_str().unwrap_or_default();
        state.parameters.insert(name.to_owned(), value.to_owned());
        return (200, json!({ "Tier": "Standard", "Version": 2 }).to_string());
    }
    match state.parameters.get(name) {
        Some(value) => {
            let parameter = json!({ "Name": name, "Type": "String", "Value": value, "Version": 1 });
            (200, json!({ "Parameter": parameter }).to_string())
        }
        None => (400, json!({ "__type": "ParameterNotFound" }).to_string()),
    }
}
