//! What holds for every input: a plan that is carried out leaves nothing to do, nothing from outside makes the agent
//! panic, and the same facts always give the same bytes.

use crate::support::{golden, root};
use cos_agent::apply::{self, ToStore};
use cos_agent::exit::hint::Hint;
use cos_agent::facts::Facts;
use cos_agent::facts::binaries::Versions;
use cos_agent::facts::host::Resolver;
use cos_agent::facts::instance::Instance;
use cos_agent::facts::settings::{
    self, ForwarderChoice, Layer, LinkLocal, LogLevel, RegistryHost, SettingsError,
};
use cos_agent::facts::user_data::{self, UserData};
use cos_agent::node::{self, Granted, Node, tags};
use cos_agent::plan::Plan;
use cos_agent::plan::node::{UnrecordedData, conflicts};
use cos_agent::render::owned::{self, Rule};
use cos_agent::role::Role;
use cos_agent::simulate::fault::{Fault, NAMES};
use cos_agent::state::Daemon;
use cos_agent::state::OperatorFile;
use cos_agent::state::format;
use cos_agent::system::System;
use cos_agent::system::environment::Environment;
use cos_agent::system::root::Root;
use cos_agent::system::systemd::services::RecordedServices;
use cos_agent::{pipeline, plan};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What fails is shown whole, so nothing is written beside the sources.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// A golden case with some of its settings changed.
fn facts() -> impl Strategy<Value = Facts> {
    let cases: Vec<Facts> = golden::all().into_iter().map(|case| case.facts).collect();
    let levels = [LogLevel::Trace, LogLevel::Info, LogLevel::Error];
    let forwarders = [
        ForwarderChoice::Auto,
        ForwarderChoice::Resolved,
        ForwarderChoice::Dnsmasq,
        ForwarderChoice::None,
    ];
    let registry = "[a-z]{1,8}(\\.[a-z0-9]{1,8}){0,2}(:[1-9][0-9]{0,3})?";
    (
        select(cases),
        select(levels.to_vec()),
        select(forwarders.to_vec()),
        proptest::collection::vec(registry, 0..3),
        (1_u8..=168, 0_u8..=255),
    )
        .prop_map(|(mut facts, level, forwarder, registries, (third, fourth))| {
            let mut registries: Vec<RegistryHost> =
                registries.into_iter().map(|host| RegistryHost::try_from(host).unwrap()).collect();
            // People list things twice.
            registries.extend(registries.first().cloned());
            facts.settings.nomad.log_level = level;
            facts.settings.dns.forwarder = forwarder;
            facts.settings.consul.http_on_link &=
                forwarder.on(facts.host.resolver) == Some(Resolver::Resolved);
            facts.settings.dns.address =
                LinkLocal::try_from(format!("169.254.{third}.{fourth}")).unwrap();
            facts.settings.ca.registries.clone_from(&registries);
            facts.settings.ecr.registries = registries;
            facts
        })
}

/// A machine that has just booted: its files are those of before, no unit runs.
fn booted(root: &Path) -> System {
    System {
        root: Root::at(root),
        services: Some(Box::new(RecordedServices::default())),
        keeps_record: false,
        environment: Environment::default(),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn converge(system: &System, facts: &Facts, node: &Node) -> Plan {
    let plan =
        pipeline::plan(system, node, &Granted::default(), UnrecordedData::Refuse).await.unwrap();
    let remember = ToStore { facts, versions: &Versions::default() };
    apply::apply(system, node, &plan, &remember).await.unwrap();
    plan
}

/// Brings a machine to one node after the other, as reboots with other tags and settings would.
#[track_caller]
fn check_idempotence(all: &[Facts]) {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        for facts in all {
            let system = booted(folder.path());
            let node = golden::resolved("random facts", facts);
            let first = converge(&system, facts, &node).await;
            assert!(!first.is_empty(), "the daemons did not run");
            let before = root::look(folder.path());
            let second = converge(&system, facts, &node).await;
            assert!(second.is_empty(), "a second run would do:\n{}", second.summary());
            assert!(root::look(folder.path()) == before, "a second run wrote something");
            let expected = golden::tree(&golden::planned("random facts", &node));
            assert_eq!(root::files(folder.path()), expected, "other files are there than shall be");
        }
    });
}

proptest! {
    #![proptest_config(config(40))]

    #[test]
    fn what_was_applied_leaves_nothing_to_do(all in proptest::collection::vec(facts(), 1..4)) {
        check_idempotence(&all);
    }
}

#[test]
fn every_case_is_applied_once() {
    for case in golden::all() {
        check_idempotence(&[case.facts]);
    }
}

/// Keys of the contract, keys that were meant to be one, and any others.
fn key() -> impl Strategy<Value = String> {
    let known = || select(tags::TAGS.iter().map(|tag| tag.key.to_owned()).collect::<Vec<_>>());
    prop_oneof![
        6 => known(),
        1 => known().prop_map(|key| key.to_uppercase()),
        1 => (known(), any::<prop::sample::Index>(), any::<char>()).prop_map(|(key, at, new)| {
            let at = at.index(key.len());
            format!("{}{new}{}", &key[..at], &key[at + 1..])
        }),
        1 => (known(), any::<prop::sample::Index>()).prop_map(|(mut key, at)| {
            key.remove(at.index(key.len()));
            key
        }),
        1 => (known(), "\\PC{0,3}").prop_map(|(key, more)| key + &more),
        1 => "[cC][oO0][sS][:._/-]?\\PC{0,20}",
        1 => any::<String>(),
    ]
}

/// Values that some tag may have, values near them, and any others.
fn value() -> impl Strategy<Value = String> {
    let known = [
        "prod",
        "consul-server",
        "nomad-server",
        "nomad-client",
        "leader",
        "backoffice",
        "gpu",
        "1",
        "3",
        "5",
        "7",
        "",
    ];
    prop_oneof![
        8 => select(known.map(str::to_owned).to_vec()),
        1 => (select(known.map(str::to_owned).to_vec()), any::<char>()).prop_map(|(mut text, new)| {
            text.push(new);
            text
        }),
        1 => any::<String>(),
    ]
}

fn values() -> impl Strategy<Value = BTreeMap<String, String>> {
    let plausible = |role: &'static str| {
        let mut values = BTreeMap::from([
            (tags::CLUSTER.to_owned(), "prod".to_owned()),
            (tags::ROLE.to_owned(), role.to_owned()),
        ]);
        if role != "consul-server" {
            let datacenter = if role == "nomad-server" { "leader" } else { "gpu" };
            values.insert(tags::DATACENTER.to_owned(), datacenter.to_owned());
        }
        if role != "nomad-client" {
            values.insert(tags::SERVERS.to_owned(), "3".to_owned());
            values.insert(format!("cos:{role}"), "prod".to_owned());
        }
        values
    };
    let base = prop_oneof![
        1 => Just(BTreeMap::new()),
        3 => select(Role::names().collect::<Vec<_>>()).prop_map(plausible),
    ];
    (base, proptest::collection::btree_map(key(), value(), 0..4)).prop_map(|(mut base, more)| {
        base.extend(more);
        base
    })
}

/// Either a node that renders to JSON, or an error that a person can act on.
#[track_caller]
fn check_tags(base: &Facts, values: BTreeMap<String, String>) -> bool {
    let contract = pipeline::tag_contract();
    let known = |key: &&'static str| tags::TAGS.iter().any(|tag| tag.key == *key);
    let missing = (contract.missing)(&values);
    assert!(missing.iter().all(|key| known(key) && !values.contains_key(*key)), "{missing:?}");
    for key in values.keys().filter(|key| tags::TAGS.iter().any(|tag| tag.key == **key)) {
        assert!((contract.matters)(key), "{key} is of the contract and would not be read");
    }
    let mut facts = base.clone();
    facts.tags.values = values;
    match node::resolve(&facts) {
        Ok(node) => {
            assert!(missing.is_empty(), "{missing:?} was waited for in vain");
            for (path, bytes) in golden::tree(&golden::planned("random tags", &node)) {
                if path.ends_with(".json") {
                    serde_json::from_slice::<Value>(&bytes).unwrap();
                }
            }
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty() && error.hint().is_some());
            assert!([65, 78].contains(&(error.exit_code() as u8)), "{error}");
            false
        }
    }
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn tags_make_a_node_or_an_error(values in values()) {
        check_tags(&golden::named("nomad-client-further-datacenter").facts, values);
    }
}

#[test]
fn the_random_tags_make_some_nodes_and_some_errors() {
    let base = golden::named("nomad-client-further-datacenter").facts;
    let mut runner = TestRunner::deterministic();
    let verdicts: BTreeSet<bool> = (0..100)
        .map(|_| check_tags(&base, values().new_tree(&mut runner).unwrap().current()))
        .collect();
    assert_eq!(verdicts, [false, true].into());
}

/// TOML with words of ours in it, some of it broken.
fn toml() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => select(vec![
            "[nomad]\n", "[consul]\n", "[consul.extra]\n", "[[dns]]\n", "[ca]\n", "log_level = \"debug\"\n",
            "region = \"a\"\n", "drain_deadline = \"5m\"\n", "version = \"1.10.5\"\n", "registries = [\"r:5000\"]\n",
            "address = \"169.254.53.53\"\n", "x = 1979-05-27\n", "x = { y = [1, {z = 2}] }\n", "a.b.c = 1\n", "extra = 1\n",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,12}\n",
        1 => any::<String>(),
        1 => select(vec!["[", "]", "\"", "'''", "{", "}", "=", ".", "#", "\u{feff}", "\r\n", "\0"]).prop_map(str::to_owned),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

#[track_caller]
fn check_settings(text: String) {
    let lines = text.matches('\n').count() + 1;
    let layer = Layer { name: "f".to_owned(), text };
    match settings::parse(&layer) {
        Err(error) => {
            assert!(!error.to_string().is_empty() && error.hint().is_some());
            if let SettingsError::Layer { line, column, .. } = error {
                assert!((1..=lines).contains(&line) && column >= 1, "{line}:{column} of {lines}");
            }
            assert!(settings::merge(&[layer]).is_err());
        }
        Ok(table) => {
            let merged = settings::merge(&[layer.clone(), layer]).unwrap();
            assert!(table.is_empty() || merged.sources.values().all(|source| source.line <= lines));
        }
    }
}

/// User data in the wrappings that the decoder undoes, whole or cut, and anything else.
fn wrapped() -> impl Strategy<Value = Vec<u8>> {
    let mime = |body: String| {
        format!(
            "Content-Type: multipart/mixed; boundary=\"b\"\nMIME-Version: 1.0\n\n--b\nContent-Type: {}\n\n{body}\n--b--\n",
            user_data::MEDIA_TYPE
        )
    };
    let text = prop_oneof![
        toml(),
        toml().prop_map(mime),
        any::<String>(),
        "MIME-Version:\\PC{0,30}\n\n\\PC{0,30}"
    ];
    let bytes = prop_oneof![4 => text.prop_map(String::into_bytes), 1 => any::<Vec<u8>>()];
    (bytes, 0_u8..4, any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(bytes, wrapping, at, whole)| {
            use base64::Engine;
            let base64 =
                |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes).into_bytes();
            let mut wrapped = match wrapping {
                0 => bytes,
                1 => gzip(&bytes),
                2 => base64(&bytes),
                _ => base64(&gzip(&bytes)),
            };
            if !whole && !wrapped.is_empty() {
                wrapped.truncate(at.index(wrapped.len()));
            }
            wrapped
        },
    )
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const DOCUMENT: &str = r#"{"accountId":"123456789012","availabilityZone":"eu-central-1a","imageId":"ami-0123456789abcdef0",
"instanceId":"i-0123456789abcdef0","instanceType":"t3.small","privateIp":"10.0.1.5","region":"eu-central-1"}"#;

/// The identity document with one of its values replaced.
fn document() -> impl Strategy<Value = String> {
    let fields = [
        "accountId",
        "availabilityZone",
        "imageId",
        "instanceId",
        "instanceType",
        "privateIp",
        "region",
    ];
    let one = (select(fields.to_vec()), json(2)).prop_map(|(field, value)| {
        let mut document: Value = serde_json::from_str(DOCUMENT).unwrap();
        document[field] = value;
        document.to_string()
    });
    let cut =
        any::<prop::sample::Index>().prop_map(|at| DOCUMENT[..at.index(DOCUMENT.len())].to_owned());
    prop_oneof![one, cut, any::<String>(), Just(DOCUMENT.to_owned())]
}

/// A file in a daemon's folder: JSON, HCL, or neither.
fn operator_file() -> impl Strategy<Value = OperatorFile> {
    let hcl = proptest::collection::vec(
        select(vec![
            "server {\n",
            "client {\n",
            "}\n",
            "enabled = true\n",
            "enabled = false\n",
            "retry_join = [\"x\"]\n",
            "plugin \"docker\" {\n",
            "data_dir = \"/x\"\n",
            "x = { y = [1, 2] }\n",
            "<<EOT\nx\nEOT\n",
            "\"",
            "${",
            "# x\n",
            "=",
        ]),
        0..10,
    )
    .prop_map(|pieces| pieces.concat().into_bytes());
    let bytes = prop_oneof![
        2 => hcl,
        2 => json(4).prop_map(|value| value.to_string().into_bytes()),
        1 => any::<String>().prop_map(String::into_bytes),
        1 => any::<Vec<u8>>(),
    ];
    (select(vec![Daemon::Consul, Daemon::Nomad]), select(vec!["x.json", "x.hcl"]), bytes).prop_map(
        |(daemon, name, bytes)| OperatorFile {
            daemon,
            path: format!("{}/{name}", daemon.directory()),
            name: name.into(),
            bytes,
        },
    )
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn settings_are_taken_or_refused(text in toml()) {
        check_settings(text);
    }

    #[test]
    fn user_data_is_ours_or_not_or_refused(bytes in wrapped()) {
        match user_data::decode(&bytes) {
            Ok(UserData::Settings(layer)) => check_settings(layer.text),
            Ok(UserData::NotOurs(words)) => prop_assert!(!words.is_empty()),
            Err(error) => prop_assert!(error.to_string().starts_with("user data: "), "{error}"),
        }
    }

    #[test]
    fn an_identity_document_is_taken_or_refused(text in document()) {
        match Instance::from_document(&text) {
            Ok(instance) => prop_assert!(instance.zone.starts_with(instance.region.as_str())),
            Err(error) => prop_assert!(!error.field.is_empty() && error.found.chars().count() <= 160, "{error}"),
        }
    }

    #[test]
    fn a_fault_is_taken_or_refused(
        name in prop_oneof![select(NAMES.map(str::to_owned).to_vec()), any::<String>()],
        value in prop_oneof![Just(String::new()), "=[0-9]{0,25}(ms|s|m)?", any::<String>()],
    ) {
        let text = name + &value;
        if let Err(words) = text.parse::<Fault>() {
            prop_assert!(words.contains("expected") || words.contains("valid faults") || words.contains("takes no time"), "{words}");
        }
    }

    #[test]
    fn a_file_of_the_operator_conflicts_or_not(file in operator_file()) {
        for role in Role::ALL {
            for is_first in [true, false] {
                let judged = conflicts::judge(&file, Some(*role), is_first);
                if let Some(conflict) = judged.refused {
                    prop_assert!(conflict.to_string().contains(&file.path), "{conflict}");
                }
                prop_assert!(judged.notes.iter().all(|words| words.contains(&file.path)));
            }
        }
    }
}

/// Any JSON value of this depth.
fn json(depth: u32) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        select(vec!["169.254.169.254", "i-0123456789abcdef0", "eu-central-1", "t3.small"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(depth, 32, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            object_of(inner).prop_map(Value::Object),
        ]
    })
}

fn object_of(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let key = prop_oneof![
        3 => "[a-z_]{1,8}",
        1 => select(vec!["plugin".to_owned(), "keyring".to_owned(), "enabled".to_owned(), "server".to_owned()]),
        1 => any::<String>(),
    ];
    proptest::collection::btree_map(key, value, 0..5).prop_map(Map::from_iter)
}

/// Whether every block is a list, as HCL1's reader of JSON needs it; what is in `keyring` is not looked at.
fn every_block_is_a_list(value: &Value) -> bool {
    match value {
        Value::Object(object) => object
            .iter()
            .filter(|(key, _)| *key != "keyring")
            .all(|(_, value)| !value.is_object() && every_block_is_a_list(value)),
        Value::Array(items) => items.iter().all(every_block_is_a_list),
        _ => true,
    }
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn blocks_for_nomad_are_lists_and_parse_again(object in object_of(json(4))) {
        let wrapped = format::nomad_blocks(Value::Object(object.clone()));
        prop_assert!(every_block_is_a_list(&wrapped), "{wrapped}");
        let text = format::json(&wrapped);
        prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), wrapped.clone());
        let keys: Vec<&String> = wrapped.as_object().unwrap().keys().collect();
        prop_assert_eq!(keys, object.keys().collect::<Vec<_>>());
    }
}

/// An `extra` table with blocks in which the agent owns keys, in every shape and spelling.
fn extra() -> impl Strategy<Value = Map<String, Value>> {
    let block = select(vec!["server", "SERVER", "client", "advertise", "limits", "meta"]);
    let key = select(vec!["enabled", "Enabled", "bootstrap_expect", "retry_join", "rpc", "own"]);
    let leaf = select(vec![json!(true), json!(false), json!(1), json!("x"), json!(["x"])]);
    let table = proptest::collection::btree_map(key, leaf, 0..3).prop_map(|table| json!(table));
    let shaped = (table, 0_u8..5).prop_map(|(table, shape)| match shape {
        0 | 1 => table,
        2 => json!([table]),
        3 => json!([{}, [table]]),
        _ => json!({ "server_join": [table] }),
    });
    proptest::collection::btree_map(block.prop_map(str::to_owned), shaped, 1..3)
        .prop_map(Map::from_iter)
}

/// What a configuration sets of the keys that the agent owns, as a daemon reads it: through lists, whatever the case.
fn owned_values(daemon: Daemon, value: &Value, path: &str) -> BTreeSet<(String, String)> {
    match value {
        Value::Object(object) => {
            let below = object.iter().flat_map(|(key, value)| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                owned_values(daemon, value, &path.to_lowercase())
            });
            below.collect()
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            items.iter().flat_map(|item| owned_values(daemon, item, path)).collect()
        }
        other
            if owned::find(daemon, path.split('.'))
                .is_some_and(|key| key.rule == Rule::Refused) =>
        {
            [(path.to_owned(), other.to_string())].into()
        }
        _ => BTreeSet::new(),
    }
}

fn rendered(daemon: Daemon, facts: &Facts) -> Option<Value> {
    let plan =
        pipeline::plan_from_nothing(&golden::resolved("extra", facts), &Granted::default()).ok()?;
    let tree = golden::tree(&plan);
    Some(serde_json::from_slice(&tree[daemon.file()]).unwrap())
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn an_extra_table_never_changes_what_the_agent_owns(
        daemon in select(vec![Daemon::Consul, Daemon::Nomad]),
        case in select(vec!["nomad-server-of-3", "nomad-client-backoffice"]),
        extra in extra(),
    ) {
        let mut facts = golden::named(case).facts;
        let before = owned_values(daemon, &rendered(daemon, &facts).unwrap(), "");
        prop_assert!(before.len() >= 5, "{before:?}");
        match daemon {
            Daemon::Consul => facts.settings.consul.extra = extra,
            Daemon::Nomad => facts.settings.nomad.extra = extra,
        }
        if let Some(after) = rendered(daemon, &facts) {
            prop_assert_eq!(owned_values(daemon, &after, ""), before);
        }
    }
}

/// One digest over all files of a node.
fn digest(facts: &Facts) -> String {
    let plan = golden::planned("digest", &golden::resolved("digest", facts));
    let mut all = plan.summary().into_bytes();
    for (path, bytes) in golden::tree(&plan) {
        all.extend(path.into_bytes());
        all.extend(bytes);
    }
    plan::sha256(&all)
}

#[test]
fn a_thousand_renders_give_the_same_bytes() {
    let first = golden::named("extra-nomad-client").facts;
    let other = golden::named("ca-on-debian").facts;
    let digests: BTreeSet<String> = (0..1000).map(|_| digest(&first)).collect();
    assert_eq!(digests.len(), 1);
    assert!(!digests.contains(&digest(&other)), "the digest is of nothing");
}

#[test]
fn saved_facts_give_the_same_bytes() {
    for case in golden::all() {
        let text = serde_json::to_string(&case.facts).unwrap();
        let again: Facts = serde_json::from_str(&text).unwrap();
        assert_eq!(digest(&again), digest(&case.facts), "{}", case.name);
    }
}
