//! kill -9 at every step of `apply`: each file is the old or the new one at any moment, and the next run ends where
//! an undisturbed one does, with the same actions still due.
#![allow(clippy::disallowed_methods, reason = "tests touch the machine")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests end like tests")]

#[path = "support/binary.rs"]
mod binary;

use binary::{BINARY, Metadata, run};
use cos_agent::plan::manifest::Manifest;
use cos_agent::simulate::instance::Instance;
use cos_agent::simulate::{self, Kind};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system calls that change the disk, as `strace` lists them for a run.
const MUTATING: [&str; 8] =
    ["mkdir", "unlink", "write", "fchmod", "fsync", "rename", "chmod", "rmdir"];
const MANIFEST: &str = "var/lib/cos-agent/manifest.json";

/// Path → mode of a file, contents; the lock has no say.
type Tree = BTreeMap<PathBuf, (u32, Vec<u8>)>;

fn tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let found = path.symlink_metadata().unwrap();
            let name = path.strip_prefix(root).unwrap().to_owned();
            if found.is_dir() {
                // The mode of a folder is set after it is made, and below another root it is not compared again.
                tree.insert(name, (0, Vec::new()));
                folders.push(path);
            } else if name != Path::new("run/cos-agent/lock") {
                tree.insert(name, (found.permissions().mode(), std::fs::read(path).unwrap()));
            }
        }
    }
    tree
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

fn apply(root: &Path) -> Vec<String> {
    ["apply", "--no-start", "--quiet", "--root"]
        .map(str::to_owned)
        .into_iter()
        .chain([root.display().to_string()])
        .collect()
}

fn converge(metadata: &Metadata, root: &Path) {
    let ran = run(metadata.command(&apply(root)));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

/// Kills a run at its `number`th call; whether it came that far.
fn killed_at(metadata: &Metadata, root: &Path, call: &str, number: usize) -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qqq", "-o", "/dev/null"]);
    strace.arg("-e").arg(format!("trace={call}"));
    strace.arg("-e").arg(format!("inject={call}:signal=KILL:when={number}"));
    strace.arg("--").arg(BINARY);
    let mut strace = metadata.around(strace, &apply(root));
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
    let paths = found.keys().chain(before.keys()).filter(|path| !is_temporary(path));
    for path in paths {
        let now = found.get(path);
        let whole = now == before.get(path) || now == after.get(path);
        // The manifest has a third form while the plan is carried out.
        let is_manifest = path == Path::new(MANIFEST)
            && now.is_some_and(|(_, bytes)| serde_json::from_slice::<Manifest>(bytes).is_ok());
        let is_moved = now.is_none() && path.starts_with("opt");
        assert!(whole || is_manifest || is_moved, "{case}: {} is half-written", path.display());
    }
}

/// Kills runs that start from `before` at every call of every kind, two at a time.
fn kill_everywhere(before: &Path, metadata: &Metadata) {
    let scratch = tempfile::tempdir().unwrap();
    let undisturbed = scratch.path().join("undisturbed");
    copy(before, &undisturbed);
    converge(metadata, &undisturbed);
    let (old, new) = (tree(before), tree(&undisturbed));
    assert_ne!(old, new);
    let next = AtomicUsize::new(0);
    let killed = AtomicUsize::new(0);
    let kill_all_of = |call: &str| {
        for number in 1.. {
            let case = format!("{call} {number}");
            let root = scratch.path().join(case.replace(' ', "-"));
            copy(before, &root);
            if !killed_at(metadata, &root, call, number) {
                assert_eq!(tree(&root), new, "{case}: a run that survives");
                break;
            }
            killed.fetch_add(1, Ordering::Relaxed);
            assert_whole(&tree(&root), &old, &new, &case);
            converge(metadata, &root);
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

fn instance(role: &str, cluster: &str, id: &str) -> Instance {
    let tags = Kind::of(role, None).tags(cluster, "3");
    Instance { id: id.to_owned(), tags, ..Instance::default() }
}

#[test]
fn a_first_run_that_is_killed_anywhere_heals() {
    let before = tempfile::tempdir().unwrap();
    simulate::furnish(before.path(), "1.22.7", "1.10.5").unwrap();
    let metadata = Metadata::of(instance("nomad-client", "demo", "i-0123456789abcdef0"), &[]);
    kill_everywhere(before.path(), &metadata);
}

/// Another cluster, another role, another instance: files change and go, keys are taken back, data is moved.
#[test]
fn a_run_over_an_older_configuration_that_is_killed_anywhere_heals() {
    let before = tempfile::tempdir().unwrap();
    simulate::furnish(before.path(), "1.22.7", "1.10.5").unwrap();
    let docker = before.path().join("etc/docker");
    std::fs::create_dir_all(&docker).unwrap();
    std::fs::write(docker.join("config.json"), "{\"auths\": {}, \"psFormat\": \"x\"}").unwrap();
    let older = Metadata::of(instance("nomad-client", "older", "i-0fedcba9876543210"), &[]);
    converge(&older, before.path());
    std::fs::write(before.path().join("opt/nomad/data/client-id"), "older").unwrap();
    // As if units had been touched: what is due later comes from the killed run alone.
    let path = before.path().join(MANIFEST);
    let mut manifest: Manifest = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    manifest.pending.clear();
    std::fs::write(&path, manifest.to_json()).unwrap();
    let metadata = Metadata::of(instance("nomad-server", "demo", "i-0123456789abcdef0"), &[]);
    kill_everywhere(before.path(), &metadata);
}
