//! What a run leaves for the next one when something fails: only that, and nothing of it is lost or done twice.

use crate::support::node;
use cos_agent::apply::ApplyError;
use cos_agent::error::Error;
use cos_agent::render::units;
use cos_agent::state::{Action, DNS_LINK, READY, Verb};
use cos_agent::store::status;
use cos_agent::system::root::Root;
use cos_agent::system::systemd::services::Job;
use node::{PATIENCE, TestNode};

const RAFT: &str = "/opt/consul/data/raft/raft.db";

#[tokio::test]
async fn an_action_that_fails_keeps_no_other_from_happening_and_alone_stays_due() {
    let node = TestNode::new("nomad-client").await;
    node.units.refuse_next(Job::Start, DNS_LINK);
    let error = node.refused(PATIENCE).await;
    assert!(matches!(error, Error::Apply(ApplyError::Service(_))), "{}", error.report());
    let jobs = node.units.take_jobs();
    for unit in ["consul.service", "nomad.service"] {
        assert!(jobs.contains(&format!("Start {unit}")), "{jobs:?}");
    }
    assert_eq!(node.manifest().pending, [Action::unit(Verb::Start, DNS_LINK)]);
    node.converge().await;
    assert_eq!(node.units.take_jobs(), [format!("Start {DNS_LINK}")]);
    assert!(node.manifest().pending.is_empty());
}

#[tokio::test]
async fn folders_beside_ours_are_the_operators_and_no_obstacle() {
    let node = TestNode::new("consul-server").await;
    node.install("/usr/bin/consul", "#!/bin/sh\necho Consul v1.22.7\n");
    node.write("/etc/consul.d/certs/ca.pem", "");
    node.write("/etc/consul.d/site.json/readme", "a folder with the name of a file");
    node.converge().await;
    assert!(node.has("/etc/consul.d/cos.json"));
}

#[tokio::test]
async fn a_lost_manifest_does_not_make_a_servers_data_nobodys() {
    let node = TestNode::new("consul-server").await;
    node.converge().await;
    node.write(RAFT, "ours");
    for manifest in ["", "{", "{\"schema\": \"cos-agent/manifest/9\"}"] {
        node.write(cos_agent::store::MANIFEST.path, manifest);
        node.converge().await;
        assert_eq!(node.read(RAFT), "ours", "{manifest:?}");
    }
}

#[tokio::test]
async fn a_manifest_of_a_newer_agent_is_read_as_far_as_it_is_known() {
    let node = TestNode::new("consul-server").await;
    node.converge().await;
    let mut manifest: serde_json::Value =
        serde_json::from_str(&node.read(cos_agent::store::MANIFEST.path)).unwrap();
    manifest["pending"] = serde_json::json!(["polish-the-brass", "daemon-reload"]);
    manifest["mood"] = serde_json::json!("fine");
    node.write(cos_agent::store::MANIFEST.path, &manifest.to_string());
    node.units.take_jobs();
    node.converge().await;
    assert_eq!(node.units.take_jobs(), ["DaemonReload"]);
}

#[tokio::test]
async fn of_an_operators_file_nothing_is_shown_but_our_keys() {
    let node = TestNode::new("nomad-client").await;
    let secrets = r#"{"proxies": {"http-proxy": "http://user:s3cret@proxy"}, "log-opts": {"splunk-token": "s3cret"}}"#;
    node.write("/etc/docker/daemon.json", secrets);
    node.write("/etc/docker/config.json", r#"{"HttpHeaders": {"Authorization": "s3cret"}}"#);
    let outcome = node.converge().await;
    let (text, json) = (outcome.plan.to_text(), outcome.plan.to_json("").to_string());
    assert!(!text.contains("s3cret") && !json.contains("s3cret"), "{text}");
    assert!(text.contains("ecr-login") && text.contains("169.254.53.53"), "{text}");
    assert!(node.read("/etc/docker/daemon.json").contains("s3cret"), "it is kept all the same");
}

#[tokio::test]
async fn keys_of_a_run_that_was_cut_short_are_taken_back() {
    let node = TestNode::new("nomad-client").await;
    let registries = |list: &str| {
        node.write(
            "/etc/cos-agent/config.d/50-ecr-registries.toml",
            &format!("[ecr]\nregistries = {list}\n"),
        )
    };
    registries("[\"old.example\"]");
    node.write("/etc/docker/config.json", "{\"auths\": {}}");
    node.converge().await;
    registries("[]");
    // A run that wrote its manifest and then died: the file is as before, the manifest speaks of both.
    let before = node.read("/etc/docker/config.json");
    let old = node.read(cos_agent::store::MANIFEST.path);
    node.converge().await;
    assert!(!node.read("/etc/docker/config.json").contains("old.example"));
    node.write("/etc/docker/config.json", &before);
    node.write(cos_agent::store::MANIFEST.path, &old);
    let system = node.system(true);
    let survey =
        cos_agent::pipeline::survey(&system, cos_agent::system::retry::Deadline::after(PATIENCE))
            .await
            .unwrap();
    let plan = cos_agent::pipeline::plan(
        &system,
        &survey.node,
        &cos_agent::node::Granted::default(),
        cos_agent::plan::node::UnrecordedData::Refuse,
    )
    .await
    .unwrap();
    node.save_manifest(&plan.during);
    node.converge().await;
    assert!(!node.read("/etc/docker/config.json").contains("old.example"));
}

#[tokio::test]
async fn a_reboot_starts_the_daemons_and_writes_nothing() {
    let mut node = TestNode::new("nomad-client").await;
    node.converge().await;
    let before = node.configuration();
    node.reboot();
    let outcome = node.converge().await;
    let wanted = units::wanted(&outcome.node).into_iter().filter(|unit| unit.wanted.runs());
    let starts: Vec<String> = wanted.map(|unit| format!("Start {}", unit.name)).collect();
    assert_eq!(node.units.take_jobs(), starts);
    assert!(starts.len() >= 6 && starts[1] == "Start docker.service", "{starts:?}");
    assert!(node.configuration() == before, "something was rewritten");
}

#[tokio::test]
async fn another_role_has_to_join_anew() {
    let node = TestNode::new("nomad-client").await;
    node.converge().await;
    node.units.take_jobs();
    node.become_role("consul-server");
    node.converge().await;
    let jobs = node.units.take_jobs();
    assert!(jobs.contains(&format!("Restart {READY}")), "{jobs:?}");
    node.converge().await;
    assert!(node.units.take_jobs().is_empty(), "once");
}

#[tokio::test]
async fn the_record_says_whether_consul_finds_its_servers_by_itself() {
    for (version, watch_joins) in [("1.21.4", false), ("1.22.7", true)] {
        let node = TestNode::new("nomad-client").await;
        node.set("consul", "version", version);
        node.converge().await;
        let record = status::load(&Root::at(node.root()));
        assert_eq!(record.watch_joins.is_some(), watch_joins, "{version}");
        // It is no trouble, so nobody is warned of it.
        assert_eq!(node.notes(), "", "{version}");
    }
}
