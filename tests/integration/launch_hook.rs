//! The launch hook against a group that keeps AWS's rules: held while the node joins, completed once, and whatever the
//! API does, never a failure of the node. Time is the clock of the test, so hours pass at once.

use crate::support::{autoscaling, clock, golden};
use autoscaling::{AutoScaling, GROUP, HOOK, INSTANCE};
use clock::slow_clock;
use cos_agent::exit::hint::Hint;
use cos_agent::facts::FREEZE;
use cos_agent::facts::settings::{Layer, merge};
use cos_agent::membership::launch_hook::{self, Hook, Outcome};
use cos_agent::node;
use cos_agent::node::tags::LAUNCH_HOOK;
use cos_agent::simulate::instance::{Credentials, Instance};
use cos_agent::simulate::service::Service;
use cos_agent::store;
use cos_agent::system::System;
use cos_agent::system::aws;
use cos_agent::system::environment::Environment;
use cos_agent::system::root::Root;
use std::future::{pending, ready};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::time::{Instant, sleep, timeout};

const COMPLETE: &str = "CompleteLifecycleAction";
const HEARTBEAT: &str = "RecordLifecycleActionHeartbeat";
const DESCRIBE: &str = "DescribeAutoScalingInstances";
const HOUR: Duration = Duration::from_secs(3600);

fn credentials() -> Credentials {
    Credentials {
        role: "cos-node".to_owned(),
        access_key_id: "ASIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: "a-key-that-nobody-sees".to_owned(),
        token: "a-token-that-nobody-sees".to_owned(),
    }
}

/// A node of the group, with its metadata and a folder for its record.
struct Bench {
    api: Arc<AutoScaling>,
    metadata: Service,
    hook: Hook,
    system: System,
    folder: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        Self::around(AutoScaling::start(credentials()).await).await
    }

    async fn around(api: Arc<AutoScaling>) -> Self {
        tokio::spawn(slow_clock());
        let mut instance = Instance { credentials: Some(credentials()), ..Instance::default() };
        assert_eq!(instance.id, INSTANCE);
        instance.tags.insert("aws:autoscaling:groupName".to_owned(), GROUP.to_owned());
        instance.target_lifecycle_state = Some("InService".to_owned());
        let metadata = Service::start(instance, Vec::new()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let environment = Environment {
            metadata_endpoint: Some(metadata.endpoint()),
            aws_endpoints: [(aws::Service::AutoScaling, api.endpoint())].into(),
            ..Environment::default()
        };
        let root = Root::at(folder.path());
        let system = System { root, services: None, keeps_record: true, environment };
        Self { api, metadata, hook: hook("").unwrap(), system, folder }
    }

    /// How it ends, all that was reported on the way, and after how long.
    async fn run(&self, joined: impl Future<Output = ()>) -> (Outcome, Vec<Outcome>, Duration) {
        let mut told = Vec::new();
        let started = Instant::now();
        let run = launch_hook::run(&self.system, &self.hook, joined, |outcome| {
            told.push(outcome.clone())
        });
        let outcome = timeout(48 * HOUR, run).await.expect("it never ends");
        (outcome, told, started.elapsed())
    }

    /// What is reported until the caller stops asking.
    async fn run_for(&self, time: Duration, joined: impl Future<Output = ()>) -> Vec<Outcome> {
        let mut told = Vec::new();
        let run = launch_hook::run(&self.system, &self.hook, joined, |outcome| {
            told.push(outcome.clone())
        });
        assert!(timeout(time, run).await.is_err(), "it ended");
        told
    }

    fn record(&self) -> Option<Outcome> {
        launch_hook::load(&self.system.root, &self.hook)
    }

    fn record_path(&self) -> std::path::PathBuf {
        self.folder.path().join(store::LAUNCH_HOOK.path.trim_start_matches('/'))
    }
}

/// The hook of a node that has the tag, with these settings.
fn hook(settings: &str) -> Option<Hook> {
    let mut facts = golden::named("consul-server-of-3").facts;
    let layer = Layer { name: "test".to_owned(), text: settings.to_owned() };
    facts.settings = merge(&[layer]).unwrap().settings;
    INSTANCE.clone_into(&mut facts.instance.id);
    facts.tags.values.insert(LAUNCH_HOOK.to_owned(), HOOK.to_owned());
    Hook::of(&golden::resolved("a node with a hook", &facts))
}

fn in_service() -> Outcome {
    Outcome::NotActive { state: Some("InService".to_owned()) }
}

/// What was in the way.
fn troubles(told: &[Outcome]) -> Vec<&str> {
    let tries = told.iter().filter_map(|outcome| match outcome {
        Outcome::StillTrying { why } => Some(why.as_str()),
        _ => None,
    });
    tries.collect()
}

#[test]
fn without_the_tag_there_is_no_hook_to_call() {
    let mut facts = golden::named("consul-server-of-3").facts;
    assert!(Hook::of(&golden::resolved("no tag", &facts)).is_none());
    facts.tags.values.insert(LAUNCH_HOOK.to_owned(), "not a hook".to_owned());
    let error = node::resolve(&facts).unwrap_err();
    assert_eq!(
        error.to_string(),
        "tag `cos:launch-hook` is \"not a hook\", allowed: 1 to 255 of A-Z, a-z, 0-9, -, _ and /; no tag where there \
         is no hook"
    );
}

#[tokio::test(start_paused = true)]
async fn heartbeats_hold_the_hook_until_the_node_has_joined_and_then_it_is_completed_once() {
    let bench = Bench::new().await;
    let (outcome, told, took) = bench.run(sleep(Duration::from_secs(1000))).await;
    assert_eq!(outcome, Outcome::Completed);
    assert_eq!(took.as_secs(), 1000, "at once");
    assert_eq!(bench.api.times(HEARTBEAT), [300, 600, 900]);
    assert_eq!(bench.api.times(COMPLETE), [1000]);
    assert_eq!(bench.api.times(DESCRIBE), [0; 0], "the tag names the group");
    assert_eq!(bench.api.group().verdicts, ["CONTINUE"]);
    let holding = (0..4).map(|heartbeats| Outcome::Holding { heartbeats });
    assert_eq!(told, holding.chain([Outcome::Completed]).collect::<Vec<_>>());
    assert_eq!(bench.record(), Some(Outcome::Completed));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_has_joined_already_makes_one_call() {
    let bench = Bench::new().await;
    assert_eq!(bench.run(ready(())).await.0, Outcome::Completed);
    assert_eq!(bench.api.group().calls.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn after_a_reboot_nothing_is_sent() {
    let bench = Bench::new().await;
    bench.run(ready(())).await;
    let (asked, served) = (bench.api.group().calls.len(), bench.metadata.served().len());
    let (outcome, told, _) = bench.run(pending()).await;
    assert_eq!((outcome, told), (Outcome::Completed, vec![Outcome::Completed]));
    assert_eq!(bench.api.group().calls.len(), asked);
    assert_eq!(bench.metadata.served().len(), served, "not even metadata");
}

#[tokio::test(start_paused = true)]
async fn a_record_of_another_hook_or_instance_or_of_garbage_is_none() {
    for (change, text) in [
        (INSTANCE, "i-0fffffffffffffff0"),
        ("\"joined\"", "\"other\""),
        ("launch-hook/1", "launch-hook/9"),
        ("completed", "still-trying"),
        ("{", ""),
    ] {
        let bench = Bench::new().await;
        bench.run(ready(())).await;
        let record = std::fs::read_to_string(bench.record_path()).unwrap();
        assert!(record.contains(change), "{record}");
        std::fs::write(bench.record_path(), record.replacen(change, text, 1)).unwrap();
        assert_eq!(bench.record(), None, "{text}");
        assert_eq!(bench.run(ready(())).await.0, in_service());
        assert_eq!(bench.record(), Some(in_service()), "it is written anew");
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_the_call_and_the_record_heals() {
    let bench = Bench::new().await;
    bench.api.group().forgets_to_answer = true;
    // The unit is killed while the answer is on its way.
    bench.run_for(Duration::from_secs(5), ready(())).await;
    assert_eq!(bench.api.group().verdicts, ["CONTINUE"]);
    assert_eq!(bench.record(), None);
    bench.api.group().forgets_to_answer = false;
    let (outcome, told, _) = bench.run(ready(())).await;
    assert_eq!(outcome, in_service());
    assert!(troubles(&told).is_empty(), "{told:?}");
    assert_eq!(bench.api.group().verdicts, ["CONTINUE"], "not twice");
    assert_eq!(bench.record(), Some(in_service()));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_the_hook_never_held_is_fine() {
    let bench = Bench::new().await;
    (bench.api.group().active, bench.api.group().state) = (false, Some("InService"));
    let (outcome, told, _) = bench.run(sleep(HOUR)).await;
    assert_eq!(outcome, in_service());
    assert!(troubles(&told).is_empty(), "{told:?}");
    // The first heartbeat shows it, and then nothing more is sent.
    assert_eq!(bench.api.times(HEARTBEAT), [300]);
    assert_eq!((bench.api.times(DESCRIBE), bench.api.times(COMPLETE)), (vec![300], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_state_that_is_ahead_of_the_action_is_waited_for() {
    for state in ["Pending:Wait", "Pending"] {
        let bench = Bench::new().await;
        (bench.api.group().race, bench.api.group().state) = (4, Some(state));
        let (outcome, told, _) = bench.run(ready(())).await;
        assert_eq!(outcome, Outcome::Completed);
        assert_eq!(bench.api.times(COMPLETE), [0, 5, 10, 15, 20]);
        assert_eq!(troubles(&told).len(), 1, "said once: {told:?}");
        assert!(troubles(&told)[0].starts_with(&format!("the instance is {state}, but `")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_of_another_name_is_never_taken_for_completed() {
    let mut bench = Bench::new().await;
    bench.hook.name = "joind".to_owned();
    let told = bench.run_for(HOUR / 4, ready(())).await;
    let troubles = troubles(&told);
    assert!(
        troubles.len() == 1
            && troubles[0].contains("no launch hook of that name (tag `cos:launch-hook`)")
    );
    let calls = bench.api.times(COMPLETE).len();
    assert!((45..55).contains(&calls), "{calls} calls in a quarter of an hour");
    assert_eq!(bench.record(), None);
}

#[tokio::test(start_paused = true)]
async fn a_node_is_given_up_only_if_the_settings_ask_for_it() {
    let mut bench = Bench::new().await;
    let told = bench.run_for(2 * HOUR, pending()).await;
    assert!(troubles(&told).is_empty(), "{told:?}");
    assert_eq!(bench.api.group().heartbeats, 23, "one each 5 minutes");
    assert!(bench.api.group().verdicts.is_empty());

    bench.hook = hook("[launch_hook]\nabandon_after = \"15m\"\nheartbeat = \"10m\"\n").unwrap();
    let (outcome, _, took) = bench.run(pending()).await;
    assert_eq!((outcome, took.as_secs()), (Outcome::Abandoned, 900));
    assert_eq!(bench.api.group().heartbeats, 24);
    assert_eq!(bench.api.group().verdicts, ["ABANDON"]);
    assert_eq!(bench.record(), Some(Outcome::Abandoned));
}

#[tokio::test(start_paused = true)]
async fn a_frozen_node_is_held_and_not_given_up() {
    let mut bench = Bench::new().await;
    bench.hook = hook("[launch_hook]\nabandon_after = \"15m\"\n").unwrap();
    let freeze = bench.folder.path().join(FREEZE.trim_start_matches('/'));
    std::fs::create_dir_all(freeze.parent().unwrap()).unwrap();
    std::fs::write(&freeze, "").unwrap();
    bench.run_for(2 * HOUR, pending()).await;
    assert!(bench.api.group().verdicts.is_empty());
    assert_eq!(bench.api.group().heartbeats, 23, "one each 5 minutes");
    let thawed = async {
        sleep(HOUR).await;
        std::fs::remove_file(&freeze).unwrap();
        pending::<()>().await;
    };
    let (outcome, _, took) = bench.run(thawed).await;
    assert_eq!(outcome, Outcome::Abandoned);
    assert!((3600..3700).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_frozen_while_it_cannot_be_given_up_is_held_again() {
    let mut bench = Bench::new().await;
    bench.hook = hook("[launch_hook]\nabandon_after = \"1m\"\n").unwrap();
    bench.api.group().denied.insert(COMPLETE);
    let freeze = bench.folder.path().join(FREEZE.trim_start_matches('/'));
    let frozen = async {
        sleep(Duration::from_secs(90)).await;
        std::fs::create_dir_all(freeze.parent().unwrap()).unwrap();
        std::fs::write(&freeze, "").unwrap();
        bench.api.group().denied.clear();
        pending::<()>().await;
    };
    bench.run_for(HOUR, frozen).await;
    assert!(bench.api.group().verdicts.is_empty());
    assert!(bench.api.group().heartbeats >= 11, "{}", bench.api.group().heartbeats);
}

#[tokio::test(start_paused = true)]
async fn what_was_done_for_a_warm_pool_is_not_all_that_is_to_be_done() {
    let bench = Bench::new().await;
    bench.metadata.change(|instance| {
        instance.target_lifecycle_state = Some("Warmed:Stopped".to_owned());
    });
    bench.api.group().state = Some("Warmed:Pending:Wait");
    assert_eq!(bench.run(ready(())).await.0, Outcome::Completed);
    assert_eq!(bench.record(), None, "the hook comes once more");
    // A reboot in between.
    bench.api.group().state = Some("Warmed:Stopped");
    let warmed = Outcome::NotActive { state: Some("Warmed:Stopped".to_owned()) };
    assert_eq!(bench.run(ready(())).await.0, warmed);
    assert_eq!(bench.record(), None);
    // Out of the pool, under the same hook.
    (bench.api.group().state, bench.api.group().active) = (Some("Pending:Wait"), true);
    bench.metadata.change(|instance| {
        instance.target_lifecycle_state = Some("InService".to_owned());
    });
    assert_eq!(bench.run(ready(())).await.0, Outcome::Completed);
    assert_eq!(bench.api.group().verdicts, ["CONTINUE", "CONTINUE"]);
    assert_eq!(bench.record(), Some(Outcome::Completed));
}

#[tokio::test(start_paused = true)]
async fn a_record_of_a_warm_pool_counts_for_nothing() {
    let bench = Bench::new().await;
    bench.run(ready(())).await;
    let record = std::fs::read_to_string(bench.record_path()).unwrap();
    let warmed = r#""outcome": {"result": "not-active", "state": "Warmed:Stopped"}"#;
    let (start, _) = record.split_once("\"outcome\"").unwrap();
    let rest = record.split_once('}').unwrap().1;
    std::fs::write(bench.record_path(), format!("{start}{warmed}{rest}")).unwrap();
    assert!(record.contains("completed") && bench.record().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_node_that_joins_while_it_cannot_be_given_up_goes_into_service() {
    let mut bench = Bench::new().await;
    bench.hook = hook("[launch_hook]\nabandon_after = \"1m\"\n").unwrap();
    bench.api.group().denied.insert(COMPLETE);
    let allow = async {
        sleep(Duration::from_secs(90)).await;
        bench.api.group().denied.clear();
    };
    assert_eq!(bench.run(allow).await.0, Outcome::Completed);
    assert_eq!(bench.api.times(COMPLETE), [60, 90]);
    assert_eq!(bench.api.group().verdicts, ["CONTINUE"]);
}

#[tokio::test(start_paused = true)]
async fn an_api_that_is_late_is_waited_for() {
    // Bound, so that nobody else takes the port; connections are refused until it listens.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    let mut bench = Bench::new().await;
    bench
        .system
        .environment
        .aws_endpoints
        .insert(aws::Service::AutoScaling, format!("http://{address}"));
    let late = async {
        sleep(Duration::from_secs(600)).await;
        let api = AutoScaling::serve(socket.listen(8).unwrap(), credentials());
        pending::<()>().await;
        drop(api);
    };
    let (outcome, told, took) = tokio::select! {
        run = bench.run(ready(())) => run,
        () = late => unreachable!(),
    };
    assert_eq!(outcome, Outcome::Completed);
    assert!((600..700).contains(&took.as_secs()), "{took:?}");
    let troubles = troubles(&told);
    assert_eq!(troubles.len(), 1, "said once: {told:?}");
    assert!(troubles[0].contains("VPC endpoint `autoscaling`"), "{troubles:?}");
}

#[tokio::test(start_paused = true)]
async fn throttling_and_silence_are_waited_out() {
    let bench = Bench::new().await;
    bench.api.group().throttle = 12;
    assert_eq!(bench.run(ready(())).await.0, Outcome::Completed);
    assert_eq!(bench.api.times(COMPLETE).len(), 13);

    let bench = Bench::new().await;
    bench.api.group().hangs = true;
    let answers_again = async {
        sleep(Duration::from_secs(300)).await;
        bench.api.group().hangs = false;
        pending::<()>().await;
    };
    let (outcome, _, took) = tokio::select! {
        run = bench.run(ready(())) => run,
        () = answers_again => unreachable!(),
    };
    assert_eq!(outcome, Outcome::Completed);
    assert!((300..400).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_that_hangs_does_not_delay_the_completion() {
    let bench = Bench::new().await;
    bench.api.group().hangs = true;
    let joined = async {
        sleep(Duration::from_secs(302)).await;
        bench.api.group().hangs = false;
    };
    let (outcome, _, took) = bench.run(joined).await;
    assert_eq!((outcome, took.as_secs()), (Outcome::Completed, 302));
}

#[tokio::test(start_paused = true)]
async fn a_denial_is_said_once_and_tried_again_until_somebody_allows_it() {
    let bench = Bench::new().await;
    bench.api.group().denied.insert(COMPLETE);
    let allowed = async {
        sleep(HOUR / 4).await;
        bench.api.group().denied.clear();
        pending::<()>().await;
    };
    let (outcome, told, _) = tokio::select! {
        run = bench.run(ready(())) => run,
        () = allowed => unreachable!(),
    };
    assert_eq!(outcome, Outcome::Completed);
    let troubles = troubles(&told);
    assert_eq!(troubles.len(), 1, "{told:?}");
    for words in ["is denied", "allow `autoscaling:CompleteLifecycleAction` in the policy"] {
        assert!(troubles[0].contains(words), "{words}: {troubles:?}");
    }
    assert!(!troubles[0].contains("nobody-sees"), "{troubles:?}");
    let times = bench.api.times(COMPLETE);
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 60), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn without_a_state_metadata_is_asked_and_nothing_is_recorded() {
    for (target, target_words) in [(Some("InService"), "is InService"), (None, "is none yet")] {
        let bench = Bench::new().await;
        bench.metadata.change(|instance| {
            instance.target_lifecycle_state = target.map(str::to_owned);
        });
        bench.api.group().denied.insert(DESCRIBE);
        bench.api.group().race = 3;
        assert_eq!(bench.run(ready(())).await.0, Outcome::Completed, "a race is waited for");
        std::fs::remove_file(bench.record_path()).unwrap();

        let (outcome, told, took) = bench.run(ready(())).await;
        assert_eq!(outcome, Outcome::NotActive { state: None });
        assert!((115..130).contains(&took.as_secs()), "{took:?}");
        for words in [target_words, "allow `autoscaling:DescribeAutoScalingInstances`"] {
            assert!(troubles(&told)[0].contains(words), "{words}: {told:?}");
        }
        assert_eq!((troubles(&told).len(), bench.record()), (1, None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_that_no_tag_names_is_asked_for() {
    let bench = Bench::new().await;
    bench.metadata.change(|instance| instance.tags.clear());
    assert_eq!(bench.run(sleep(Duration::from_secs(400))).await.0, Outcome::Completed);
    assert_eq!(bench.api.times(DESCRIBE), [300], "once");

    let bench = Bench::new().await;
    bench.metadata.change(|instance| instance.tags.clear());
    bench.api.group().state = None;
    let (outcome, told, _) = bench.run(ready(())).await;
    assert_eq!(outcome, Outcome::NotActive { state: None });
    assert!(troubles(&told)[0].contains("does not belong to an Auto Scaling group"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn an_instance_without_a_role_is_told_so() {
    let bench = Bench::new().await;
    bench.metadata.change(|instance| instance.credentials = None);
    let told = bench.run_for(HOUR / 4, ready(())).await;
    assert_eq!(troubles(&told).len(), 1, "{told:?}");
    assert!(troubles(&told)[0].contains("no role credentials"), "{told:?}");
    assert!(bench.api.group().calls.is_empty());
}

#[test]
fn settings_that_are_wrong_are_refused_in_good_words() {
    let refused = |text: &str| {
        let layer = Layer { name: "f".to_owned(), text: format!("[launch_hook]\n{text}\n") };
        let error = merge(&[layer]).unwrap_err();
        format!("{error}; {}", error.hint().unwrap().text)
    };
    for (text, words) in [
        ("heartbeat = \"0s\"", "f:2:13: expected a duration like 60s, 5m or 1h"),
        ("abandon_after = \"never\"", "seconds, found `never`"),
        ("abandon = \"1m\"", "unknown key `abandon`; valid keys: heartbeat, abandon_after"),
        ("heartbeats = \"1m\"", "did you mean `heartbeat`?"),
    ] {
        assert!(refused(text).contains(words), "{words}: {}", refused(text));
    }
    let mut facts = golden::named("consul-server-of-3").facts;
    facts.settings.launch_hook.heartbeat = "9s".to_owned().try_into().unwrap();
    assert_eq!(
        node::resolve(&facts).unwrap_err().to_string(),
        "setting `launch_hook.heartbeat` is \"9s\", expected 10s or more, at most a third of the hook's HeartbeatTimeout"
    );
}

#[test]
fn every_outcome_has_words_and_a_form_for_programs() {
    let outcomes = [
        Outcome::Holding { heartbeats: 0 },
        Outcome::Holding { heartbeats: 2 },
        Outcome::Completed,
        in_service(),
        Outcome::NotActive { state: None },
        Outcome::Abandoned,
        Outcome::StillTrying { why: "it rains".to_owned() },
    ];
    let text: String = outcomes
        .iter()
        .map(|outcome| format!("{outcome}\n  {}\n", serde_json::to_string(outcome).unwrap()))
        .collect();
    insta::assert_snapshot!(text, @r#"
holds this instance until it has joined
  {"result":"holding","heartbeats":0}
holds this instance until it has joined (2 heartbeats sent)
  {"result":"holding","heartbeats":2}
completed: this instance goes into service
  {"result":"completed"}
does not hold this instance, which is InService
  {"result":"not-active","state":"InService"}
seems not to hold this instance: no lifecycle action has been active for minutes, and the lifecycle state is unknown
  {"result":"not-active","state":null}
abandoned after `launch_hook.abandon_after`: the Auto Scaling group replaces this instance
  {"result":"abandoned"}
is not completed yet: it rains
  {"result":"still-trying","why":"it rains"}
"#);
}
