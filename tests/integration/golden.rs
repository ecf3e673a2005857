//! Facts to files, byte for byte: every folder of `tests/golden/` is a node, with its facts as `cos-agent facts -o json`
//! writes them, the tree that it gets in `expected/`, and paths, modes, owners and actions in `expected.plan`.
//!
//! `GOLDEN=overwrite cargo test --test integration golden::` writes what is rendered now; read the diff before you commit it.

use crate::support::{golden, root};
use cos_agent::exit::ExitCode;
use cos_agent::facts::Facts;
use cos_agent::facts::host::Resolver;
use cos_agent::facts::settings::ForwarderChoice;
use cos_agent::render;
use cos_agent::state::{Notify, Owner};
use golden::{Case, Tree};
use serde_json::json;
use similar::TextDiff;
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_case_renders_to_its_expected_tree() {
    let overwrite = std::env::var("GOLDEN").is_ok_and(|value| value == "overwrite");
    let mut differences = String::new();
    for case in golden::all() {
        let rendered = rendered(&case);
        if overwrite {
            write(&case.folder, &rendered);
        }
        differences.push_str(&difference(&case.name, &expected(&case), &rendered));
    }
    assert!(
        differences.is_empty(),
        "what is rendered is not what is expected (- expected, + rendered):\n\n{differences}\n\
         if all of it is meant: GOLDEN=overwrite cargo test --test integration golden::"
    );
}

#[test]
fn only_a_node_with_authorities_has_a_bundle_that_holds_them() {
    let mut seen = BTreeSet::new();
    for case in golden::all() {
        let node = case.node();
        let bundle = render::ca_trust::bundle_of(&node);
        let has_one = node.host.trust_store.is_some() && !node.authorities.is_empty();
        assert_eq!(bundle.is_some(), has_one, "{}", case.name);
        seen.extend(bundle);
    }
    let bundles = ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"];
    assert_eq!(seen, BTreeSet::from(bundles));
}

#[test]
fn a_heartbeat_more_frequent_than_ten_seconds_is_refused() {
    let mut facts = golden::all().remove(0).facts;
    let mut resolved = |heartbeat: &str| {
        facts.settings.launch_hook.heartbeat = heartbeat.to_owned().try_into().unwrap();
        cos_agent::node::resolve(&facts).map(drop).map_err(|error| error.to_string())
    };
    for frequent in ["1s", "9s"] {
        let refused = resolved(frequent).unwrap_err();
        assert!(refused.contains("launch_hook.heartbeat"), "{refused}");
    }
    assert_eq!(resolved("10s"), Ok(()));
}

#[test]
fn http_on_the_link_is_refused_where_there_is_no_link_or_where_extra_replaces_it() {
    let case = golden::all().into_iter().find(|case| case.name == "settings-http-on-link").unwrap();
    let refused = |spoil: fn(&mut Facts)| {
        let mut facts = case.facts.clone();
        spoil(&mut facts);
        cos_agent::node::resolve(&facts).map(drop).map_err(|error| {
            assert_eq!(error.exit_code(), ExitCode::Config);
            error.to_string()
        })
    };
    assert_eq!(refused(|_| {}), Ok(()));
    for spoil in [
        |facts: &mut Facts| facts.settings.dns.forwarder = ForwarderChoice::None,
        |facts: &mut Facts| facts.settings.dns.forwarder = ForwarderChoice::Dnsmasq,
        |facts: &mut Facts| facts.host.resolver = Resolver::Dnsmasq,
        |facts: &mut Facts| facts.host.resolver = Resolver::Other,
    ] {
        let said = refused(spoil).unwrap_err();
        assert!(said.contains("consul.http_on_link") && said.contains("no link cos0"), "{said}");
    }
    let said = refused(|facts| {
        let http = json!({ "http": "127.0.0.1" });
        facts.settings.consul.extra.insert("addresses".to_owned(), http);
    });
    let said = said.unwrap_err();
    assert!(said.contains("`consul.extra.addresses.http` replaces"), "{said}");
}

#[test]
fn a_folder_of_a_case_holds_nothing_else() {
    for case in golden::all() {
        let names: BTreeSet<String> = std::fs::read_dir(&case.folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let known: BTreeSet<String> =
            ["expected", "expected.plan", "facts.json"].map(str::to_owned).into();
        assert!(names.is_subset(&known), "{}: {names:?}", case.name);
    }
}

#[test]
fn a_difference_is_seen_both_ways_and_shown_as_lines() {
    let tree = |files: &[(&str, &str)]| -> Tree {
        let own = |(path, text): &(&str, &str)| ((*path).to_owned(), text.as_bytes().to_vec());
        files.iter().map(own).collect()
    };
    let both = tree(&[("expected/a", "1\n2\n"), ("expected/b", "x\n")]);
    assert_eq!(difference("case", &both, &both), "");
    for (expected, rendered, words) in [
        (&both, tree(&[("expected/a", "1\n2\n")]), "-x\n"),
        (&tree(&[("expected/a", "1\n2\n")]), both.clone(), "+x\n"),
        (&both, tree(&[("expected/a", "1\n3\n"), ("expected/b", "x\n")]), "-2\n+3\n"),
        (&both, tree(&[("expected/a", "1\n2"), ("expected/b", "x\n")]), "No newline"),
    ] {
        let shown = difference("case", expected, &rendered);
        assert!(shown.contains(words) && shown.contains("case/expected/"), "{shown}");
    }
    let binary = Tree::from([("expected/a".to_owned(), vec![0xff])]);
    assert!(difference("case", &binary, &Tree::new()).contains("case/expected/a"));
}

/// What the case gives now, by path in its folder.
fn rendered(case: &Case) -> Tree {
    let node = case.node();
    let (plan, granted) = (golden::planned(&case.name, &node), golden::granted(&case.name));
    let mut text = format!("{}\n\n{}\n", granted.summary(&node), plan.summary());
    for file in render::desired(&node, &granted).unwrap().files {
        let Owner { user, group } = file.owner;
        let notify = notified(&file.notify);
        text.push_str(&format!("{} {:04o} {user}:{group}: {notify}\n", file.path, file.mode));
    }
    let files = golden::tree(&plan);
    let mut tree: Tree =
        files.into_iter().map(|(path, bytes)| (format!("expected{path}"), bytes)).collect();
    tree.insert("expected.plan".to_owned(), text.into_bytes());
    tree
}

/// What a later change of a file brings about.
fn notified(Notify { actions, reloadable }: &Notify) -> String {
    if actions.is_empty() {
        return "do nothing".to_owned();
    }
    let actions = actions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let keys: Vec<&str> = reloadable.iter().map(|reloadable| reloadable.key).collect();
    if keys.is_empty() {
        actions
    } else {
        format!("{actions}, or reload it for {}", keys.join(", "))
    }
}

/// What the folder of the case says.
fn expected(case: &Case) -> Tree {
    let mut tree = Tree::new();
    if case.folder.join("expected").is_dir() {
        let files = root::files(&case.folder.join("expected"));
        tree.extend(files.into_iter().map(|(path, bytes)| (format!("expected{path}"), bytes)));
    }
    if let Ok(bytes) = std::fs::read(case.folder.join("expected.plan")) {
        tree.insert("expected.plan".to_owned(), bytes);
    }
    tree
}

fn write(folder: &Path, tree: &Tree) {
    let old = folder.join("expected");
    if old.exists() {
        std::fs::remove_dir_all(&old).unwrap();
    }
    for (path, bytes) in tree {
        root::put(folder, path, bytes, 0o644);
    }
}

/// The unified diff of two trees; empty where they are the same. A file that one side lacks differs in every line.
fn difference(name: &str, expected: &Tree, rendered: &Tree) -> String {
    let paths: BTreeSet<&String> = expected.keys().chain(rendered.keys()).collect();
    let mut shown = String::new();
    for path in paths {
        let (expected, rendered) = (expected.get(path), rendered.get(path));
        if expected == rendered {
            continue;
        }
        let text = |bytes: Option<&Vec<u8>>| {
            String::from_utf8_lossy(bytes.map_or(&[], Vec::as_slice)).into_owned()
        };
        let header = |bytes: Option<&Vec<u8>>| match bytes {
            Some(_) => format!("{name}/{path}"),
            None => format!("/dev/null (no {name}/{path})"),
        };
        let (before, after) = (text(expected), text(rendered));
        let diff = TextDiff::from_lines(&before, &after);
        let diff = diff
            .unified_diff()
            .context_radius(3)
            .header(&header(expected), &header(rendered))
            .to_string();
        shown.push_str(&diff);
        shown.push('\n');
    }
    shown
}
