//! The quorum guard: what a server that starts empty does with each answer of the parameter store, and with none.

mod again;
mod alone;
mod answers;
mod memory;
mod trouble;

use crate::support::{binary, clock, ec2, node, ssm};
use cos_agent::apply;
use cos_agent::exit::ExitCode;
use cos_agent::membership::quorum::parameter::{self, Changed};
use cos_agent::pipeline;
use cos_agent::plan::Change;
use cos_agent::plan::node::UnrecordedData;
use cos_agent::state::Daemon;
use cos_agent::system::aws;
use cos_agent::system::aws::AwsError;
use cos_agent::system::retry::Deadline;
use node::{PATIENCE, TestNode, instance};
use serde_json::Value;
use ssm::{CONSUL, FORMED, Fault, SERVERS, Store, instance_with_role};

/// A node of this role that asks this store.
async fn node(role: &str, store: &Store) -> TestNode {
    let mut node = TestNode::with(instance_with_role(instance(role, None)), &[]).await;
    node.environment.aws_endpoints.insert(aws::Service::Ssm, store.url());
    node
}

/// Whether a server was rendered to form a cluster.
fn forms(node: &TestNode, daemon: Daemon) -> bool {
    let config: Value = serde_json::from_str(&node.read(daemon.file())).unwrap();
    let expect = match daemon {
        Daemon::Consul => &config["bootstrap_expect"],
        Daemon::Nomad => &config["server"][0]["bootstrap_expect"],
    };
    let others = match daemon {
        Daemon::Consul => &config["retry_join"],
        Daemon::Nomad => &config["server"][0]["server_join"],
    };
    assert!(others.is_array() && (expect.is_null() || expect == 3), "{config:#}");
    !expect.is_null()
}

fn notes(node: &TestNode) -> String {
    let status: Value = serde_json::from_str(&node.read("/run/cos-agent/status.json")).unwrap();
    status["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap()).collect()
}

/// What the daemon leaves once it runs.
fn starts(node: &TestNode, daemon: Daemon) {
    node.write(&format!("{}/raft.db", daemon.server_data()), "");
}

#[tokio::test]
async fn a_server_forms_a_cluster_only_where_none_has_formed() {
    for (role, daemon, parameter) in SERVERS {
        for (value, expected) in [("no", true), (FORMED, false), ("yes", false), ("No", false)] {
            let store = Store::with(&[(parameter, value)]).await;
            let node = node(role, &store).await;
            let outcome = node.converge().await;
            assert_eq!(forms(&node, daemon), expected, "{role} {value}");
            assert_eq!(store.asked(), ["GetParameter"], "{role} {value}");
            assert_eq!(notes(&node).contains("can only join"), !expected, "{}", notes(&node));
            assert_eq!(outcome.summary().contains("only join"), !expected);
        }
    }
}

#[tokio::test]
async fn a_cluster_of_one_is_guarded_too() {
    let store = Store::with(&[(CONSUL, FORMED)]).await;
    let node = node("consul-server", &store).await;
    node.service.change(|found| {
        found.tags.insert("cos:servers".to_owned(), "1".to_owned());
    });
    node.converge().await;
    assert!(!forms(&node, Daemon::Consul));
}

#[tokio::test]
async fn nobody_else_asks() {
    let store = Store::with(&[]).await;
    let node = node("nomad-client", &store).await;
    node.converge().await;
    assert!(store.asked().is_empty() && notes(&node).is_empty());
    // Below another root folder nobody is asked unless a test says whom.
    let elsewhere = TestNode::with(instance_with_role(instance("consul-server", None)), &[]).await;
    elsewhere.converge().await;
    assert!(forms(&elsewhere, Daemon::Consul) && notes(&elsewhere).is_empty());
    let asked = elsewhere.service.served();
    assert!(!asked.iter().any(|served| served.path.contains("iam")), "{asked:?}");
}

#[tokio::test]
async fn a_huge_value_is_a_value_and_is_shown_nowhere() {
    let huge = "x".repeat(1024 * 1024);
    let store = Store::with(&[(CONSUL, &huge)]).await;
    let node = node("consul-server", &store).await;
    node.converge().await;
    assert!(!forms(&node, Daemon::Consul));
    assert!(node.read("/run/cos-agent/status.json").len() < 2000);
}

/// The binary with the metadata of a node and this store.
async fn command(node: &TestNode, store: &Store, args: &[&str]) -> binary::Ran {
    let mut command = binary::cos_agent(args);
    command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", node.service.endpoint());
    command.env("AWS_ENDPOINT_URL", store.url());
    tokio::task::spawn_blocking(|| binary::run(command)).await.unwrap()
}

#[tokio::test]
async fn plan_shows_what_apply_would_render_and_does_not_fail_for_want_of_an_answer() {
    let store = Store::with(&[(CONSUL, FORMED)]).await;
    let node = node("consul-server", &store).await;
    let root = node.root().display().to_string();
    let args = ["plan", "--root", &root];
    let shown = command(&node, &store, &args).await;
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    assert!(shown.stdout.contains("can only join") && !shown.stdout.contains("bootstrap_expect"));
    assert!(shown.stderr.contains("cos-agent reform consul"), "{}", shown.stderr);
    assert!(!node.has("/etc/consul.d") && !node.has("/var"), "plan writes nothing");

    store.fails(Fault::Denies("GetParameter"));
    let denied = command(&node, &store, &args).await;
    assert_eq!(denied.code, Some(0), "{}", denied.stderr);
    let words = "can only join, because the agent cannot verify whether the cluster has formed";
    assert!(denied.stdout.contains(words) && !denied.stdout.contains("bootstrap_expect"));
    assert!(denied.stderr.contains("ssm:GetParameter is denied"), "{}", denied.stderr);

    // What is remembered needs no answer, and the facts of another node need no AWS.
    store.fails(None);
    node.converge().await;
    starts(&node, Daemon::Consul);
    store.asked();
    let same = command(&node, &store, &[&args[..], &["--detailed-exitcode"]].concat()).await;
    assert!(!same.stdout.contains("cos.json"), "{}", same.stdout);
    let facts = command(&node, &store, &["facts", "--root", &root, "-o", "json"]).await.stdout;
    node.write("/facts.json", &facts);
    let file = format!("{root}/facts.json");
    let other = command(&node, &store, &["plan", "--facts", &file]).await;
    assert!(other.stdout.contains("bootstrap_expect"), "{}", other.stdout);
    let here = command(&node, &store, &["plan", "--facts", &file, "--root", &root]).await;
    assert!(!here.stdout.contains("cos.json"), "{}", here.stdout);
    assert!(store.asked().is_empty());
}

#[tokio::test]
async fn nothing_of_a_simulation_leaves_this_machine() {
    let store = Store::with(&[(CONSUL, FORMED)]).await;
    let node = node("consul-server", &store).await;
    let root = node.root().join("simulated").display().to_string();
    let ran = command(&node, &store, &["simulate", "consul-server", "--root", &root]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("bootstrap_expect") && store.asked().is_empty());
}

#[tokio::test]
async fn a_cluster_that_has_formed_is_recorded_once() {
    let store = Store::with(&[(CONSUL, "no")]).await;
    let node = node("consul-server", &store).await;
    let system = node.system(true);
    let of = pipeline::survey(&system, Deadline::after(PATIENCE)).await.unwrap().node;
    let record = async || parameter::record(&system, &of, Daemon::Consul).await;
    let Changed::Now(value) = record().await.unwrap() else { panic!("not recorded") };
    assert_eq!(store.value(CONSUL), Some(value.clone()));
    let (time, by) = value.strip_prefix("formed ").unwrap().split_once(" by ").unwrap();
    assert_eq!(
        (by, time.len(), &time[10..11], &time[19..]),
        (of.instance.id.as_str(), 20, "T", "Z")
    );
    assert_eq!(store.asked(), ["GetParameter", "PutParameter"]);
    // Another server, or the same one later.
    assert_eq!(record().await.unwrap(), Changed::Already(value));
    store.set(CONSUL, FORMED);
    assert_eq!(record().await.unwrap(), Changed::Already(FORMED.to_owned()));
    assert_eq!(store.asked(), ["GetParameter", "GetParameter"]);

    store.set(CONSUL, "no");
    store.fails(Fault::Denies("PutParameter"));
    let denied = record().await.unwrap_err();
    assert!(matches!(&denied, AwsError::Denied { action, .. } if action == "ssm:PutParameter"));
    store.fails(Fault::Throttles(2));
    assert!(matches!(record().await.unwrap(), Changed::Now(_)));
    let store = Store::with(&[]).await;
    let mut elsewhere = node.system(true);
    elsewhere.environment.aws_endpoints.insert(aws::Service::Ssm, store.url());
    let none = parameter::record(&elsewhere, &of, Daemon::Consul).await.unwrap();
    assert_eq!((none, store.value(CONSUL)), (Changed::NoParameter, None), "that is Terraform's");
}
