//! The quorum guard: what a server that starts empty does with each answer of the parameter store, and with none.
#![allow(clippy::disallowed_methods, reason = "tests touch the machine")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests end like tests")]

#[path = "support/binary.rs"]
mod binary;
#[path = "support/node.rs"]
mod node;
#[path = "support/ssm.rs"]
mod ssm;

use cos_agent::apply;
use cos_agent::error::Error;
use cos_agent::exit::ExitCode;
use cos_agent::membership::formed::{self, Changed};
use cos_agent::membership::guard;
use cos_agent::node::Formation;
use cos_agent::pipeline;
use cos_agent::plan::{Change, UnrecordedData, manifest};
use cos_agent::simulate::service::Service;
use cos_agent::state::Daemon;
use cos_agent::system::aws::AwsError;
use cos_agent::system::retry::Deadline;
use node::{PATIENCE, TestNode, instance};
use serde_json::Value;
use ssm::{CONSUL, FORMED, Fault, SERVERS, Store, instance_with_role};
use std::time::{Duration, Instant};

/// A node of this role that asks this store.
async fn node(role: &str, store: &Store) -> TestNode {
    let mut node = TestNode::with(instance_with_role(instance(role, None)), &[]).await;
    node.environment.ssm_endpoint = Some(store.url());
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
            assert_eq!(outcome.node.summary().contains("only join"), !expected);
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
async fn what_was_found_stays_for_as_long_as_the_data() {
    for (role, daemon, parameter) in SERVERS {
        let store = Store::with(&[(parameter, FORMED)]).await;
        let node = node(role, &store).await;
        node.converge().await;
        starts(&node, daemon);
        store.set(parameter, "no");
        store.asked();
        let before = node.tree();
        let outcome = node.converge().await;
        assert!(outcome.plan.is_empty() && node.tree() == before, "{}", outcome.plan.summary());
        assert!(!forms(&node, daemon) && store.asked().is_empty(), "{role}");
        assert!(notes(&node).contains("can only join"), "{role}");

        // Without the data the question is open again.
        std::fs::remove_dir_all(node.path(daemon.data())).unwrap();
        node.converge().await;
        assert!(forms(&node, daemon), "{role}");
        assert_eq!(store.asked(), ["GetParameter"]);
    }
}

#[tokio::test]
async fn what_was_found_outlives_a_manifest_that_is_lost_or_broken() {
    for (role, daemon, parameter) in SERVERS {
        for broken in [None, Some("{"), Some(r#"{"schema": "cos-agent/manifest/9"}"#)] {
            let store = Store::with(&[(parameter, FORMED)]).await;
            let node = node(role, &store).await;
            node.converge().await;
            starts(&node, daemon);
            store.asked();
            match broken {
                Some(text) => node.write(manifest::PATH, text),
                None => std::fs::remove_file(node.path(manifest::PATH)).unwrap(),
            }
            node.converge().await;
            assert!(!forms(&node, daemon) && store.asked().is_empty(), "{role} {broken:?}");
            assert!(notes(&node).contains("can only join"), "{role} {broken:?}");
            let before = node.tree();
            node.converge().await;
            assert_eq!(node.tree(), before, "{role} {broken:?}");

            // What is forgotten on purpose stays forgotten.
            apply::forget_formation(&node.system(true)).unwrap();
            node.converge().await;
            assert!(forms(&node, daemon), "{role} {broken:?}");
            std::fs::remove_file(node.path(manifest::PATH)).unwrap();
            node.converge().await;
            assert!(forms(&node, daemon), "{role} {broken:?}");
        }
    }
}

#[tokio::test]
async fn a_server_with_data_is_rendered_as_usual_and_asks_nobody() {
    for (role, daemon, parameter) in SERVERS {
        let store = Store::with(&[(parameter, "no")]).await;
        let node = node(role, &store).await;
        node.converge().await;
        starts(&node, daemon);
        store.set(parameter, FORMED);
        store.asked();
        assert!(node.converge().await.plan.is_empty(), "{role}");
        assert!(forms(&node, daemon) && store.asked().is_empty(), "{role}");
    }
}

#[tokio::test]
async fn what_is_no_raft_log_is_no_data() {
    for (role, daemon, parameter) in SERVERS {
        let store = Store::with(&[(parameter, FORMED)]).await;
        let node = node(role, &store).await;
        node.write(&format!("{}/lost+found/x", daemon.data()), "");
        node.converge().await;
        assert!(!forms(&node, daemon), "{role}");
    }
}

#[tokio::test]
async fn data_that_goes_aside_is_no_data() {
    let store = Store::with(&[(CONSUL, "no")]).await;
    let node = node("consul-server", &store).await;
    node.converge().await;
    starts(&node, Daemon::Consul);
    store.set(CONSUL, FORMED);
    node.service.change(|found| found.id = "i-0aaaaaaaaaaaaaaaa".to_owned());
    let outcome = node.converge().await;
    let moved = |change: &Change| matches!(change, Change::MoveAside { .. });
    assert!(outcome.plan.changes.iter().any(moved) && !forms(&node, Daemon::Consul));

    // What was found for another instance, in an image baked from it, says nothing of this one.
    node.service.change(|found| found.id = "i-0bbbbbbbbbbbbbbbb".to_owned());
    store.fails(Fault::Denies("GetParameter"));
    node.converge().await;
    assert!(forms(&node, Daemon::Consul));

    // Data that was given up, and data that was adopted.
    for (choice, expected) in [(UnrecordedData::Discard, false), (UnrecordedData::Adopt, true)] {
        let store = Store::with(&[(CONSUL, FORMED)]).await;
        let node = self::node("consul-server", &store).await;
        starts(&node, Daemon::Consul);
        node.try_converge(PATIENCE, choice).await.unwrap().expect("not frozen");
        assert_eq!(forms(&node, Daemon::Consul), expected, "{choice:?}");
    }
}

#[tokio::test]
async fn no_usable_answer_is_said_and_changes_nothing() {
    for (fault, words) in [
        (Some(Fault::Denies("GetParameter")), "ssm:GetParameter is denied: AccessDeniedException"),
        (Some(Fault::Denies("GetParameter")), "allow `ssm:GetParameter` in the policy"),
        (None, "the parameter store has no /cos/demo/formed/consul"),
        (Some(Fault::Says("<html>sign in</html>")), "no JSON"),
        (Some(Fault::Says(r#"{"Parameter": {"Value": "n"#)), "no JSON"),
        (Some(Fault::Says("")), "no JSON"),
        (Some(Fault::Says("null")), "`Parameter.Value` is no text"),
        (
            Some(Fault::Says(r#"{"Parameter": {"Value": ""}}"#)),
            "`Parameter.Value` is no text, or empty",
        ),
        (Some(Fault::Says(r#"{"Parameter": {"Value": ["no"]}}"#)), "`Parameter.Value` is no text"),
        (Some(Fault::Refuses(403, "<html>proxy</html>")), "fails with status 403"),
        (Some(Fault::Refuses(302, "")), "fails with status 302"),
        (
            Some(Fault::Refuses(400, r#"{"__type":"UnrecognizedClientException"}"#)),
            "UnrecognizedClient",
        ),
    ] {
        let store = Store::with(&[]).await;
        let node = node("consul-server", &store).await;
        store.fails(fault);
        let started = Instant::now();
        node.converge().await;
        assert!(started.elapsed() < Duration::from_secs(3), "{fault:?}");
        assert!(forms(&node, Daemon::Consul), "{fault:?}");
        let said = format!("could not ask whether the cluster has formed, because {words}");
        let found = notes(&node);
        let (start, end) = found.split_once("because ").unwrap();
        assert!(said.starts_with(start) && end.contains(words), "{found}: {words}");
        assert!(!found.contains("not-shown") && !found.contains("a-token"), "{found}");
        starts(&node, Daemon::Consul);
        store.asked();
        node.converge().await;
        assert!(store.asked().is_empty() && notes(&node) == found, "{fault:?}: it stays said");
    }
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

#[tokio::test]
async fn silence_costs_five_seconds_at_most() {
    let store = Store::with(&[(CONSUL, FORMED)]).await;
    store.fails(Fault::Silence);
    for (url, words) in [
        (store.url(), "timed out"),
        ("http://127.0.0.1:1".to_owned(), "Connection refused"),
        ("http://ssm.invalid".to_owned(), "http://ssm.invalid gives no usable answer"),
        // A service that speaks no TLS.
        (store.url().replace("http", "https"), "gives no usable answer"),
    ] {
        let mut node = node("consul-server", &store).await;
        node.environment.ssm_endpoint = Some(url.clone());
        let started = Instant::now();
        node.converge().await;
        assert!(started.elapsed() < Duration::from_millis(5500), "{url}: {:?}", started.elapsed());
        assert!(forms(&node, Daemon::Consul), "{url}");
        let said = notes(&node);
        assert!(said.contains(words) && said.contains("VPC endpoint `ssm`"), "{url}: {said}");
        // Without times and numbers, which would be others each time.
        assert!(!said.contains("attempts") && !said.contains(" s;"), "{url}: {said}");
    }
}

#[tokio::test]
async fn a_server_without_a_role_goes_on_as_one_that_is_denied() {
    let store = Store::with(&[(CONSUL, FORMED)]).await;
    let node = node("consul-server", &store).await;
    node.service.change(|found| found.credentials = None);
    let started = Instant::now();
    node.converge().await;
    assert!(started.elapsed() < Duration::from_millis(5500), "{:?}", started.elapsed());
    assert!(forms(&node, Daemon::Consul) && store.asked().is_empty());
    assert!(notes(&node).contains("holds no role credentials"), "{}", notes(&node));
}

/// What the guard finds for a server whose metadata is this from the moment on at which it asks.
async fn asks(metadata: &Service, store: &Store, seconds: u64) -> Result<Formation, Error> {
    let node = node("consul-server", store).await;
    let mut system = node.system(true);
    let of = pipeline::survey(&system, Deadline::after(PATIENCE)).await.unwrap().node;
    system.environment.metadata_endpoint = Some(metadata.endpoint());
    let deadline = Deadline::after(Duration::from_secs(seconds));
    Ok(guard::ask(&system, &of, Daemon::Consul, deadline).await?)
}

/// Metadata that lists the role and has no credentials of it yet.
async fn with_late_credentials() -> Service {
    let mut instance = instance_with_role(instance("consul-server", None));
    // Of the list only the first line counts, and there is nothing at that name.
    "cos-node\nlate".clone_into(&mut instance.credentials.as_mut().unwrap().role);
    Service::start(instance, Vec::new()).await.unwrap()
}

#[tokio::test]
async fn metadata_that_is_busy_and_credentials_that_are_late_are_waited_for() {
    let busy = async {
        let store = Store::with(&[(CONSUL, FORMED)]).await;
        let instance = instance_with_role(instance("consul-server", None));
        let faults = node::faults(&["unavailable=6s"]);
        let metadata = Service::start(instance, faults).await.unwrap();
        assert!(asks(&metadata, &store, 20).await.unwrap().join_only);
    };
    let late = async {
        let store = Store::with(&[(CONSUL, FORMED)]).await;
        let metadata = with_late_credentials().await;
        let comes = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            metadata.change(|found| *found = instance_with_role(instance("consul-server", None)));
        };
        let (found, ()) = tokio::join!(asks(&metadata, &store, 20), comes);
        assert!(found.unwrap().join_only);
    };
    tokio::join!(busy, late);
}

#[tokio::test]
async fn metadata_that_is_busy_and_credentials_that_are_late_to_the_deadline_are_no_guess() {
    let refused = async |metadata: Service, words: &str| {
        let store = Store::with(&[(CONSUL, "no")]).await;
        let error = asks(&metadata, &store, 5).await.unwrap_err();
        assert_eq!(error.exit_code(), ExitCode::NotYet, "{}", error.report());
        for words in [words, "nothing to guess"] {
            assert!(error.report().contains(words), "{words}: {}", error.report());
        }
    };
    let instance = instance_with_role(instance("consul-server", None));
    let busy = Service::start(instance, node::faults(&["unavailable=60s"])).await.unwrap();
    tokio::join!(refused(busy, "status 503"), refused(with_late_credentials().await, "cos-node"));
}

#[tokio::test]
async fn metadata_that_is_silent_costs_five_seconds_at_most() {
    let store = Store::with(&[(CONSUL, FORMED)]).await;
    let instance = instance_with_role(instance("consul-server", None));
    let silent = Service::start(instance, node::faults(&["hang"])).await.unwrap();
    let started = Instant::now();
    let found = asks(&silent, &store, 20).await.unwrap();
    assert!(started.elapsed() < Duration::from_millis(5500), "{:?}", started.elapsed());
    assert!(!found.join_only && found.unanswered.unwrap().contains("has no answer"));
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_waited_for_and_no_guess() {
    for answer in [
        r#"{"__type":"ExpiredTokenException","message":"The security token is expired"}"#,
        r#"{"__type":"InvalidSignatureException","message":"Signature expired: 2 is now earlier than 3"}"#,
        r#"{"__type":"RequestExpired"}"#,
    ] {
        let store = Store::with(&[(CONSUL, FORMED)]).await;
        let node = node("consul-server", &store).await;
        store.fails(Fault::Refuses(400, answer));
        let error = node.refused(Duration::from_secs(2)).await;
        assert_eq!(error.exit_code(), ExitCode::NotYet, "{}", error.report());
        assert!(!node.has("/etc/consul.d/cos.json"), "{answer}");
        store.fails(None);
        node.converge().await;
        assert!(!forms(&node, Daemon::Consul), "{answer}");
    }
}

#[tokio::test]
async fn throttling_and_failures_are_waited_for() {
    for fault in [Fault::Throttles(2), Fault::Breaks(2), Fault::Throttles(0)] {
        let store = Store::with(&[(CONSUL, FORMED)]).await;
        let node = node("consul-server", &store).await;
        store.fails(fault);
        node.converge().await;
        assert!(!forms(&node, Daemon::Consul), "{fault:?}");
        assert!(!notes(&node).contains("could not ask"), "{fault:?}");
    }
}

#[tokio::test]
async fn throttling_to_the_deadline_is_an_error_and_no_guess() {
    let unavailable = Fault::Refuses(503, "<html>unavailable</html>");
    for fault in [Fault::Throttles(usize::MAX), Fault::Breaks(usize::MAX), unavailable] {
        let store = Store::with(&[(CONSUL, "no")]).await;
        let node = node("consul-server", &store).await;
        store.fails(fault);
        let error = node.refused(Duration::from_secs(6)).await;
        assert_eq!(error.exit_code(), ExitCode::NotYet, "{}", error.report());
        for words in [CONSUL, "nothing to guess", "ssm:GetParameter", "nothing was changed"] {
            assert!(error.report().contains(words), "{words}: {}", error.report());
        }
        assert!(!node.has("/etc/consul.d/cos.json"), "{fault:?}");
        assert!(store.asked().len() > 2, "it was not asked again");
        // `plan` only asks: it says so and goes on.
        let system = node.system(true);
        let mut shown = pipeline::survey(&system, Deadline::after(PATIENCE)).await.unwrap().node;
        let soon = Deadline::after(Duration::from_secs(1));
        assert!(pipeline::guard(&system, &mut shown, UnrecordedData::Refuse, soon).await.is_err());
        assert!(pipeline::plan(&system, &shown, UnrecordedData::Refuse).await.is_ok());
        // Better times.
        store.fails(None);
        node.converge().await;
        assert!(forms(&node, Daemon::Consul), "{fault:?}");
    }
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

    store.fails(Fault::Throttles(usize::MAX));
    let started = Instant::now();
    let busy = command(&node, &store, &args).await;
    assert_eq!(busy.code, Some(0), "{}", busy.stderr);
    assert!(started.elapsed() < Duration::from_secs(7), "{:?}", started.elapsed());
    assert!(busy.stdout.contains("bootstrap_expect") && busy.stderr.contains("will not go on"));

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
async fn what_is_known_already_is_no_guess() {
    for fault in [Fault::Denies("GetParameter"), Fault::Throttles(usize::MAX)] {
        let store = Store::with(&[(CONSUL, FORMED)]).await;
        let node = node("consul-server", &store).await;
        node.converge().await;
        store.fails(fault);
        node.try_converge(Duration::from_secs(3), UnrecordedData::Refuse).await.unwrap();
        assert!(!forms(&node, Daemon::Consul), "{fault:?}");
        assert!(notes(&node).contains("could not ask"), "{fault:?}: {}", notes(&node));
    }
}

#[tokio::test]
async fn a_server_of_another_role_starts_with_a_question_of_its_own() {
    let store = Store::with(&[(CONSUL, FORMED), ("/cos/demo/formed/nomad", "no")]).await;
    let node = node("consul-server", &store).await;
    node.converge().await;
    assert!(!forms(&node, Daemon::Consul));
    node.service.change(|found| found.tags = instance("nomad-server", None).tags);
    node.converge().await;
    assert!(forms(&node, Daemon::Nomad) && !node.read("/etc/consul.d/cos.json").contains("expect"));
}

#[tokio::test]
async fn a_cluster_that_has_formed_is_recorded_once() {
    let store = Store::with(&[(CONSUL, "no")]).await;
    let node = node("consul-server", &store).await;
    let system = node.system(true);
    let of = pipeline::survey(&system, Deadline::after(PATIENCE)).await.unwrap().node;
    let record = async || formed::record(&system, &of, Daemon::Consul).await;
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
    elsewhere.environment.ssm_endpoint = Some(store.url());
    let none = formed::record(&elsewhere, &of, Daemon::Consul).await.unwrap();
    assert_eq!((none, store.value(CONSUL)), (Changed::NoParameter, None), "that is Terraform's");
}
