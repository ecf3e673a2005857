//! The metadata service: stateful and strict. It enforces EC2's rules for tokens and paths, so that an agent that
//! passes here speaks `IMDSv2` and nothing else.

use super::fault::Fault;
use super::instance::Instance;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::Instant;

type Body = BoxBody<Bytes, std::io::Error>;

/// A request as it was served.
#[derive(Debug, Clone)]
pub struct Served {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The status.
    pub status: u16,
    /// The number of the connection.
    pub connection: usize,
    /// When it came, since the service started.
    pub came: Duration,
    /// When it was answered.
    pub answered: Duration,
}

/// A running service; it ends when dropped.
pub struct Service {
    address: SocketAddr,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

struct State {
    started: Instant,
    faults: Vec<Fault>,
    /// Read again whenever it changes.
    file: Option<PathBuf>,
    changing: Mutex<Changing>,
}

struct Changing {
    instance: Instance,
    tokens: HashMap<String, Instant>,
    reads: usize,
    truncated: BTreeSet<String>,
    served: Vec<Served>,
    connections: usize,
}

impl Service {
    /// Serves an instance on a free port of loopback.
    pub async fn start(instance: Instance, faults: Vec<Fault>) -> std::io::Result<Self> {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), instance, faults, None).await
    }

    /// Serves an instance at an address; `file` is its JSON form, read again whenever it changes.
    pub async fn start_at(
        address: SocketAddr,
        instance: Instance,
        faults: Vec<Fault>,
        file: Option<PathBuf>,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            started: Instant::now(),
            faults,
            file,
            changing: Mutex::new(Changing {
                instance,
                tokens: HashMap::new(),
                reads: 0,
                truncated: BTreeSet::new(),
                served: Vec::new(),
                connections: 0,
            }),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Self { address, state, task })
    }

    /// Where it is, as the SDKs' variable wants it.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was served so far.
    pub fn served(&self) -> Vec<Served> {
        self.state.lock().served.clone()
    }

    /// Changes the instance, as a console or an API call would.
    pub fn change(&self, change: impl FnOnce(&mut Instance)) {
        change(&mut self.state.lock().instance);
    }

    /// Serves until the end of the process.
    pub async fn forever(mut self) {
        let _ = (&mut self.task).await;
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The longest chain of requests of which each came after the one before was answered: the round trips that a client
/// cannot have had at once.
pub fn sequential_round_trips(served: &[Served]) -> usize {
    let mut chains: Vec<(Duration, usize)> = Vec::new();
    let mut sorted: Vec<&Served> = served.iter().collect();
    sorted.sort_by_key(|served| served.came);
    for request in sorted {
        let before = chains
            .iter()
            .filter(|(answered, _)| *answered <= request.came)
            .map(|(_, length)| *length)
            .max();
        chains.push((request.answered, before.unwrap_or(0) + 1));
    }
    chains.into_iter().map(|(_, length)| length).max().unwrap_or(0)
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    // A failed accept is a client that went away again.
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let state = Arc::clone(&state);
        let number = {
            let mut changing = state.lock();
            changing.connections += 1;
            changing.connections
        };
        tokio::spawn(async move {
            let answer = service_fn(|request| answer(Arc::clone(&state), number, request));
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}

async fn answer(
    state: Arc<State>,
    connection: usize,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let came = state.started.elapsed();
    state.read_file_again();
    for fault in &state.faults {
        match fault {
            Fault::Slow(time) => tokio::time::sleep(*time).await,
            Fault::Hang => std::future::pending().await,
            _ => {}
        }
    }
    let path = request.uri().path().to_owned();
    let reply = state.reply(&request, came);
    let mut response = Response::new(reply.body);
    *response.status_mut() = reply.status;
    for (name, value) in reply.headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    let answered = state.started.elapsed();
    let method = request.method().to_string();
    let status = reply.status.as_u16();
    state.lock().served.push(Served { method, path, status, connection, came, answered });
    Ok(response)
}

/// What something between the agent and the service answers.
const PAGE: &[u8] = b"<!DOCTYPE html><html><body>Bad gateway</body></html>";

struct Reply {
    status: StatusCode,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Changing> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file that is being written is read again at the next request.
    fn read_file_again(&self) {
        let Some(file) = &self.file else { return };
        if let Ok(Some(bytes)) = crate::system::root::read_file(file)
            && let Ok(instance) = serde_json::from_slice(&bytes)
        {
            self.lock().instance = instance;
        }
    }

    fn reply(&self, request: &Request<Incoming>, came: Duration) -> Reply {
        if self.faults.iter().any(|fault| matches!(fault, Fault::Off(time) if came < *time)) {
            return status(StatusCode::FORBIDDEN);
        }
        if self.faults.iter().any(|fault| matches!(fault, Fault::Unavailable(time) if came < *time))
        {
            return Reply {
                headers: vec![("retry-after", "1".to_owned())],
                ..status(StatusCode::SERVICE_UNAVAILABLE)
            };
        }
        match (request.method(), request.uri().path()) {
            (&Method::PUT, "/latest/api/token") => self.token(request),
            // Dated paths hand out no tokens.
            (&Method::PUT, path) if path.ends_with("/api/token") => status(StatusCode::FORBIDDEN),
            (&Method::GET, path) => match path.strip_prefix("/latest/") {
                Some(path) => self.value(request, path, came),
                None => status(StatusCode::NOT_FOUND),
            },
            _ => status(StatusCode::METHOD_NOT_ALLOWED),
        }
    }

    /// A token, for a request that no proxy has passed on and that says how long it shall live.
    fn token(&self, request: &Request<Incoming>) -> Reply {
        const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
        if request.headers().contains_key("x-forwarded-for") {
            return status(StatusCode::FORBIDDEN);
        }
        let ttl =
            request.headers().get(TTL).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let Some(ttl) = ttl.filter(|ttl| (1..=21600).contains(ttl)) else {
            return status(StatusCode::BAD_REQUEST);
        };
        let token = format!("AQAEA{:016x}{:016x}==", fastrand::u64(..), fastrand::u64(..));
        self.lock().tokens.insert(token.clone(), Instant::now() + Duration::from_secs(ttl));
        Reply { headers: vec![(TTL, ttl.to_string())], ..text(token.into_bytes()) }
    }

    fn value(&self, request: &Request<Incoming>, path: &str, came: Duration) -> Reply {
        let token =
            request.headers().get("x-aws-ec2-metadata-token").and_then(|value| value.to_str().ok());
        let mut changing = self.lock();
        changing.reads += 1;
        if self.faults.contains(&Fault::MidwayExpiry) && changing.reads == 3 {
            changing.tokens.clear();
        }
        let known = token.is_some_and(|token| {
            changing.tokens.get(token).is_some_and(|end| *end > Instant::now())
        });
        let refused = self
            .faults
            .iter()
            .any(|fault| matches!(fault, Fault::FreshTokensRefused(time) if came < *time));
        if !known || refused {
            return status(StatusCode::UNAUTHORIZED);
        }
        let found = self.tree(&changing.instance, came).and_then(|tree| find(&tree, path));
        if path == "meta-data/tags/instance" && self.faults.contains(&Fault::TagsBlank) {
            return text(Vec::new());
        }
        let Some(value) = found else { return status(StatusCode::NOT_FOUND) };
        if self.faults.contains(&Fault::Truncated) && changing.truncated.insert(path.to_owned()) {
            return broken_off(value);
        }
        text(match path {
            "dynamic/instance-identity/document" => self.document(value, came),
            // It may be anything else.
            "user-data" if self.shows_a_page(came) => PAGE.to_vec(),
            _ => value,
        })
    }

    /// What the instance tells at this time.
    fn tree(
        &self,
        instance: &Instance,
        came: Duration,
    ) -> Option<std::collections::BTreeMap<String, Vec<u8>>> {
        let mut instance = instance.clone();
        for fault in &self.faults {
            match fault {
                Fault::LateTags(time) if came < *time => {
                    instance.tags.retain(|key, _| !key.starts_with("cos:"))
                }
                Fault::LateRole(time) if came < *time => {
                    instance.tags.remove("cos:role");
                }
                Fault::TagsOff(time) if came < *time => instance.tags_in_metadata = false,
                Fault::TagsBlank => instance.tags_in_metadata = false,
                _ => {}
            }
        }
        Some(instance.tree())
    }

    fn shows_a_page(&self, came: Duration) -> bool {
        self.faults.iter().any(|fault| matches!(fault, Fault::Html(time) if came < *time))
    }

    fn document(&self, value: Vec<u8>, came: Duration) -> Vec<u8> {
        for fault in &self.faults {
            match fault {
                Fault::Html(time) if came < *time => return PAGE.to_vec(),
                Fault::Empty(time) if came < *time => return Vec::new(),
                Fault::Garbage(time) if came < *time => return vec![0xff, 0xfe, 0x00, 0x80],
                Fault::Huge(time) if came < *time => return vec![b'a'; 1024 * 1024],
                _ => {}
            }
        }
        value
    }
}

/// A value, or the list of what is below a path: one name a line, folders with a slash.
fn find(tree: &std::collections::BTreeMap<String, Vec<u8>>, path: &str) -> Option<Vec<u8>> {
    if let Some(value) = tree.get(path) {
        return Some(value.clone());
    }
    let folder = format!("{}/", path.trim_end_matches('/'));
    let names: BTreeSet<String> = tree
        .keys()
        .filter_map(|key| {
            let rest = key.strip_prefix(&folder)?;
            Some(match rest.split_once('/') {
                Some((name, _)) => format!("{name}/"),
                None => rest.to_owned(),
            })
        })
        .collect();
    (!names.is_empty()).then(|| names.into_iter().collect::<Vec<_>>().join("\n").into_bytes())
}

fn text(value: Vec<u8>) -> Reply {
    let body = Full::new(Bytes::from(value)).map_err(|never: Infallible| match never {}).boxed();
    Reply { status: StatusCode::OK, headers: vec![("content-type", "text/plain".to_owned())], body }
}

fn status(status: StatusCode) -> Reply {
    let page = format!("<?xml version=\"1.0\"?>\n<html><body><h1>{status}</h1></body></html>\n");
    Reply {
        status,
        headers: vec![("content-type", "text/html".to_owned())],
        ..text(page.into_bytes())
    }
}

/// Announces the whole value and ends after its first half.
fn broken_off(value: Vec<u8>) -> Reply {
    let length = value.len().max(2);
    let half = Bytes::from(value[..value.len() / 2].to_vec());
    let frames = [Ok(Frame::data(half)), Err(std::io::Error::other("the fault `truncated`"))];
    let body = BodyExt::boxed(StreamBody::new(futures_util::stream::iter(frames)));
    Reply { status: StatusCode::OK, headers: vec![("content-length", length.to_string())], body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_are_the_longest_chain() {
        let request = |came: u64, answered: u64| Served {
            method: String::new(),
            path: String::new(),
            status: 200,
            connection: 0,
            came: Duration::from_millis(came),
            answered: Duration::from_millis(answered),
        };
        assert_eq!(sequential_round_trips(&[]), 0);
        let served = [
            request(0, 10),
            request(11, 20),
            request(11, 25),
            request(26, 30),
            request(26, 31),
            request(27, 30),
        ];
        assert_eq!(sequential_round_trips(&served), 3);
    }

    #[test]
    fn folders_are_lists() {
        let tree = Instance::default().tree();
        let list = String::from_utf8(find(&tree, "meta-data/").unwrap()).unwrap();
        assert!(list.contains("instance-id") && list.contains("placement/"), "{list}");
        assert!(find(&tree, "meta-data/instance").is_none());
    }
}
