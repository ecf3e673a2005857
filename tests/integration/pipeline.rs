//! What `apply` does to a node, run after run: the whole pipeline with recorded units.

use crate::support::node;
use cos_agent::apply::ApplyError;
use cos_agent::error::Error;
use cos_agent::exit::ExitCode;
use cos_agent::facts::GatherError;
use cos_agent::node::Granted;
use cos_agent::pipeline;
use cos_agent::plan::node::UnrecordedData;
use cos_agent::render::units;
use cos_agent::state::{DOCKER, IMAGES, UnitState};
use cos_agent::store::MANIFEST;
use cos_agent::system::retry::Deadline;
use cos_agent::system::systemd::services::Job;
use node::{PATIENCE, TestNode, actions, changes};
use serde_json::{Value, json};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

const ROLES: [&str; 3] = ["consul-server", "nomad-server", "nomad-client"];
const DOCKER_CONFIG: &str = "/etc/docker/config.json";
const ECR: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn the_first_run_carries_out_what_plan_shows() {
    for role in ROLES {
        let node = TestNode::new(role).await;
        let system = node.system(true);
        let survey = pipeline::survey(&system, Deadline::after(PATIENCE)).await.unwrap();
        let shown =
            pipeline::plan(&system, &survey.node, &Granted::default(), UnrecordedData::Refuse)
                .await
                .unwrap();
        assert!(!node.has("/etc/consul.d") && !node.has("/var"), "{role}: plan writes nothing");
        let outcome = node.converge().await;
        assert_eq!(outcome.plan, shown, "{role}");
        for write in outcome.plan.writes() {
            let path = node.path(&write.path);
            assert_eq!(
                std::fs::read(&path).unwrap(),
                write.bytes.for_their_file(),
                "{}",
                write.path
            );
            let mode = path.metadata().unwrap().permissions().mode() & 0o7777;
            assert_eq!(mode, write.mode, "{}", write.path);
        }
        let jobs = node.units.take_jobs();
        let starts_nomad = jobs.contains(&"Start nomad.service".to_owned());
        assert!(jobs.contains(&"Start consul.service".to_owned()), "{role}: {jobs:?}");
        assert_eq!(starts_nomad, role != "consul-server", "{role}: {jobs:?}");
        assert_eq!(jobs[0], "DaemonReload", "{role}: {jobs:?}");
        assert!(node.manifest().pending.is_empty(), "{role}");
    }
}

#[tokio::test]
async fn systemd_reads_its_units_again_unless_it_has_read_every_new_file() {
    let drop_ins = ["cos-dns.service", "nomad.service"]
        .map(|unit| format!("/etc/systemd/system/{unit}.d/cos.conf"));
    // `install` alone writes the unit that loads images.
    let of_apply = units::texts().filter(|(name, _)| *name != IMAGES);
    let seeds = of_apply.map(|(name, _)| format!("/etc/systemd/system/{name}"));
    let all: Vec<String> = seeds.chain(drop_ins).collect();
    let reloads = |node: &TestNode| node.units.take_jobs().contains(&"DaemonReload".to_owned());

    let node = TestNode::new("nomad-client").await;
    node.units.has_read(all.iter().map(String::as_str));
    node.converge().await;
    assert!(!reloads(&node), "all was read after it was written");

    // What this instance had before may have been read before it was written anew.
    for path in ["nomad.service.d/cos.conf", "nomad.service"] {
        std::fs::remove_file(node.path(&format!("/etc/systemd/system/{path}"))).unwrap();
        node.converge().await;
        assert!(reloads(&node), "{path} is written again");
    }

    for missing in &all {
        let node = TestNode::new("nomad-client").await;
        node.units.has_read(all.iter().filter(|path| *path != missing).map(String::as_str));
        node.converge().await;
        assert!(reloads(&node), "{missing} was not read");
    }

    // An image of a node whose last run was killed before it came to it.
    let node = TestNode::new("nomad-client").await;
    node.units.has_read(all.iter().map(String::as_str));
    node.converge().await;
    let mut before = json(&node.read(MANIFEST.path));
    before["instance"] = json!("i-0fedcba9876543210");
    before["pending"] = json!(["daemon-reload"]);
    node.write(MANIFEST.path, &before.to_string());
    std::fs::remove_file(node.path(all.last().unwrap())).unwrap();
    assert!(node.converge().await.plan.is_first && reloads(&node), "it was due");
}

#[tokio::test]
async fn a_second_run_writes_nothing_and_does_nothing() {
    for role in ROLES {
        let node = TestNode::new(role).await;
        node.converge().await;
        node.units.take_jobs();
        let before = node.tree();
        let outcome = node.converge().await;
        assert!(outcome.plan.is_empty(), "{role}: {}", outcome.plan.summary());
        assert!(node.tree() == before, "{role}: the second run wrote");
        assert!(node.units.take_jobs().is_empty(), "{role}");
    }
}

#[tokio::test]
async fn a_file_that_somebody_edited_is_put_back_and_named() {
    let node = TestNode::new("nomad-client").await;
    node.converge().await;
    let (path, before) = ("/etc/nomad.d/cos.json", node.tree());
    node.write(path, &node.read(path).replace("INFO", "DEBUG"));
    let outcome = node.converge().await;
    assert_eq!(
        changes(&outcome),
        ["/etc/nomad.d/cos.json: edited by hand, restore, 0640 root:root"]
    );
    // The daemon may have read the edited file meanwhile; what differed is a key that it reloads.
    assert_eq!(actions(&outcome), ["reload nomad.service"]);
    let relative = std::path::Path::new("etc/nomad.d/cos.json");
    assert_eq!(node.tree()[relative].4, before[relative].4);
}

#[tokio::test]
async fn a_mode_is_put_right_without_a_restart() {
    let node = TestNode::new("nomad-client").await;
    node.converge().await;
    node.units.take_jobs();
    let path = node.path("/etc/consul.d/cos.json");
    std::fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    let outcome = node.converge().await;
    assert_eq!(
        changes(&outcome),
        ["/etc/consul.d/cos.json: restore mode and owner, 0640 root:consul"]
    );
    assert_eq!(actions(&outcome), Vec::<String>::new());
    assert!(node.units.take_jobs().is_empty());
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o640);
}

#[tokio::test]
async fn the_operators_keys_stay_and_ours_go_with_the_role() {
    let node = TestNode::new("nomad-client").await;
    let theirs = json!({ "auths": { "r.internal": { "auth": "eDp5" } }, "credHelpers": { "gcr.io": "gcr" } });
    node.write(DOCKER_CONFIG, &theirs.to_string());
    std::fs::set_permissions(node.path(DOCKER_CONFIG), Permissions::from_mode(0o600)).unwrap();
    node.converge().await;
    let mut both = theirs.clone();
    both["credHelpers"][ECR] = json!("ecr-login");
    assert_eq!(json(&node.read(DOCKER_CONFIG)), both);
    let mode = node.path(DOCKER_CONFIG).metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o600, "the operator's mode stays too");
    node.become_role("consul-server");
    node.converge().await;
    assert_eq!(json(&node.read(DOCKER_CONFIG)), theirs);
}

#[tokio::test]
async fn a_file_of_our_keys_alone_goes_with_the_role() {
    let node = TestNode::new("nomad-client").await;
    node.converge().await;
    assert_eq!(json(&node.read(DOCKER_CONFIG)), json!({ "credHelpers": { ECR: "ecr-login" } }));
    node.become_role("nomad-server");
    let outcome = node.converge().await;
    assert!(!node.has(DOCKER_CONFIG), "{}", outcome.plan.summary());
    assert!(!node.has("/etc/docker/daemon.json"));
}

#[tokio::test]
async fn a_change_of_role_leaves_nothing_of_the_old_one() {
    let node = TestNode::new("nomad-client").await;
    node.units.set(DOCKER, UnitState::Unknown);
    node.converge().await;
    for (role, stops_nomad) in [("nomad-server", false), ("consul-server", true)] {
        node.become_role(role);
        node.units.take_jobs();
        let outcome = node.converge().await;
        let stops = node.units.take_jobs().contains(&"Stop nomad.service".to_owned());
        assert_eq!(stops, stops_nomad, "{role}: {}", outcome.plan.summary());
        let fresh = TestNode::new(role).await;
        fresh.converge().await;
        let files = |node: &TestNode| -> Vec<_> {
            let tree = node.tree().into_iter();
            tree.filter(|(_, found)| found.3 & 0o170_000 == 0o100_000)
                .map(|(path, found)| (path, found.3, found.4))
                .filter(|(path, ..)| !path.starts_with("var/lib/cos-agent"))
                .filter(|(path, ..)| !path.starts_with("run/cos-agent"))
                .collect()
        };
        assert_eq!(files(&node), files(&fresh), "{role}: as if it had never been another");
    }
    assert!(!node.has("/etc/nomad.d/cos.json"));
    assert!(node.converge().await.plan.is_empty());
}

#[tokio::test]
async fn a_role_that_changes_without_units_still_stops_nomad_later() {
    let node = TestNode::new("nomad-client").await;
    node.converge().await;
    node.become_role("consul-server");
    let rendered = pipeline::converge(&node.system(false), PATIENCE, UnrecordedData::Refuse).await;
    assert!(rendered.is_ok_and(|converged| node::done(converged).is_some()));
    node.units.take_jobs();
    node.converge().await;
    let jobs = node.units.take_jobs();
    assert!(jobs.contains(&"Stop nomad.service".to_owned()), "{jobs:?}");
}

#[tokio::test]
async fn a_stop_that_is_due_is_forgotten_when_the_role_comes_back() {
    let node = TestNode::new("nomad-client").await;
    node.converge().await;
    node.become_role("consul-server");
    node.units.refuse_next(Job::Stop, "nomad.service");
    node.refused(PATIENCE).await;
    node.become_role("nomad-client");
    node.units.take_jobs();
    node.converge().await;
    let jobs = node.units.take_jobs();
    assert!(!jobs.contains(&"Stop nomad.service".to_owned()), "{jobs:?}");
    assert!(jobs.contains(&"Restart nomad.service".to_owned()), "{jobs:?}");
}

#[tokio::test]
async fn what_a_reload_takes_reloads_and_all_else_restarts() {
    for (table, key, value, expected) in [
        ("nomad", "log_level", "debug", "reload nomad.service"),
        ("nomad", "region", "emea", "restart nomad.service"),
        ("nomad", "infra_image", "r.internal/pause:3", "restart nomad.service"),
        ("consul", "log_level", "warn", "reload consul.service"),
        ("consul", "datacenter", "emea", "restart consul.service"),
    ] {
        let node = TestNode::new("nomad-client").await;
        node.converge().await;
        node.set(table, key, value);
        let outcome = node.converge().await;
        assert_eq!(actions(&outcome), [expected], "{table}.{key}");
        assert!(node.converge().await.plan.is_empty(), "{table}.{key}");
    }
}

#[tokio::test]
async fn a_reload_and_a_restart_are_one_restart() {
    let node = TestNode::new("nomad-client").await;
    node.converge().await;
    node.set("nomad", "log_level", "debug");
    node.set("nomad", "region", "emea");
    assert_eq!(actions(&node.converge().await), ["restart nomad.service"]);
}

#[tokio::test]
async fn without_units_actions_stay_due() {
    let node = TestNode::new("nomad-client").await;
    for _ in 0..2 {
        let system = node.system(false);
        pipeline::converge(&system, PATIENCE, UnrecordedData::Refuse).await.unwrap();
        assert!(!node.manifest().pending.is_empty());
        assert!(node.units.take_jobs().is_empty());
    }
    node.converge().await;
    assert!(node.units.take_jobs().contains(&"Start nomad.service".to_owned()));
    assert!(node.manifest().pending.is_empty());
}

#[tokio::test]
async fn a_frozen_node_is_not_even_asked() {
    let node = TestNode::new("nomad-client").await;
    node.write("/etc/cos-agent/disabled", "");
    let before = node.tree();
    let outcome = node.try_converge(PATIENCE, UnrecordedData::Refuse).await.unwrap();
    assert!(outcome.is_none() && node.tree() == before);
    assert!(node.service.served().is_empty() && node.units.take_jobs().is_empty());
}

#[tokio::test]
async fn a_broken_manifest_heals() {
    for broken in ["", "{", "[]", "{\"schema\": \"cos-agent/manifest/0\", \"files\": {}}"] {
        let node = TestNode::new("nomad-client").await;
        node.converge().await;
        node.units.take_jobs();
        node.write("/var/lib/cos-agent/manifest.json", broken);
        let outcome = node.converge().await;
        assert_eq!(changes(&outcome), Vec::<String>::new(), "{broken}");
        assert!(node.units.take_jobs().is_empty(), "{broken}");
        let manifest = node.manifest();
        assert_eq!(manifest.instance.as_deref(), Some("i-0123456789abcdef0"), "{broken}");
        assert!(manifest.files.contains_key("/etc/nomad.d/cos.json"), "{broken}");
        let before = node.tree();
        assert!(node.converge().await.plan.is_empty() && node.tree() == before, "{broken}");
    }
}

#[tokio::test]
async fn a_half_written_file_of_a_crash_is_swept() {
    let node = TestNode::new("nomad-client").await;
    node.converge().await;
    let leftover = "/etc/consul.d/.cos.json.cos-agent-writing";
    node.write(leftover, "{\"half");
    let outcome = node.converge().await;
    assert_eq!(changes(&outcome).len(), 1, "{}", outcome.plan.summary());
    assert!(!node.has(leftover) && actions(&outcome).is_empty());
}

#[tokio::test]
async fn settings_and_binary_must_not_contradict_each_other() {
    for (says, contradicts) in [("Consul v1.8.7", true), ("Consul v1.22.7", false), ("", true)] {
        let node = TestNode::new("consul-server").await;
        node.install("/usr/bin/consul", &format!("#!/bin/sh\necho '{says}'\n"));
        let before = node.configuration();
        let result = node.try_converge(PATIENCE, UnrecordedData::Refuse).await;
        match result {
            Ok(_) => assert!(!contradicts, "{says}"),
            Err(error) => {
                let by_version = matches!(
                    error,
                    Error::Gather(
                        GatherError::VersionsDiffer { .. } | GatherError::VersionUnknown { .. }
                    )
                );
                assert!(contradicts && by_version, "{says}: {}", error.report());
                assert_eq!(error.exit_code(), ExitCode::Config, "{says}");
                assert!(node.configuration() == before, "{says}");
            }
        }
    }
}

#[tokio::test]
async fn a_configuration_that_the_validator_refuses_does_not_replace_the_old_one() {
    let node = TestNode::new("consul-server").await;
    let script = |code: u8| {
        format!(
            "#!/bin/sh\n[ $1 = version ] && echo Consul v1.22.7 && exit\necho words; exit {code}\n"
        )
    };
    node.install("/usr/bin/consul", &script(0));
    node.converge().await;
    node.install("/usr/bin/consul", &script(1));
    node.set("consul", "log_level", "debug");
    let before = node.configuration();
    let error = node.refused(PATIENCE).await;
    assert!(matches!(error, Error::Apply(ApplyError::Refused { .. })), "{}", error.report());
    assert_eq!(error.exit_code(), ExitCode::Config);
    assert!(node.configuration() == before);
}
