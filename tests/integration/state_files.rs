//! Every state file of the registry: one room names its path, `apply` goes on whatever became of it, and ends with a file
//! that holds what it should.

use crate::support::{binary, host, node};
use cos_agent::apply::manifest::{FORMATION, MANIFEST};
use cos_agent::facts::binaries::VERSIONS;
use cos_agent::facts::last_good::LAST_GOOD;
use cos_agent::state::Daemon;
use cos_agent::store::formed::{self, Formed};
use cos_agent::store::launch_hook::{self, Ended, LaunchHook};
use cos_agent::store::{self, Entry, FILES, Schema, Writer, boots, status};
use cos_agent::system::root::Root;
use host::{CONSUL, Host};
use node::TestNode;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const CONSUL_PROGRAM: &str = "#!/bin/sh\necho Consul v1.22.7\n";

/// Every state file has a value.
async fn node_with_all() -> TestNode {
    let node = TestNode::new("consul-server").await;
    node.install("/usr/bin/consul", CONSUL_PROGRAM);
    let root = Root::at(node.root());
    node.converge().await;
    save_what_apply_does_not(&root);
    FORMATION.save(&root, &node.manifest()).unwrap();
    node
}

fn save_what_apply_does_not(root: &Root) {
    let instance = "i-0123456789abcdef0".to_owned();
    let formed = Formed { instance: instance.clone(), daemon: Daemon::Consul, checked: 7 };
    formed::FILE.save(root, &formed).unwrap();
    let hook = LaunchHook { instance, hook: "join".to_owned(), outcome: Ended::Completed };
    launch_hook::FILE.save(root, &hook).unwrap();
}

/// Whether a file holds what its reader understands.
fn is_known(entry: &Entry, root: &Root) -> bool {
    match entry.path {
        path if path == status::FILE.path() => status::FILE.known(root).is_some(),
        path if path == boots::FILE.path() => boots::FILE.known(root).is_some(),
        path if path == MANIFEST.path() => MANIFEST.known(root).is_some(),
        path if path == FORMATION.path() => FORMATION.known(root).is_some(),
        path if path == LAST_GOOD.path() => LAST_GOOD.known(root).is_some(),
        path if path == VERSIONS.path() => VERSIONS.known(root).is_some(),
        path if path == formed::FILE.path() => formed::FILE.known(root).is_some(),
        path if path == launch_hook::FILE.path() => launch_hook::FILE.known(root).is_some(),
        path => panic!("nobody reads {path}"),
    }
}

fn with(text: &str, change: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut value = serde_json::from_str(text).unwrap();
    change(&mut value);
    value.to_string()
}

/// The ways in which a file breaks: name, and what it holds then.
fn ways(entry: &Entry, whole: &str) -> Vec<(&'static str, Option<String>)> {
    let mut ways = vec![
        ("absent", None),
        ("empty", Some(String::new())),
        ("truncated", Some(whole[..whole.len() / 2].to_owned())),
        ("no JSON", Some("\0\0\0\0".to_owned())),
        ("a list", Some("[]".to_owned())),
        (
            "numbers for all keys",
            Some(with(whole, |value| {
                for (key, value) in value.as_object_mut().unwrap() {
                    if key != "schema" {
                        *value = serde_json::json!(-1);
                    }
                }
            })),
        ),
    ];
    if let Schema::Named(name) = entry.schema {
        let newer = format!("{}99", name.trim_end_matches(|c: char| c.is_ascii_digit()));
        ways.push(("another schema", Some(with(whole, |value| value["schema"] = newer.into()))));
    }
    ways
}

#[tokio::test]
async fn every_state_file_survives_being_lost_or_broken() {
    let node = node_with_all().await;
    let root = Root::at(node.root());
    let consul = node.read(Daemon::Consul.file());
    for entry in FILES {
        let whole = node.read(entry.path);
        for (way, text) in ways(entry, &whole) {
            match text {
                Some(text) => node.write(entry.path, &text),
                None => std::fs::remove_file(node.path(entry.path)).unwrap(),
            }
            assert!(!is_known(entry, &root), "{way}: {}", entry.path);
            node.converge().await;
            if !entry.writers.contains(&Writer::Apply) {
                save_what_apply_does_not(&root);
            } else if entry.path == FORMATION.path() && way == "absent" {
                // There is nothing to keep in it.
                FORMATION.save(&root, &node.manifest()).unwrap();
            }
            assert!(is_known(entry, &root), "{way}: {}", entry.path);
            assert_eq!(node.read(Daemon::Consul.file()), consul, "{way}: {}", entry.path);
            let mode = root.stat(entry.path).unwrap().unwrap().mode;
            assert_eq!(mode, entry.mode, "{way}: {}", entry.path);
        }
    }
}

#[tokio::test]
async fn keys_of_a_newer_agent_cost_no_state_file() {
    let node = node_with_all().await;
    let root = Root::at(node.root());
    for entry in FILES {
        let newer = with(&node.read(entry.path), |value| value["from_tomorrow"] = 1.into());
        node.write(entry.path, &newer);
        assert!(is_known(entry, &root), "{}", entry.path);
        node.converge().await;
        assert!(is_known(entry, &root), "{}", entry.path);
    }
}

#[tokio::test]
async fn what_a_killed_run_left_beside_a_state_file_is_swept() {
    let node = node_with_all().await;
    let root = Root::at(node.root());
    for entry in FILES {
        let (folder, name) = entry.path.rsplit_once('/').unwrap();
        node.write(&format!("{folder}/.{name}.cos-agent-writing"), "{");
        assert!(root.has_leftover(entry.path).unwrap(), "{}", entry.path);
    }
    node.converge().await;
    for entry in FILES {
        assert!(!root.has_leftover(entry.path).unwrap(), "{}", entry.path);
        assert!(is_known(entry, &root), "{}", entry.path);
    }
}

#[test]
fn the_registry_is_whole_and_alone_names_its_paths() {
    let paths: BTreeSet<&str> = FILES.iter().map(|entry| entry.path).collect();
    assert_eq!(paths.len(), FILES.len());
    for entry in FILES {
        let is_ours = ["/var/lib/cos-agent/", "/run/cos-agent/"]
            .iter()
            .any(|folder| entry.path.starts_with(folder));
        assert!(is_ours && !entry.writers.is_empty() && !entry.what.is_empty(), "{entry:?}");
        assert!(entry.mode == 0o600 || entry.mode == 0o644, "{entry:?}");
    }
    let mut spelled = BTreeSet::new();
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut |path, line| {
        let is_registry = path.ends_with("src/store/mod.rs");
        if line.contains("/var/lib/cos-agent/") || paths.iter().any(|path| line.contains(path)) {
            assert!(is_registry, "{} names a state file: {line}", path.display());
            spelled.extend(line.split('"').nth(1).map(str::to_owned));
        }
    });
    let paths: BTreeSet<String> = paths.into_iter().map(str::to_owned).collect();
    assert_eq!(spelled, paths, "an entry of `store` is not in its list");
    let of_units = FILES.iter().filter(|entry| entry.is_shared()).map(|entry| entry.path);
    let shared = [store::STATUS, store::BOOTS, store::FORMED, store::LAUNCH_HOOK];
    assert_eq!(of_units.collect::<Vec<_>>(), shared.map(|entry| entry.path));
}

fn visit(folder: &Path, see: &mut impl FnMut(&Path, &str)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(&path, see);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            code.for_each(|line| see(&path, line));
        }
    }
}

#[test]
fn what_cannot_be_used_is_replaced_and_the_log_says_so() {
    let host = Host::packaged();
    host.boot();
    for (entry, broken, words) in [
        (
            store::BOOTS,
            r#"{"schema": "cos-agent/boots/99"}"#,
            "has the schema cos-agent/boots/99, expected",
        ),
        (store::FACTS, r#"{"schema": "cos-agent/facts/1", "tags": "hush"}"#, "does not parse: "),
        (store::VERSIONS, "", "does not parse: EOF"),
    ] {
        host.put(entry.path, broken);
        let mode = std::fs::Permissions::from_mode(entry.mode);
        std::fs::set_permissions(host.path(entry.path), mode).unwrap();
        let ran = host.boot();
        let line = format!("{} {words}", entry.path);
        let said = ran.stderr.lines().find(|said| said.contains(&line));
        assert!(said.is_some_and(|said| said.ends_with("; replacing it")), "{}", ran.stderr);
        assert!(!ran.stderr.contains("hush"), "{}", ran.stderr);
        assert!(!host.boot().stderr.contains(entry.path), "once: {}", entry.path);
    }
}

#[test]
fn a_reader_who_may_not_read_a_state_file_goes_on_without_it() {
    let host = Host::packaged();
    host.boot();
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(host.path(store::VERSIONS.path), private).unwrap();
    let mut command = Command::new("chroot");
    command.arg(format!("--userspec={CONSUL}:{CONSUL}")).arg(host.root()).arg("/cos-agent");
    let ran = binary::run(host.metadata.around(command, &["facts", "-o", "json"]));
    assert_eq!(ran.code, Some(0), "{}", ran.shown(host.root()));
    assert!(ran.stdout.contains("1.22.7"), "{}", ran.stdout);
}
