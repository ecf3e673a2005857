//! The budgets of the node agent, measured on the release binary: what a boot costs in time, requests, system calls
//! and memory. `tests/bench` builds the static binaries and runs this.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a benchmark on real files"
)]

use cos_agent::simulate::fault::Fault;
use cos_agent::simulate::instance::Instance;
use cos_agent::simulate::service::{Served, Service, sequential_round_trips};
use cos_agent::simulate::{NodeKind, furnish};
use nix::sys::resource::{UsageWho, getrusage};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How often each run is timed.
const RUNS: usize = 101;

fn main() {
    let binary =
        binary("COS_AGENT_BIN").unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_cos-agent")));
    let kind = NodeKind::of("nomad-client", None);
    // Timed against the release build of the service, as an unoptimised one would be measured along.
    let metadata = Serving::start(&binary, &kind);

    let mut first = Vec::new();
    let mut second = Vec::new();
    for _ in 0..RUNS {
        let root = fresh_root();
        first.push(timed(&mut apply(&binary, root.path(), &metadata.endpoint)));
        second.push(timed(&mut apply(&binary, root.path(), &metadata.endpoint)));
    }
    // Only agents have run so far.
    let memory_kib = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
    drop(metadata);

    let boot = Metadata::start(instance(&kind), vec![Fault::Slow(Duration::from_millis(20))]);
    let root = fresh_root();
    assert!(apply(&binary, root.path(), &boot.endpoint).status().unwrap().success());
    let served = boot.stop();
    let tags = served.iter().filter(|request| request.path.contains("/tags/instance/")).count();
    let tokens = served.iter().filter(|request| request.method == "PUT").count();
    let connections =
        served.iter().map(|request| request.connection).collect::<BTreeSet<_>>().len();

    let calls = Metadata::start(instance(&kind), Vec::new());
    let root = fresh_root();
    let first_calls = syscalls(&binary, root.path(), &calls.endpoint);
    let second_calls = syscalls(&binary, root.path(), &calls.endpoint);
    calls.stop();

    println!("apply --root on tmpfs, metadata on loopback, {RUNS} runs each, {}\n", kind.name());
    println!("{:<44} {:>12}   budget", "what", "measured");
    let row = |what: &str, measured: String, budget: &str| {
        println!("{what:<44} {measured:>12}   {budget}")
    };
    row("first run, median", milliseconds(median(&mut first)), "≤ 8 ms");
    row("first run, 95th percentile", milliseconds(percentile(&first, 95)), "");
    row("second run, median", milliseconds(median(&mut second)), "≤ 4 ms");
    row("second run, writing system calls", second_calls.writing.to_string(), "0");
    row("requests besides tags", (served.len() - tags).to_string(), "≤ 6");
    row("requests for tags", tags.to_string(), "one each");
    row("tokens", tokens.to_string(), "1");
    row("sequential round trips", sequential_round_trips(&served).to_string(), "≤ 3");
    row("connections", connections.to_string(), "a few");
    row("system calls, first run", first_calls.all.to_string(), "");
    row("system calls, second run", second_calls.all.to_string(), "");
    row("peak memory", format!("{:.1} MB", memory_kib as f64 / 1000.0), "≤ 12 MB");
    row("static binary, x86_64", size(&binary), "≤ 8 MB");
    if let Some(aarch64) = self::binary("COS_AGENT_AARCH64_BIN") {
        row("static binary, aarch64", size(&aarch64), "≤ 8 MB");
    }
}

fn binary(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from)
}

fn instance(kind: &NodeKind) -> Instance {
    Instance { tags: kind.tags("bench", "3"), ..Instance::default() }
}

/// A root folder on a file system in memory.
fn fresh_root() -> tempfile::TempDir {
    let root = tempfile::tempdir_in("/dev/shm").unwrap();
    furnish(root.path(), "1.22.7", "1.10.5").unwrap();
    root
}

fn apply(binary: &Path, root: &Path, endpoint: &str) -> Command {
    let mut command = Command::new(binary);
    command
        .args(["apply", "--quiet", "--root"])
        .arg(root)
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint)
        .stdout(Stdio::null());
    command
}

fn timed(command: &mut Command) -> Duration {
    let started = Instant::now();
    let status = command.status().unwrap();
    let elapsed = started.elapsed();
    assert!(status.success(), "{status}");
    elapsed
}

struct Calls {
    all: usize,
    writing: usize,
}

/// All system calls of a run, and those that change a file system.
fn syscalls(binary: &Path, root: &Path, endpoint: &str) -> Calls {
    let trace = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq", "-o"])
        .arg(trace.path())
        .arg(binary)
        .args(["apply", "--quiet", "--root"])
        .arg(root);
    let status =
        command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint).stdout(Stdio::null()).status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "strace is missing, or apply failed under it"
    );
    let text = std::fs::read_to_string(trace.path()).unwrap();
    let writes = |line: &&str| {
        let call = line.split_whitespace().nth(1).unwrap_or_default();
        [
            "rename",
            "unlink",
            "mkdir",
            "fchmod",
            "chmod",
            "fchown",
            "chown",
            "fsync",
            "ftruncate",
            "link",
            "symlink",
        ]
        .iter()
        .any(|name| call.starts_with(name))
            || (call.starts_with("open")
                && ["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|flag| line.contains(flag)))
                && !line.contains("/dev/null")
    };
    Calls { all: text.lines().count(), writing: text.lines().filter(writes).count() }
}

/// A metadata service in a process of its own.
struct Serving {
    endpoint: String,
    process: Child,
}

impl Serving {
    fn start(binary: &Path, kind: &NodeKind) -> Self {
        let mut command = Command::new(binary);
        command.args(["simulate", &kind.role, "--cluster", "bench", "--serve", "127.0.0.1:0"]);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let endpoint = line.trim().split_once('=').unwrap().1.to_owned();
        Self { endpoint, process }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A metadata service in a thread of its own.
struct Metadata {
    endpoint: String,
    stop: tokio::sync::oneshot::Sender<()>,
    thread: std::thread::JoinHandle<Vec<Served>>,
}

impl Metadata {
    fn start(instance: Instance, faults: Vec<Fault>) -> Self {
        let (tell, told) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let service = Service::start(instance, faults).await.unwrap();
                tell.send(service.endpoint()).unwrap();
                let _ = stopped.await;
                service.served()
            })
        });
        Self { endpoint: told.recv().unwrap(), stop, thread }
    }

    fn stop(self) -> Vec<Served> {
        let _ = self.stop.send(());
        self.thread.join().unwrap()
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    percentile(times, 50)
}

/// Of sorted times.
fn percentile(times: &[Duration], percent: usize) -> Duration {
    times[(times.len() - 1) * percent / 100]
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn size(file: &Path) -> String {
    format!("{:.2} MB", std::fs::metadata(file).unwrap().len() as f64 / 1_000_000.0)
}
