//! A reboot takes nothing away: whatever keeps `apply` from its plan, what ran before runs again, as it was, on the same node
//! alone.

use crate::support::node;
use cos_agent::exit::ExitCode;
use cos_agent::facts::FREEZE;
use cos_agent::plan::node::UnrecordedData;
use cos_agent::simulate::NodeKind;
use cos_agent::store::status::{self, State, Status};
use cos_agent::system::root::Root;
use cos_agent::system::systemd::services::Job;
use node::TestNode;
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(500);
const OWN: &str = "i-0123456789abcdef0";
const OTHER: &str = "i-0fedcba9876543210";
const CONSUL_RAFT: &str = "/opt/consul/data/raft/raft.db";
const SETTINGS: &str = "/etc/cos-agent/config.toml";
const CLIENT: [&str; 7] = [
    "Start cos-dns.service",
    "Start docker.service",
    "Start consul.service",
    "Start nomad.service",
    "Start cos-agent-ready.service",
    "Start cos-agent-watch.service",
    "Start cos-agent-diagnose.path",
];
const SERVER: [&str; 5] = [CLIENT[0], CLIENT[2], CLIENT[4], CLIENT[5], CLIENT[6]];

fn record(node: &TestNode) -> Status {
    status::load(&Root::at(node.root()))
}

/// A node that was applied, whose data is a server's, and that was rebooted.
async fn rebooted(role: &str) -> TestNode {
    let mut node = TestNode::new(role).await;
    node.converge().await;
    node.write(CONSUL_RAFT, "log");
    node.reboot();
    node
}

/// What keeps a reboot from being applied, and the exit code of that.
type Trouble = (&'static str, fn(&mut TestNode), ExitCode);

const TROUBLES: [Trouble; 7] = [
    ("no tags", |node| node.service.change(|found| found.tags.clear()), ExitCode::Data),
    ("a tag out of its grammar", |node| set_tag(node, "cos:servers", "2"), ExitCode::Data),
    ("a typo beside a tag", |node| set_tag(node, "cos:servres", "3"), ExitCode::Data),
    ("settings that do not parse", |node| node.write(SETTINGS, "[nomad\n"), ExitCode::Config),
    (
        "settings with an owned key",
        |node| node.write(SETTINGS, "[consul.extra]\nserver = true\n"),
        ExitCode::Config,
    ),
    (
        "an operator's file that contradicts",
        |node| node.write("/etc/consul.d/own.json", "{\"node_name\": \"x\"}"),
        ExitCode::Config,
    ),
    (
        "a validator that refuses",
        |node| {
            node.set("consul", "log_level", "debug");
            node.install(
                "/usr/bin/consul",
                "#!/bin/sh\n[ \"$1\" = version ] && echo Consul v1.22.7 && exit\necho no; exit 1\n",
            );
        },
        ExitCode::Config,
    ),
];

fn set_tag(node: &TestNode, key: &str, value: &str) {
    node.service.change(|found| drop(found.tags.insert(key.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn whatever_keeps_a_reboot_from_its_plan_the_daemons_start_as_they_were() {
    for (what, make, code) in TROUBLES {
        let mut node = rebooted("consul-server").await;
        make(&mut node);
        let before = node.configuration();
        let error = node.refused(SHORT).await;
        assert_eq!(error.exit_code(), code, "{what}: {}", error.report());
        assert_eq!(node.units.take_jobs(), SERVER, "{what}");
        assert!(node.configuration() == before, "{what} wrote");
        let record = record(&node);
        assert_eq!(record.state, State::Degraded, "{what}");
        assert_eq!(record.node.map(|node| node.instance).as_deref(), Some(OWN), "{what}");
        assert_eq!(record.problem.map(|problem| problem.code), Some(code as u8), "{what}");
        // Tried again, as its unit is: what runs is left alone.
        node.refused(SHORT).await;
        assert!(node.units.take_jobs().is_empty(), "{what}");
    }
}

#[tokio::test]
async fn a_first_boot_with_the_same_trouble_starts_nothing() {
    for (what, make, code) in TROUBLES {
        let mut node = TestNode::new("consul-server").await;
        make(&mut node);
        let error = node.refused(SHORT).await;
        assert_eq!(error.exit_code(), code, "{what}: {}", error.report());
        assert!(node.units.take_jobs().is_empty(), "{what}");
        assert_eq!(record(&node).state, State::Failed, "{what}");
    }
}

#[tokio::test]
async fn another_instance_cluster_or_role_starts_nothing() {
    type Change = fn(&mut TestNode);
    let others: [(&str, Change); 4] = [
        ("another instance", |node| node.service.change(|found| found.id = OTHER.to_owned())),
        ("another cluster", |node| set_tag(node, "cos:cluster", "other")),
        ("another role", |node| set_tag(node, "cos:role", "nomad-client")),
        ("a role that is none", |node| set_tag(node, "cos:role", "consul-servre")),
    ];
    for (what, make) in others {
        let mut node = rebooted("consul-server").await;
        make(&mut node);
        node.write(SETTINGS, "[nomad\n");
        node.refused(SHORT).await;
        assert!(node.units.take_jobs().is_empty(), "{what}");
        assert_eq!(record(&node).state, State::Failed, "{what}");
    }
}

#[tokio::test]
async fn a_masked_unit_stays_down_and_the_others_start() {
    let node = rebooted("nomad-client").await;
    node.units.mask("consul.service");
    node.write(SETTINGS, "[nomad\n");
    node.refused(SHORT).await;
    assert_eq!(
        node.units.take_jobs(),
        [CLIENT[0], CLIENT[1], CLIENT[3], CLIENT[4], CLIENT[5], CLIENT[6]]
    );
    let notes = record(&node).notes;
    assert!(notes.iter().any(|note| note.contains("consul.service is masked")), "{notes:?}");
}

#[tokio::test]
async fn a_server_without_raft_data_stays_down() {
    let node = rebooted("consul-server").await;
    std::fs::remove_file(node.path(CONSUL_RAFT)).unwrap();
    node.write(SETTINGS, "[nomad\n");
    node.refused(SHORT).await;
    assert_eq!(node.units.take_jobs(), [SERVER[0], SERVER[2], SERVER[3], SERVER[4]]);
    let notes = record(&node).notes;
    assert!(notes.iter().any(|note| note.contains("/opt/consul/data/raft is empty")), "{notes:?}");
}

#[tokio::test]
async fn without_metadata_the_firmware_says_who_this_is() {
    for (asset_tag, starts) in [(Some(OWN), true), (Some(OTHER), false), (None, false)] {
        let mut node = rebooted("nomad-client").await;
        if let Some(id) = asset_tag {
            node.write("/sys/devices/virtual/dmi/id/board_asset_tag", &format!("{id}\n"));
        }
        node.environment.metadata_endpoint = Some("http://127.0.0.1:1".to_owned());
        let error = node.refused(SHORT).await;
        assert_eq!(error.exit_code(), ExitCode::Unavailable);
        assert_eq!(
            node.units.take_jobs().len(),
            if starts { CLIENT.len() } else { 0 },
            "{asset_tag:?}"
        );
    }
}

#[tokio::test]
async fn a_frozen_agent_starts_what_ran_once_a_boot_and_changes_nothing() {
    let node = rebooted("nomad-client").await;
    node.write(FREEZE, "");
    node.set("consul", "log_level", "debug");
    let before = node.configuration();
    for jobs in [&CLIENT[..], &[]] {
        let outcome = node.try_converge(SHORT, UnrecordedData::Refuse).await;
        assert!(outcome.unwrap_or_else(|error| panic!("{}", error.report())).is_none());
        assert_eq!(node.units.take_jobs(), jobs);
    }
    assert!(node.configuration() == before);
    let reason = record(&node).reason.unwrap();
    assert!(reason.contains("frozen (/etc/cos-agent/disabled exists)"), "{reason}");
    // Who stops a daemon of a frozen node in this boot wants it to stay down.
    node.system(true).services.unwrap().run(Job::Stop, "nomad.service").await.unwrap();
    node.units.take_jobs();
    let outcome = node.try_converge(SHORT, UnrecordedData::Refuse).await;
    assert!(outcome.unwrap_or_else(|error| panic!("{}", error.report())).is_none());
    assert!(node.units.take_jobs().is_empty());
}

#[tokio::test]
async fn tags_that_change_while_the_lock_is_waited_for_are_read_again() {
    let node = TestNode::new("nomad-client").await;
    node.converge().await;
    let tags = |datacenter: &str| NodeKind::of("nomad-client", Some(datacenter)).tags("demo", "3");
    let held = Root::at(node.root()).try_lock("/run/cos-agent/lock").unwrap().expect("free");
    let late = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        node.service.change(|found| found.tags = tags("public-services"));
        drop(held);
    };
    let (outcome, ()) =
        tokio::join!(node.try_converge(Duration::from_secs(20), UnrecordedData::Refuse), late);
    let outcome = outcome.unwrap_or_else(|error| panic!("{}", error.report())).unwrap();
    assert!(outcome.summary().contains("public-services"), "{}", outcome.summary());
    assert!(node.read("/etc/nomad.d/cos.json").contains("public-services"));
}

#[tokio::test]
async fn a_child_that_was_killed_or_does_not_end_is_tried_again() {
    let killed = "#!/bin/sh\nkill -9 $$\n";
    let judges = "#!/bin/sh\n[ \"$1\" = version ] && echo Consul v1.22.7 && exit\nkill -9 $$\n";
    for (what, script) in [("the version", killed), ("the validator", judges)] {
        let node = TestNode::bare(node::instance("consul-server", None), &[]).await;
        node.install("/usr/bin/consul", script);
        let error = node.refused(Duration::from_secs(20)).await;
        assert_eq!(error.exit_code(), ExitCode::NotYet, "{what}: {}", error.report());
        assert!(error.report().contains("a signal killed `/usr/bin/consul"), "{}", error.report());
        assert!(!node.has("/etc/consul.d/cos.json"), "{what}");
    }
}

#[tokio::test]
async fn a_unit_that_is_refused_keeps_no_other_from_its_start() {
    let node = rebooted("nomad-client").await;
    node.units.refuse_next(Job::Start, "docker.service");
    node.write(SETTINGS, "[nomad\n");
    node.refused(SHORT).await;
    assert_eq!(node.units.take_jobs(), [&CLIENT[..1], &CLIENT[2..]].concat());
    let notes = record(&node).notes;
    assert!(notes.iter().any(|note| note.starts_with("cannot start docker.service")), "{notes:?}");
}

#[tokio::test]
async fn a_frozen_node_whose_units_are_refused_is_tried_again() {
    let node = rebooted("consul-server").await;
    node.write(FREEZE, "");
    node.units.refuse_next(Job::Start, "consul.service");
    let error = node.refused(SHORT).await;
    assert_eq!(error.exit_code(), ExitCode::NotYet, "{}", error.report());
}

#[tokio::test]
async fn files_of_another_role_than_the_facts_start_nothing() {
    let node = rebooted("consul-server").await;
    // As where a run ended after its files and before its facts.
    let path = cos_agent::store::MANIFEST.path;
    let manifest = node.read(path).replace("\"consul-server\"", "\"nomad-client\"");
    node.write(path, &manifest);
    node.write(SETTINGS, "[nomad\n");
    node.refused(SHORT).await;
    assert!(node.units.take_jobs().is_empty());
}

#[tokio::test]
async fn a_web_page_in_place_of_the_user_data_is_asked_for_again() {
    let node = TestNode::with(node::instance("nomad-client", None), &["html=700ms"]).await;
    node.service.change(|found| {
        found.user_data = Some("[consul]\nlog_level = \"debug\"\n".into());
    });
    node.converge().await;
    assert!(node.read("/etc/consul.d/cos.json").contains("DEBUG"));
}
