//! The whole pipeline against a metadata service that misbehaves, and what it asks of one that behaves. Agent and service
//! share one clock, which jumps where both wait: a busy machine makes no answer late, and long limits cost nothing.

use crate::support::clock::slow_clock;
use crate::support::node;
use cos_agent::error::Error;
use cos_agent::exit::ExitCode;
use cos_agent::facts::GatherError;
use cos_agent::plan::node::UnrecordedData;
use cos_agent::simulate::NodeKind;
use cos_agent::simulate::fault::NAMES;
use cos_agent::simulate::instance::{Credentials, Instance};
use cos_agent::simulate::service::{Served, sequential_round_trips};
use cos_agent::system::aws;
use cos_agent::system::aws::AwsError;
use cos_agent::system::imds::{BodyProblem, ImdsError};
use node::TestNode;
use std::collections::BTreeSet;
use std::time::Duration;

/// Long enough for every fault that ends.
const LONG: Duration = Duration::from_secs(60);
/// Shorter than every fault that does not end.
const SHORT: Duration = Duration::from_secs(10);
/// Longer than any case may wait.
const FOR_EVER: &str = "600s";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Converged,
    Disabled,
    Deadline,
    Body(BodyProblem),
    TagsMissing,
    NoCredentials,
    Other,
}

fn end(error: &Error) -> End {
    match error {
        Error::Gather(GatherError::Metadata(ImdsError::Disabled { .. })) => End::Disabled,
        Error::Gather(GatherError::Metadata(ImdsError::Deadline { .. })) => End::Deadline,
        Error::Gather(GatherError::Metadata(ImdsError::Body { problem, .. })) => {
            End::Body(*problem)
        }
        Error::Gather(GatherError::TagsMissing { .. }) => End::TagsMissing,
        Error::Gather(GatherError::NoTags { source: AwsError::NoCredentials(_), .. }) => {
            End::NoCredentials
        }
        _ => End::Other,
    }
}

/// Faults, how long the agent may wait, and what comes of it.
fn cases() -> Vec<(Vec<String>, Duration, End, ExitCode)> {
    let for_ever = |name: &str| format!("{name}={FOR_EVER}");
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let converged = |names: &[&str]| (owned(names), LONG, End::Converged, ExitCode::Done);
    vec![
        converged(&[]),
        converged(&["late-tags=700ms"]),
        converged(&["late-role=700ms"]),
        converged(&["midway-401"]),
        converged(&["fresh-401=600ms"]),
        converged(&["unavailable=600ms"]),
        converged(&["slow=50ms"]),
        converged(&["truncated"]),
        // By then the agent asks EC2, which nobody can reach; metadata has the tags all the same.
        converged(&["tags-off=900ms"]),
        // Longer than the first tries are given, for every answer.
        converged(&["slow=2500ms"]),
        converged(&["late-tags=400ms", "late-role=900ms"]),
        converged(&["late-tags=500ms", "midway-401"]),
        converged(&["unavailable=500ms", "late-role=1800ms"]),
        converged(&["fresh-401=300ms", "truncated", "slow=10ms"]),
        converged(&["midway-401", "truncated", "unavailable=200ms", "late-tags=1500ms"]),
        (vec![for_ever("late-tags")], SHORT, End::TagsMissing, ExitCode::Data),
        (vec![for_ever("late-role")], SHORT, End::TagsMissing, ExitCode::Data),
        (vec![for_ever("late-role"), "midway-401".into()], SHORT, End::TagsMissing, ExitCode::Data),
        (vec![for_ever("fresh-401")], SHORT, End::Deadline, ExitCode::Unavailable),
        (vec![for_ever("unavailable")], SHORT, End::Deadline, ExitCode::Unavailable),
        // One odd answer decides nothing.
        converged(&["off=600ms"]),
        converged(&["html=600ms"]),
        converged(&["empty=600ms"]),
        converged(&["garbage=600ms"]),
        converged(&["huge=600ms"]),
        (owned(&["off"]), SHORT, End::Disabled, ExitCode::Unavailable),
        (owned(&["off", "slow=10ms"]), SHORT, End::Disabled, ExitCode::Unavailable),
        (owned(&["tags-off"]), SHORT, End::NoCredentials, ExitCode::Data),
        (owned(&["tags-blank"]), SHORT, End::NoCredentials, ExitCode::Data),
        (owned(&["tags-off", "truncated"]), SHORT, End::NoCredentials, ExitCode::Data),
        (owned(&["html"]), SHORT, End::Body(BodyProblem::Html), ExitCode::Data),
        (owned(&["empty"]), SHORT, End::Body(BodyProblem::Empty), ExitCode::Data),
        (owned(&["garbage"]), SHORT, End::Body(BodyProblem::NotUtf8), ExitCode::Data),
        (owned(&["huge"]), SHORT, End::Body(BodyProblem::TooLarge(65536)), ExitCode::Data),
        (owned(&["hang"]), SHORT, End::Deadline, ExitCode::Unavailable),
    ]
}

#[tokio::test(start_paused = true)]
async fn every_fault_heals_or_ends_with_its_own_error_and_nothing_written() {
    tokio::spawn(slow_clock());
    for (faults, timeout, expected, code) in cases() {
        let names: Vec<&str> = faults.iter().map(String::as_str).collect();
        let node = TestNode::with(node::instance("nomad-client", None), &names).await;
        let before = node.configuration();
        let result = node.try_converge(timeout, UnrecordedData::Refuse).await;
        match result {
            Ok(outcome) => {
                assert_eq!(expected, End::Converged, "{faults:?}");
                assert!(outcome.is_some(), "{faults:?}");
                assert!(node.has("/etc/nomad.d/cos.json"), "{faults:?}");
            }
            Err(error) => {
                assert_eq!(end(&error), expected, "{faults:?}: {}", error.report());
                assert_eq!(error.exit_code(), code, "{faults:?}");
                assert!(node.configuration() == before, "{faults:?} wrote");
                assert!(node.units.take_jobs().is_empty(), "{faults:?}");
            }
        }
    }
}

#[test]
fn every_fault_has_a_case() {
    let tried: BTreeSet<String> = cases()
        .iter()
        .flat_map(|(faults, ..)| faults)
        .map(|fault| fault.split('=').next().unwrap().to_owned())
        .collect();
    assert_eq!(tried, NAMES.map(str::to_owned).into());
}

fn count(served: &[Served], wanted: impl Fn(&Served) -> bool) -> usize {
    served.iter().filter(|served| wanted(served)).count()
}

#[tokio::test(start_paused = true)]
async fn a_good_boot_asks_little_and_all_at_once() {
    tokio::spawn(slow_clock());
    for kind in NodeKind::all() {
        let instance = Instance { tags: kind.tags("demo", "3"), ..Instance::default() };
        let tags = instance.tags.len();
        // Longer than the clock jumps at once, so that requests which are on their way together are seen together.
        let node = TestNode::with(instance, &["slow=1500ms"]).await;
        node.converge().await;
        let served = node.service.served();
        let name = kind.name();
        assert_eq!(count(&served, |served| served.method == "PUT"), 1, "{name}: one token");
        assert_eq!(served[0].method, "PUT", "{name}: nothing is asked without a token");
        assert_eq!(count(&served, |served| served.status == 401), 0, "{name}");
        assert!(served.len() <= 6 + tags, "{name}: {served:#?}");
        assert!(sequential_round_trips(&served) <= 3, "{name}: {served:#?}");
        let connections: BTreeSet<usize> = served.iter().map(|served| served.connection).collect();
        assert!(connections.len() <= 5, "{name}: {connections:?}");
        let paths: BTreeSet<&str> = served.iter().map(|served| served.path.as_str()).collect();
        assert_eq!(paths.len(), served.len(), "{name}: nothing is asked twice");
    }
}

#[tokio::test]
async fn tags_of_others_are_not_read() {
    let mut instance = node::instance("consul-server", None);
    instance.tags.extend((0..40).map(|n| (format!("team:{n}"), "x".to_owned())));
    let node = TestNode::with(instance, &[]).await;
    node.converge().await;
    let served = node.service.served();
    assert_eq!(count(&served, |served| served.path.contains("team:")), 0);
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_costs_one_more_and_no_wait() {
    tokio::spawn(slow_clock());
    let node = TestNode::with(node::instance("nomad-client", None), &["midway-401"]).await;
    node.converge().await;
    let served = node.service.served();
    assert_eq!(count(&served, |served| served.method == "PUT"), 2);
    let last = served.iter().map(|served| served.answered).max().unwrap();
    assert!(last < Duration::from_secs(1), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn metadata_that_is_off_is_asked_again_with_growing_pauses() {
    tokio::spawn(slow_clock());
    let node = TestNode::with(node::instance("nomad-client", None), &["off"]).await;
    node.refused(Duration::from_secs(4)).await;
    let asked = node.service.served().len();
    assert!((3..=16).contains(&asked), "{:#?}", node.service.served());
}

#[tokio::test(start_paused = true)]
async fn tags_that_come_late_are_taken_although_ec2_cannot_be_reached() {
    tokio::spawn(slow_clock());
    let instance = Instance {
        credentials: Some(Credentials {
            role: "cos".to_owned(),
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: "none".to_owned(),
            token: "none".to_owned(),
        }),
        ..node::instance("nomad-client", None)
    };
    let mut node = TestNode::with(instance, &["tags-off=7500ms"]).await;
    // It takes connections and answers nothing, for longer than the run may last.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    node.environment
        .aws_endpoints
        .insert(aws::Service::Ec2, format!("http://{}", silent.local_addr().unwrap()));
    let outcome = node.try_converge(Duration::from_secs(25), UnrecordedData::Refuse).await;
    outcome.unwrap_or_else(|error| panic!("{}", error.report())).expect("not frozen");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured() {
    tokio::spawn(slow_clock());
    let faults = &["unavailable=1500ms"];
    let node = TestNode::with(node::instance("nomad-client", None), faults).await;
    node.converge().await;
    let served = node.service.served();
    let refused: Vec<Duration> =
        served.iter().filter(|served| served.status == 503).map(|served| served.came).collect();
    assert_eq!(refused.len(), 2, "at once, after 1 s, and then no more: {served:#?}");
    assert!(refused[1] >= refused[0] + Duration::from_secs(1), "{refused:?}");
}

#[tokio::test]
async fn a_tag_that_is_wrong_is_not_waited_for() {
    let mut instance = node::instance("nomad-client", None);
    instance.tags.insert("cos:role".to_owned(), "nomad-clinet".to_owned());
    instance.tags.remove("cos:datacenter");
    let node = TestNode::with(instance, &[]).await;
    let error = node.refused(node::PATIENCE).await;
    assert!(matches!(error, Error::Resolve(_)), "{}", error.report());
    assert_eq!(error.exit_code(), ExitCode::Data);
    let lists = |served: &Served| served.path.ends_with("/tags/instance");
    assert_eq!(count(&node.service.served(), lists), 1);
}

#[tokio::test(start_paused = true)]
async fn an_instance_whose_first_tag_is_late_is_not_taken_for_one_without_tags_in_metadata() {
    tokio::spawn(slow_clock());
    let tags = node::instance("nomad-client", None).tags;
    let node = TestNode::with(Instance::default(), &[]).await;
    let later = async {
        while count(&node.service.served(), |served| {
            served.path.ends_with("/security-credentials/")
        }) == 0
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        node.service.change(|instance| instance.tags = tags);
    };
    let (outcome, ()) = tokio::join!(node.converge(), later);
    assert!(outcome.summary().contains("nomad-client"));
}
