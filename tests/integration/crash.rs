//! kill -9 at every step of `apply` on a machine of its own: each file is the old or the new one at any moment, and the
//! next run ends where an undisturbed one does, with the same actions still due.

use crate::support::{binary, host, ssm};
use binary::{Metadata, put, run};
use cos_agent::apply::manifest;
use cos_agent::plan::manifest::Manifest;
use cos_agent::simulate::NodeKind;
use cos_agent::simulate::instance::Instance;
use cos_agent::system::root::Root;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system calls that change the disk, as `strace` lists them for a run.
const MUTATING: [&str; 7] =
    ["mkdirat", "unlinkat", "write", "fchmod", "fchown", "fsync", "renameat"];
/// What is the same in all trees, and large.
const PROGRAMS: [&str; 5] = ["cos-agent", "bin", "lib", "lib64", "usr/lib/x86_64-linux-gnu"];
/// What taking locks leaves, and what people read of runs, with its times.
const RECORD: [&str; 4] = [
    "run/cos-agent/lock",
    "run/cos-agent/record.lock",
    "run/cos-agent/status.json",
    "var/lib/cos-agent/boots.json",
];
const MANIFEST: &str = "var/lib/cos-agent/manifest.json";
const FORMATION: &str = "var/lib/cos-agent/formation.json";

/// Path → mode, owner, contents or target; locks and records have no say.
type Tree = BTreeMap<PathBuf, (u32, u32, Vec<u8>)>;

fn tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let found = path.symlink_metadata().unwrap();
            let name = path.strip_prefix(root).unwrap().to_owned();
            if PROGRAMS.iter().chain(&RECORD).any(|other| name == Path::new(other)) {
                continue;
            }
            let (mode, owner) = (found.mode(), found.uid());
            if found.is_dir() {
                tree.insert(name, (mode, owner, Vec::new()));
                folders.push(path);
            } else if found.is_symlink() {
                let target = std::fs::read_link(path).unwrap().into_os_string().into_vec();
                tree.insert(name, (mode, owner, target));
            } else {
                tree.insert(name, (mode, owner, std::fs::read(path).unwrap()));
            }
        }
    }
    tree
}

fn copy(from: &Path, to: &Path) {
    // Files as second names: nothing is written in place, and nothing but directories changes mode or owner.
    let copied = Command::new("cp").arg("-al").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

const APPLY: [&str; 3] = ["apply", "--no-start", "--quiet"];

/// What answers the agent.
struct Services {
    metadata: Metadata,
    store: String,
}

impl Services {
    /// Around an instance.
    fn of(role: &str, cluster: &str, id: &str) -> Self {
        let tags = NodeKind::of(role, None).tags(cluster, "3");
        let instance = Instance { id: id.to_owned(), tags, ..Instance::default() };
        let metadata = Metadata::of(ssm::instance_with_role(instance), &[]);
        Self { metadata, store: store() }
    }

    fn around(&self, command: Command) -> Command {
        let mut command = self.metadata.around(command, &APPLY);
        command.env("AWS_ENDPOINT_URL_SSM", &self.store).env("SSL_CERT_FILE", host::AUTHORITIES);
        command
    }
}

fn converge(services: &Services, root: &Path) {
    let ran = run(services.around(host::on(root)));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

/// Kills a run at its `number`th call; whether it came that far.
fn killed_at(services: &Services, root: &Path, call: &str, number: usize) -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qqq", "-o", "/dev/null"]);
    strace.arg("-e").arg(format!("trace={call}"));
    strace.arg("-e").arg(format!("inject={call}:signal=KILL:when={number}"));
    let on = host::on(root);
    strace.arg("--").arg(on.get_program()).args(on.get_args());
    let mut strace = services.around(strace);
    let status = strace.stdout(Stdio::null()).stderr(Stdio::null()).status();
    let status = status.expect("strace is needed: install it");
    let killed = status.signal() == Some(9) || status.code() == Some(128 + 9);
    assert!(killed || status.success(), "{call} {number}: {status}");
    killed
}

fn is_temporary(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".cos-agent-writing")
}

/// Every file is as it was before, or as it is after, or not there where it was not there at one of these times.
fn assert_whole(found: &Tree, before: &Tree, after: &Tree, case: &str) {
    let data = |tree: &Tree| tree.keys().filter(|path| path.ends_with("client-id")).count();
    assert_eq!(data(found), data(before), "{case}: data is moved whole");
    // The copies for the validators go with the next run.
    let copies = Path::new("run/cos-agent/validate");
    let paths = found.keys().chain(before.keys());
    let paths = paths.filter(|path| !is_temporary(path) && !path.starts_with(copies));
    for path in paths {
        let now = found.get(path);
        let whole = now == before.get(path) || now == after.get(path);
        // The manifest, and what the guard found beside it, has a third form while the plan is carried out.
        let is_manifest = [MANIFEST, FORMATION].map(Path::new).contains(&path.as_path())
            && now.is_some_and(|(_, _, bytes)| serde_json::from_slice::<Manifest>(bytes).is_ok());
        let is_moved = now.is_none() && (path.starts_with("opt") || path.starts_with("mnt"));
        // A directory gets its mode and owner after it is made.
        let is_directory =
            now.is_some_and(|(mode, _, _)| mode & nix::libc::S_IFMT == nix::libc::S_IFDIR);
        assert!(
            whole || is_manifest || is_moved || is_directory,
            "{case}: {} is half-written",
            path.display()
        );
    }
}

/// Kills runs that start from `before` at every call of every kind, two at a time.
fn kill_everywhere(before: &Path, services: &Services) {
    let scratch = tempfile::tempdir().unwrap();
    let undisturbed = scratch.path().join("undisturbed");
    copy(before, &undisturbed);
    converge(services, &undisturbed);
    let (old, new) = (tree(before), tree(&undisturbed));
    assert_ne!(old, new);
    let next = AtomicUsize::new(0);
    let killed = AtomicUsize::new(0);
    let kill_all_of = |call: &str| {
        for number in 1.. {
            let case = format!("{call} {number}");
            let root = scratch.path().join(case.replace(' ', "-"));
            copy(before, &root);
            if !killed_at(services, &root, call, number) {
                assert_eq!(tree(&root), new, "{case}: a run that survives");
                break;
            }
            killed.fetch_add(1, Ordering::Relaxed);
            assert_whole(&tree(&root), &old, &new, &case);
            converge(services, &root);
            let healed = tree(&root);
            for path in healed.keys().chain(new.keys()) {
                assert!(
                    healed.get(path) == new.get(path),
                    "{case}: {} is not as after an undisturbed run",
                    path.display()
                );
            }
            std::fs::remove_dir_all(&root).unwrap();
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(call) = MUTATING.get(next.fetch_add(1, Ordering::Relaxed)) {
                    kill_all_of(call);
                }
            });
        }
    });
    assert!(killed.load(Ordering::Relaxed) > 50, "{killed:?} kills: do the calls still match?");
}

fn machine() -> tempfile::TempDir {
    let before = tempfile::tempdir().unwrap();
    host::build(before.path());
    before
}

/// A parameter store that says that no cluster has formed, until the test ends.
fn store() -> String {
    let (started, starting) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = ssm::Store::with(&[("/cos/demo/formed/nomad", "no")]).await;
            started.send(store.url()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    starting.recv().unwrap()
}

#[test]
fn a_first_run_that_is_killed_anywhere_heals() {
    let before = machine();
    let services = Services::of("nomad-client", "demo", "i-0123456789abcdef0");
    kill_everywhere(before.path(), &services);
}

/// Another cluster, another role, another instance: files change and go, keys are taken back, data is moved. Consul's is
/// behind a link, so that it is moved entry by entry.
#[test]
fn a_run_over_an_older_configuration_that_is_killed_anywhere_heals() {
    let before = machine();
    let root = before.path();
    put(root, "/etc/docker/config.json", b"{\"auths\": {}, \"psFormat\": \"x\"}");
    for directory in ["mnt/consul", "opt/consul"] {
        std::fs::create_dir_all(root.join(directory)).unwrap();
    }
    std::os::unix::fs::symlink("/mnt/consul", root.join("opt/consul/data")).unwrap();
    let older = Services::of("nomad-client", "older", "i-0fedcba9876543210");
    converge(&older, root);
    put(root, "/opt/nomad/data/client-id", b"older");
    for name in ["checks/x", "node-id", "serf/local.snapshot"] {
        put(root, &format!("/mnt/consul/{name}"), b"older");
    }
    // As if units had been touched: what is due later comes from the killed run alone.
    let disk = Root::at(root);
    let mut before = manifest::MANIFEST.known(&disk).expect("a manifest");
    before.pending.clear();
    manifest::MANIFEST.save(&disk, &before).unwrap();
    let services = Services::of("nomad-server", "demo", "i-0123456789abcdef0");
    kill_everywhere(root, &services);
}
