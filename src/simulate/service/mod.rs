//! The metadata service: stateful and strict. It enforces EC2's rules for tokens and paths, so that an agent that
//! passes here speaks `IMDSv2` and nothing else.

mod imdsv2;
mod reply;
mod served;

use super::fault::Fault;
use super::instance::Instance;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use reply::Body;
pub use served::{Served, sequential_round_trips};
use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::time::Instant;

/// A running service; it ends when dropped.
pub struct Service {
    address: SocketAddr,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

struct State {
    started: Instant,
    faults: Vec<Fault>,
    /// The instance as JSON, read again at each request.
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

    /// Serves an instance at an address; `file` is its JSON form, read again at each request.
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

    /// Its URL, as the SDKs' variable expects it.
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

async fn accept(listener: TcpListener, state: Arc<State>) {
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

impl State {
    fn lock(&self) -> MutexGuard<'_, Changing> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the file again. While it is being written it does not parse, and the next request reads it.
    fn read_file_again(&self) {
        let Some(file) = &self.file else { return };
        if let Ok(Some(bytes)) = crate::system::root::read_file(file)
            && let Ok(instance) = serde_json::from_slice(&bytes)
        {
            self.lock().instance = instance;
        }
    }
}
