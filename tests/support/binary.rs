//! The real binary: run with an environment of its own, against the fake metadata service, and what it said.

use cos_agent::simulate::instance::Instance;
use cos_agent::simulate::service::Service;
use cos_agent::simulate::{NodeKind, furnish};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, mpsc};

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_cos-agent");

/// The metadata service on a thread of its own; it ends when dropped.
pub(crate) struct Metadata {
    pub(crate) service: Arc<Service>,
    _running: tokio::sync::oneshot::Sender<()>,
}

impl Metadata {
    /// The service of an instance.
    pub(crate) fn of(instance: Instance, faults: &[&str]) -> Self {
        let faults = faults.iter().map(|name| name.parse().unwrap()).collect();
        let (started, starting) = mpsc::channel();
        let (running, ended) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let service = Arc::new(Service::start(instance, faults).await.unwrap());
                started.send(service).unwrap();
                let _ = ended.await;
            });
        });
        Self { service: starting.recv().unwrap(), _running: running }
    }

    /// The service of an instance of this role in the cluster `demo`.
    pub(crate) fn of_role(role: &str, faults: &[&str]) -> Self {
        let tags = NodeKind::of(role, None).tags("demo", "3");
        Self::of(Instance { tags, ..Instance::default() }, faults)
    }

    /// The binary with this service as its metadata, and nothing as its EC2.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        self.around(Command::new(BINARY), args)
    }

    /// The same for a command that runs the binary.
    pub(crate) fn around<S: AsRef<OsStr>>(&self, command: Command, args: &[S]) -> Command {
        let mut command = clean(command, args);
        command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", self.service.endpoint());
        command
    }
}

/// The binary with an environment in which it finds nobody.
pub(crate) fn cos_agent<S: AsRef<OsStr>>(args: &[S]) -> Command {
    clean(Command::new(BINARY), args)
}

fn clean<S: AsRef<OsStr>>(mut command: Command, args: &[S]) -> Command {
    command
        .args(args)
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")
        .env("AWS_ENDPOINT_URL_EC2", "http://127.0.0.1:1")
        .stdin(Stdio::null());
    command
}

/// How a run ended and what it said.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end.
pub(crate) fn run(mut command: Command) -> Ran {
    let program = command.get_program().to_owned();
    let Output { status, stdout, stderr } =
        command.output().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

impl Ran {
    /// Exit code and both streams as one text for a snapshot; `root` is shown as `ROOT`, addresses and times as what
    /// they are.
    pub(crate) fn shown(&self, root: &Path) -> String {
        let code = self.code.map_or_else(|| "killed".to_owned(), |code| code.to_string());
        let mut text = format!("exit {code}\n");
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !stream.is_empty() {
                text.push_str(&format!("--- {name}\n{}\n", stream.trim_end()));
            }
        }
        mask(&text.replace(&root.display().to_string(), "ROOT"))
    }
}

/// Puts names in the place of ports, times and numbers of attempts.
fn mask(text: &str) -> String {
    let mut text = digits(text, "127.0.0.1:", "PORT");
    for (after, name) in [("after ", "N"), ("up to ", "N"), ("retrying for ", "N"), (" in ", "N")] {
        text = digits(&text, after, name);
    }
    // Questions that are asked at once give up in any order.
    for path in ["dynamic/instance-identity/document", "meta-data/tags/instance", "user-data"] {
        text = text.replace(&format!("no answer for `{path}`"), "no answer for `PATH`");
    }
    text
}

/// Replaces the number that follows a word, wherever it does.
fn digits(text: &str, after: &str, name: &str) -> String {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(after) {
        let (before, from) = rest.split_at(at + after.len());
        masked.push_str(before);
        let end = from.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(from.len());
        // Port 1 is where nobody is, on purpose.
        if end > 0 && &from[..end] != "1:" {
            masked.push_str(name);
        } else {
            masked.push_str(&from[..end]);
        }
        rest = &from[end..];
    }
    masked + rest
}

/// A furnished root folder with its metadata service.
pub(crate) struct Node {
    pub(crate) metadata: Metadata,
    pub(crate) folder: tempfile::TempDir,
}

impl Node {
    /// A node of this role.
    pub(crate) fn of(role: &str) -> Self {
        let node =
            Self { metadata: Metadata::of_role(role, &[]), folder: tempfile::tempdir().unwrap() };
        furnish(node.folder.path(), "1.22.7", "1.10.5").unwrap();
        node
    }

    /// The binary below this root folder.
    pub(crate) fn command(&self, args: &str) -> Command {
        let root = self.folder.path().display().to_string();
        let args: Vec<&str> = args.split_whitespace().chain(["--root", &root]).collect();
        self.metadata.command(&args)
    }

    /// What it says.
    pub(crate) fn run(&self, args: &str) -> Ran {
        run(self.command(args))
    }

    /// The same as one text.
    pub(crate) fn shown(&self, args: &str) -> String {
        self.run(args).shown(self.folder.path())
    }
}

/// A JSON text as a value.
pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Writes a file below a root folder.
pub(crate) fn put(root: &Path, path: &str, bytes: &[u8]) {
    let full = root.join(path.trim_start_matches('/'));
    std::fs::create_dir_all(full.parent().unwrap()).unwrap();
    std::fs::write(full, bytes).unwrap();
}

/// What `apply` says below a new root folder that `prepare` makes special.
pub(crate) fn apply_in(role: &str, prepare: impl FnOnce(&Path)) -> (tempfile::TempDir, Ran) {
    let metadata = Metadata::of_role(role, &[]);
    let root = tempfile::tempdir().unwrap();
    furnish(root.path(), "1.22.7", "1.10.5").unwrap();
    prepare(root.path());
    let folder = root.path().display().to_string();
    let ran = run(metadata.command(&["apply", "--quiet", "--root", folder.as_str()]));
    (root, ran)
}

/// The same for a table of files, one a run; nothing may be rendered.
pub(crate) fn with_file(role: &str, cases: &[(&str, &str, &[u8])]) -> String {
    let one = |(case, path, bytes): &(&str, &str, &[u8])| {
        let (root, ran) = apply_in(role, |root| put(root, path, bytes));
        assert!(!root.path().join("etc/consul.d/cos.json").is_file(), "{case}: rendered");
        format!("{case}: {}\n", ran.shown(root.path()))
    };
    cases.iter().map(one).collect()
}
