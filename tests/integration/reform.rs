//! `reform`: the way back after all servers of a cluster were lost, and only then.

mod off;
mod others;

use crate::support::{binary, clock, ec2, node, ssm};
use cos_agent::error::Error;
use cos_agent::exit::ExitCode;
use cos_agent::facts::FREEZE;
use cos_agent::membership::quorum::GuardError;
use cos_agent::membership::quorum::founding::Founding;
use cos_agent::membership::quorum::lost::{self, Unanswered};
use cos_agent::membership::quorum::parameter::Changed;
use cos_agent::pipeline::{self, Reformed};
use cos_agent::state::Daemon;
use cos_agent::system::aws;
use cos_agent::system::environment;
use cos_agent::system::retry::Deadline;
use ec2::Ec2;
use node::{PATIENCE, TestNode, instance};
use serde_json::json;
use ssm::{CONSUL, FORMED, Fault, SERVERS, Store, instance_with_role};
use std::io::Write;
use std::ops::{Deref, DerefMut};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A server that asks this store and this EC2.
async fn server(role: &str, store: &Store, ec2: &Ec2) -> TestNode {
    let mut node = TestNode::with(instance_with_role(instance(role, None)), &[]).await;
    node.environment.aws_endpoints.insert(aws::Service::Ssm, store.url());
    node.environment.aws_endpoints.insert(aws::Service::Ec2, ec2.url());
    node
}

/// A node and the EC2 that it asks.
struct Stranded {
    node: TestNode,
    _ec2: Ec2,
}

impl Deref for Stranded {
    type Target = TestNode;

    fn deref(&self) -> &TestNode {
        &self.node
    }
}

impl DerefMut for Stranded {
    fn deref_mut(&mut self) -> &mut TestNode {
        &mut self.node
    }
}

/// A server that may only join, runs, and finds nobody.
async fn stranded(role: &str, daemon: Daemon, store: &Store) -> Stranded {
    let ec2 = Ec2::with(&[]).await;
    let node = server(role, store, &ec2).await;
    node.converge().await;
    assert!(!forms(&node, daemon), "{role}");
    node.write(&format!("{}/raft.db", daemon.server_data()), "");
    node.quorum.knows("", &[]);
    node.quorum.answers(500, "No cluster leader");
    node.units.take_jobs();
    Stranded { node, _ec2: ec2 }
}

fn forms(node: &TestNode, daemon: Daemon) -> bool {
    node.read(daemon.file()).contains("bootstrap_expect")
}

async fn reform(node: &TestNode, daemon: Daemon) -> Result<Option<Reformed>, Error> {
    let system = node.system(true);
    let of = pipeline::survey(&system, Deadline::after(PATIENCE)).await.unwrap().node;
    pipeline::reform(&system, &of, daemon, Duration::from_secs(6))
        .await
        .map(super::support::node::done)
}

#[tokio::test]
async fn a_server_that_could_only_join_restarts_as_one_that_forms() {
    // Waits for an election that does not come, so both at once.
    let both = SERVERS.map(async |(role, daemon, parameter)| {
        let store = Store::with(&[(parameter, FORMED)]).await;
        let node = stranded(role, daemon, &store).await;
        if daemon == Daemon::Consul {
            // What ACLs say where there is no leader.
            node.quorum.answers(403, "ACL not found");
        }
        let reformed = reform(&node, daemon).await.unwrap().expect("not frozen");
        assert_eq!(reformed.parameter, Changed::Now("no".to_owned()), "{role}");
        assert_eq!(store.value(parameter).as_deref(), Some("no"), "{role}");
        assert!(forms(&node, daemon), "{role}");
        let jobs = node.units.take_jobs();
        assert!(jobs.contains(&format!("Restart {}", daemon.unit())), "{role}: {jobs:?}");
        store.asked();
        assert!(node.converge().await.plan.is_empty() && store.asked().is_empty(), "{role}");
    });
    futures_util::future::join_all(both).await;
}

#[tokio::test]
async fn the_cluster_that_is_formed_again_is_put_on_record_again() {
    for (role, daemon, parameter) in SERVERS {
        let store = Store::with(&[(parameter, "no")]).await;
        let mut node = TestNode::with(instance_with_role(instance(role, None)), &[]).await;
        node.environment.aws_endpoints.insert(aws::Service::Ssm, store.url());
        node.converge().await;
        let is_formed = || store.value(parameter).unwrap().starts_with("formed ");
        let record = async |node: &TestNode| {
            let mut founding = Founding::new(daemon, "i-0123456789abcdef0");
            founding.record(&node.system(true)).await;
            assert_eq!(founding.problem, None, "{role}");
        };
        record(&node).await;
        assert!(is_formed(), "{role}");
        // The data is lost, with all other servers.
        node.reboot();
        reform(&node, daemon).await.unwrap();
        assert!(!is_formed(), "{role}");
        record(&node).await;
        assert!(is_formed(), "{role}");
        store.asked();
        record(&node).await;
        assert_eq!(store.asked(), Vec::<String>::new(), "{role}: once is enough");
    }
}

#[tokio::test]
async fn what_is_on_record_is_compared_once_an_hour() {
    let id = "i-0123456789abcdef0";
    for (role, daemon, parameter) in SERVERS {
        let store = Store::with(&[(parameter, "no")]).await;
        let mut node = TestNode::with(instance_with_role(instance(role, None)), &[]).await;
        node.environment.aws_endpoints.insert(aws::Service::Ssm, store.url());
        node.converge().await;
        store.asked();
        let record = |checked: Option<u64>| {
            let mut record =
                json!({ "schema": "cos-agent/formed/1", "instance": id, "daemon": daemon });
            if let Some(checked) = checked {
                record["checked"] = checked.into();
            }
            node.write("/var/lib/cos-agent/formed.json", &record.to_string());
        };
        let now = environment::unix_seconds();
        // Of an agent that kept no time, of two hours ago, and of a clock that was wrong.
        for checked in [None, Some(now - 2 * 3600), Some(now + 3600)] {
            store.set(parameter, "no");
            record(checked);
            // The same process, for hours.
            let mut founding = Founding::new(daemon, id);
            founding.record(&node.system(true)).await;
            let value = store.value(parameter).unwrap();
            assert!(value.starts_with("formed "), "{role} {checked:?}: {value}");
            assert_eq!(store.asked(), ["GetParameter", "PutParameter"], "{role} {checked:?}");
            Founding::new(daemon, id).record(&node.system(true)).await;
            assert!(store.asked().is_empty(), "{role} {checked:?}: once an hour is enough");
        }
        record(Some(now - 3500));
        Founding::new(daemon, id).record(&node.system(true)).await;
        assert!(store.asked().is_empty(), "{role}: less than an hour");
        // What says so still is only read. The servers do not ask together: up to a quarter later.
        record(Some(now - 4500 - 1));
        Founding::new(daemon, id).record(&node.system(true)).await;
        assert_eq!(store.asked(), ["GetParameter"], "{role}");
        // What cannot be compared is said, and not that it is `no`.
        record(None);
        store.fails(Fault::Denies("GetParameter"));
        let mut founding = Founding::new(daemon, id);
        founding.record(&node.system(true)).await;
        let problem = founding.problem.unwrap();
        assert!(problem.contains("cannot verify") && problem.contains("is denied"), "{problem}");
    }
}

#[tokio::test]
async fn a_server_that_is_silent_and_holds_data_is_not_lost() {
    // One that founded its cluster, and one that could only join: it may have joined, and be stopped since.
    for value in ["no", FORMED] {
        let store = Store::with(&[(CONSUL, value)]).await;
        let ec2 = Ec2::with(&[]).await;
        let mut node = server("consul-server", &store, &ec2).await;
        node.converge().await;
        node.write("/opt/consul/data/raft/raft.db", "");
        let before = node.read("/etc/consul.d/cos.json");
        store.set(CONSUL, FORMED);
        for args in ["reform consul --yes", "reform consul --yes --assume-lost"] {
            let refused = run(command(&node, &store, args)).await;
            let shown = (refused.code, refused.stdout.as_str());
            assert_eq!(shown, (Some(75), ""), "{args}: {}", refused.stderr);
            let said = refused.stderr.to_lowercase();
            for words in
                ["has raft data", "start consul.service first, or move /opt/consul/data away"]
            {
                assert!(said.contains(words), "{value}: {said}");
            }
        }
        assert_eq!(store.value(CONSUL).as_deref(), Some(FORMED), "nothing was changed");
        assert_eq!(node.read("/etc/consul.d/cos.json"), before);
        // Without the data there is nothing to lose.
        node.reboot();
        std::fs::remove_dir_all(node.path("/opt/consul/data")).unwrap();
        let done = run(command(&node, &store, "reform consul --yes")).await;
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        assert_eq!(store.value(CONSUL).as_deref(), Some("no"));
    }
}

#[tokio::test]
async fn a_server_that_does_not_run_starts_as_one_that_forms() {
    for (role, daemon, parameter) in SERVERS {
        for has_data in [true, false] {
            let store = Store::with(&[(parameter, FORMED)]).await;
            let mut node = stranded(role, daemon, &store).await;
            if !has_data {
                std::fs::remove_dir_all(node.path(daemon.data())).unwrap();
            }
            node.reboot();
            reform(&node, daemon).await.unwrap();
            assert!(forms(&node, daemon), "{role}");
            assert!(node.units.take_jobs().contains(&format!("Start {}", daemon.unit())));
        }
    }
}

async fn must_be_lost(
    node: &TestNode,
    daemon: Daemon,
    unanswered: Unanswered,
) -> Result<Vec<String>, GuardError> {
    let system = node.system(true);
    let of = pipeline::survey(&system, Deadline::after(PATIENCE)).await.unwrap().node;
    lost::must_be_lost(&system, &of, daemon, unanswered).await
}

#[tokio::test]
async fn what_is_not_lost_is_not_given_up() {
    for (role, daemon, parameter) in SERVERS {
        let store = Store::with(&[(parameter, FORMED)]).await;
        let mut node = stranded(role, daemon, &store).await;
        let is_lost = async |node: &TestNode| must_be_lost(node, daemon, Unanswered::Refuse).await;
        assert_eq!(is_lost(&node).await.unwrap(), Vec::<String>::new(), "{role}");
        let peers = ["10.20.1.12:8300", "10.20.1.13:8300"];
        for (leader, peers, words) in [
            ("10.20.1.12:8300", &peers[..], "has a leader, 10.20.1.12:8300, so"),
            ("10.20.1.12:8300", &[], "has a leader, 10.20.1.12:8300, so"),
            ("", &peers, "has the Raft data of the cluster of 10.20.1.12:8300, 10.20.1.13:8300"),
            ("", &peers[..1], "has the Raft data"),
        ] {
            node.quorum.knows(leader, peers);
            for unanswered in [Unanswered::Refuse, Unanswered::AssumeLost] {
                let error = must_be_lost(&node, daemon, unanswered).await.unwrap_err();
                let error = Error::from(error);
                assert_eq!(error.exit_code(), ExitCode::NotYet, "{}", error.report());
                for words in [words, "nothing was changed", daemon.unit()] {
                    assert!(error.report().contains(words), "{words}: {}", error.report());
                }
            }
        }
        // An agent that does not answer may be one that had joined, whatever was known of it before.
        let nobody = "http://127.0.0.1:1".to_owned();
        node.environment.consul_api.clone_from(&nobody);
        node.environment.nomad_api = nobody;
        assert!(matches!(is_lost(&node).await, Err(GuardError::Silent { .. })), "{role}");
        std::fs::remove_dir_all(node.path(daemon.data())).unwrap();
        assert!(is_lost(&node).await.is_ok(), "{role}");
        assert_eq!(store.value(parameter).as_deref(), Some(FORMED), "{role}");
    }
}

#[tokio::test]
async fn an_absent_parameter_is_terraforms_business() {
    let store = Store::with(&[(CONSUL, FORMED)]).await;
    let mut node = stranded("consul-server", Daemon::Consul, &store).await;
    node.reboot();
    let empty = Store::with(&[]).await;
    node.environment.aws_endpoints.insert(aws::Service::Ssm, empty.url());
    let reformed = reform(&node, Daemon::Consul).await.unwrap().expect("not frozen");
    assert_eq!((reformed.parameter, empty.value(CONSUL)), (Changed::NoParameter, None));
    assert!(forms(&node, Daemon::Consul));
}

#[tokio::test]
async fn a_parameter_that_cannot_be_set_is_an_error_and_the_rest_is_done() {
    for (fault, code, words) in [
        (Fault::Denies("GetParameter"), ExitCode::Denied, "ssm:GetParameter is denied"),
        (Fault::Denies("PutParameter"), ExitCode::Denied, "ssm:PutParameter is denied"),
        (Fault::Silence, ExitCode::Unavailable, "timed out"),
        (Fault::Throttles(usize::MAX), ExitCode::Unavailable, "ThrottlingException"),
    ] {
        let store = Store::with(&[(CONSUL, FORMED)]).await;
        let mut node = stranded("consul-server", Daemon::Consul, &store).await;
        node.reboot();
        store.fails(fault);
        let Err(error) = reform(&node, Daemon::Consul).await else { panic!("{fault:?}") };
        assert_eq!(error.exit_code(), code, "{}", error.report());
        let by_hand = "aws ssm put-parameter --name /cos/demo/formed/consul --value no --overwrite --region eu-central-1";
        for words in [words, by_hand, "ssm:PutParameter"] {
            assert!(error.report().contains(words), "{words}: {}", error.report());
        }
        assert!(forms(&node, Daemon::Consul), "{fault:?}");

        // A server without data asks again, and is told that the cluster has formed.
        if fault == Fault::Denies("PutParameter") {
            std::fs::remove_dir_all(node.path("/opt/consul/data")).unwrap();
            let Err(error) = reform(&node, Daemon::Consul).await else { panic!("{fault:?}") };
            assert!(matches!(error, Error::Guard(GuardError::StillFormed { .. })));
            assert_eq!(error.exit_code(), ExitCode::NotYet, "{}", error.report());
            assert!(error.report().contains(by_hand) && !forms(&node, Daemon::Consul));
        }
    }
}

/// The binary with the metadata and the store of a node.
fn command(node: &TestNode, store: &Store, args: &str) -> Command {
    let root = node.root().display().to_string();
    let args: Vec<&str> = args.split(' ').chain(["--root", &root, "--timeout", "6s"]).collect();
    let mut command = binary::cos_agent(&args);
    command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", node.service.endpoint());
    command.env("AWS_ENDPOINT_URL_SSM", store.url());
    command.env("AWS_ENDPOINT_URL_EC2", &node.environment.aws_endpoints[&aws::Service::Ec2]);
    command
}

/// Runs it beside the services of this test.
async fn run(command: Command) -> binary::Ran {
    tokio::task::spawn_blocking(|| binary::run(command)).await.unwrap()
}

#[tokio::test]
async fn on_the_command_line_it_says_what_is_lost_and_what_was_done() {
    let store = Store::with(&[(CONSUL, FORMED)]).await;
    let node = stranded("consul-server", Daemon::Consul, &store).await;
    let asked = run(command(&node, &store, "reform consul")).await;
    assert_eq!((asked.code, asked.stdout.as_str()), (Some(64), ""));
    assert!(asked.stderr.contains("--yes"), "{}", asked.stderr);
    assert_eq!(store.value(CONSUL).as_deref(), Some(FORMED));

    let other = run(command(&node, &store, "reform nomad --yes")).await;
    assert_eq!((other.code, other.stdout.as_str()), (Some(64), ""));
    for words in ["is a consul-server of demo", "not a nomad-server", "each nomad-server"] {
        assert!(other.stderr.contains(words), "{words}: {}", other.stderr);
    }

    node.write(FREEZE, "");
    let frozen = run(command(&node, &store, "reform consul --yes -o json")).await;
    assert_eq!(frozen.code, Some(0), "{}", frozen.stderr);
    assert_eq!(
        binary::json(&frozen.stdout),
        json!({ "schema": "cos-agent/reform/2", "state": "frozen" })
    );
    assert!(frozen.stderr.contains("frozen") && !forms(&node, Daemon::Consul));
    std::fs::remove_file(node.path(FREEZE)).unwrap();

    std::fs::remove_dir_all(node.path("/opt/consul/data/raft")).unwrap();
    let done = run(command(&node, &store, "reform consul --yes")).await;
    // The problem of a connection that nobody takes has words of the C library.
    let mut shown = done.shown(node.root());
    let (from, to) = (shown.find("leader: ").unwrap(), shown.find("\nThe consul").unwrap());
    shown.replace_range(from..to, "leader: PROBLEM");
    insta::assert_snapshot!(shown, @r"
exit 0
--- stdout
i-0123456789abcdef0 is a consul-server of demo, one of 3: may form a new cluster; set /cos/demo/formed/consul to `no`
~ /etc/consul.d/cos.json  (changes, 0640 root:consul)
--- stderr
warning: cannot ask consul.service for its leader: PROBLEM
The consul-servers of demo will form a new, empty cluster. This permanently discards what the old cluster stored:
keys and values, sessions, intentions, prepared queries, ACLs and certificate authority.
Continue only if no server that still has the data will come back. Run this command on each new server.
/cos/demo/formed/consul is `no`
/cos/demo/formed/consul is `no`: consul.service may form a new cluster
/usr/bin/consul does not exist, so its new configuration is not validated
/etc/consul.d/cos.json: changes, 0640 root:consul
");
    let again = run(command(&node, &store, "reform consul --yes -o json")).await;
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let value = binary::json(&again.stdout);
    assert_eq!(
        (&value["schema"], &value["state"]),
        (&json!("cos-agent/reform/2"), &json!("reformed"))
    );
    assert_eq!(value["parameter"], json!({ "name": CONSUL, "state": "unchanged" }));
    assert_eq!(value["daemon"], "consul");
}

#[tokio::test]
async fn on_a_terminal_the_name_of_the_cluster_is_asked_for() {
    for (answer, code, formed) in [("demo", 0, "no"), ("yes", 64, FORMED), ("", 64, FORMED)] {
        let store = Store::with(&[(CONSUL, FORMED)]).await;
        let node = stranded("consul-server", Daemon::Consul, &store).await;
        std::fs::remove_dir_all(node.path("/opt/consul/data/raft")).unwrap();
        let plain = command(&node, &store, "reform consul");
        // Of util-linux: the one way to a terminal that every Linux has.
        let line: Vec<String> = std::iter::once(plain.get_program())
            .chain(plain.get_args())
            .map(|word| word.to_str().unwrap().to_owned())
            .collect();
        let mut script = Command::new("script");
        script.args(["-qec", &line.join(" "), "/dev/null"]).env_clear();
        script.envs(plain.get_envs().filter_map(|(key, value)| Some((key, value?))));
        let answer = format!("{answer}\n");
        let output = tokio::task::spawn_blocking(move || {
            let pipes = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = pipes.spawn().expect("script(1) of util-linux is needed");
            child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
            child.wait_with_output().unwrap()
        });
        let output = output.await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains("type the name of the cluster (demo):"), "{said}");
        assert_eq!(store.value(CONSUL).as_deref(), Some(formed), "{said}");
    }
}
