//! Waiting for the join, asked of a real Consul: when the gates open, and what stands in the way where they do not.

use crate::support::address::NOBODY;
use crate::support::consul;
use consul::{Consul, NAME};
use cos_agent::error::Error;
use cos_agent::exit::ExitCode;
use cos_agent::membership::wait::{self, Goal, OnFailure, WaitError};
use cos_agent::membership::watch;
use cos_agent::role::Role;
use cos_agent::store::boots::{self, Stopwatch};
use cos_agent::store::status::{self, Failure, Identity, State};
use cos_agent::system::System;
use cos_agent::system::environment::Environment;
use cos_agent::system::retry::Deadline;
use cos_agent::system::root::Root;
use serde_json::json;
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_secs(2);

struct Bench {
    system: System,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new(consul_api: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let environment =
            Environment { consul_api: consul_api.to_owned(), ..Environment::default() };
        let root = Root::at(folder.path());
        let system = System { root, services: None, keeps_record: true, environment };
        Self { system, _folder: folder }
    }

    /// A client beside a Nomad that takes connections and never answers, as one whose servers have no leader does for
    /// seconds.
    async fn client_of(consul: &Consul, nomad: &TcpListener) -> Self {
        let mut bench = Self::new(&consul.api);
        let environment = &mut bench.system.environment;
        environment.nomad_api = format!("http://{}", nomad.local_addr().unwrap());
        environment.metadata_endpoint = Some("http://127.0.0.1:1".to_owned());
        let role = Role::NomadClient;
        let nomad_datacenter = Some("backoffice".to_owned());
        let node = identity(None, consul.address);
        bench.is(&Identity { role, nomad_datacenter, ..node }).await;
        bench
    }

    /// As `apply` leaves it: the node is known, and is a server of a cluster of so many.
    async fn applied(&self, servers: u8, address: Ipv4Addr) {
        self.is(&identity(Some(servers), address)).await;
    }

    async fn is(&self, node: &Identity) {
        status::update(&self.system.root, |status| {
            status.node = Some(node.clone());
            status.state = State::Applied;
        })
        .await
        .unwrap();
    }

    async fn failed(&self) {
        let failure = Failure::of(ExitCode::Data, "error: the tag cos:role is missing\n");
        status::update(&self.system.root, |status| {
            status.state = State::Failed;
            status.problem = Some(failure.clone());
        })
        .await
        .unwrap();
    }

    async fn wait(&self, limit: Duration, on_failure: OnFailure) -> Result<(), WaitError> {
        let deadline = Deadline::after(limit);
        let mut stopwatch = Stopwatch::start();
        let goal = Goal::Ready;
        wait::wait(&self.system, goal, deadline, on_failure, &mut stopwatch).await?;
        wait::save(&self.system, stopwatch).await;
        Ok(())
    }

    /// The gate that is closed at the deadline, and what was found there.
    async fn closed(&self, limit: Duration) -> (&'static str, String) {
        let error = self.wait(limit, OnFailure::End).await.unwrap_err();
        let WaitError::Closed { gate, found, .. } = &error else { panic!("{error}") };
        let closed = (*gate, found.clone());
        assert_eq!(Error::from(error).exit_code(), ExitCode::NotYet);
        closed
    }
}

fn identity(servers: Option<u8>, address: Ipv4Addr) -> Identity {
    Identity {
        instance: NAME.to_owned(),
        cluster: "test".to_owned(),
        role: Role::ConsulServer,
        nomad_datacenter: None,
        servers,
        address,
        zone: "eu-central-1a".to_owned(),
        consul_datacenter: Some("dc1".to_owned()),
        nomad_region: None,
    }
}

#[tokio::test]
async fn the_gates_of_a_real_consul_open_one_after_the_other_and_are_on_record() {
    let consul = Consul::start(1);
    let bench = Bench::new(&consul.api);
    bench.applied(1, consul.address).await;
    bench.wait(SOON, OnFailure::End).await.unwrap();
    let joined = status::load(&bench.system.root).joined.unwrap();
    let boots = boots::load(&bench.system.root).boots;
    let gates: Vec<&str> = boots[0].phases.iter().map(|phase| phase.name.as_str()).collect();
    assert_eq!(gates, ["consul-agent-api", "consul-joined", "consul-leader", "consul-catalog"]);
    // The first time is the one that counts, and the record of a boot is not longer for every wait.
    bench.wait(SOON, OnFailure::End).await.unwrap();
    assert_eq!(status::load(&bench.system.root).joined, Some(joined));
    assert_eq!(boots::load(&bench.system.root).boots, boots);
    // Another node of the same name at another address is not this one.
    bench.applied(1, Ipv4Addr::LOCALHOST).await;
    let (gate, found) = bench.closed(SHORT).await;
    assert_eq!(gate, "consul-leader");
    assert!(found.contains("has not made this server a voter yet"), "{found}");
}

#[tokio::test]
async fn a_vote_that_acls_hide_is_unknown_and_holds_whoever_waits_for_it() {
    const READ: &str = r#"
agent_prefix "" { policy = "read" }
node_prefix "" { policy = "read" }
service_prefix "" { policy = "read" }
"#;
    let consul =
        Consul::start_with(1, json!({ "acl": { "enabled": true, "default_policy": "deny" } }));
    let bench = Bench::new(&consul.api);
    bench.applied(1, consul.address).await;
    let secret = consul.bootstrap().await;
    consul.allow(&secret, "read", READ).await;
    let until = Instant::now() + SOON;
    loop {
        let (gate, found) = bench.closed(SHORT).await;
        if gate == "consul-leader" {
            assert!(
                found.starts_with("cannot verify that this server has a vote, because ACLs hide"),
                "{found}"
            );
            break;
        }
        assert!(Instant::now() < until, "{gate}: {found}");
    }
    consul.allow(&secret, "read-and-operator", &format!("{READ}operator = \"read\"\n")).await;
    bench.wait(SOON, OnFailure::End).await.unwrap();
}

#[tokio::test]
async fn a_cluster_that_lacks_servers_has_words_of_its_own() {
    let consul = Consul::start(3);
    let bench = Bench::new(&consul.api);
    bench.applied(3, consul.address).await;
    let until = Instant::now() + SOON;
    loop {
        let (gate, found) = bench.closed(SHORT).await;
        if gate == "consul-joined" {
            assert_eq!(found, "no other live server; 1 known member");
            return;
        }
        assert!(Instant::now() < until, "{gate}: {found}");
    }
}

#[tokio::test]
async fn a_failed_apply_ends_the_wait_at_once_in_its_own_words() {
    let bench = Bench::new("http://127.0.0.1:1");
    bench.failed().await;
    let began = Instant::now();
    let error = Error::from(bench.wait(SOON, OnFailure::End).await.unwrap_err());
    assert!(began.elapsed() < Duration::from_secs(20));
    assert_eq!(error.exit_code(), ExitCode::Data);
    assert!(
        error.report().starts_with("error: the tag cos:role is missing\n"),
        "{}",
        error.report()
    );
    // Who knows that somebody is at it waits on.
    let error = Error::from(bench.wait(SHORT, OnFailure::KeepWaiting).await.unwrap_err());
    assert_eq!(error.exit_code(), ExitCode::NotYet);
}

#[tokio::test]
async fn who_is_not_known_yet_is_waited_for() {
    let bench = Bench::new("http://127.0.0.1:1");
    let error = bench.wait(SHORT, OnFailure::End).await.unwrap_err();
    assert!(matches!(error, WaitError::NotApplied { .. }), "{error}");
    assert_eq!(error.exit_code(), ExitCode::NotYet);
    bench.system.root.write("/etc/cos-agent/disabled", b"", 0o644).unwrap();
    let error = bench.wait(SHORT, OnFailure::End).await.unwrap_err();
    assert!(matches!(error, WaitError::Frozen { .. }), "{error}");
    let report = Error::from(error).report();
    assert!(report.contains("hint: remove /etc/cos-agent/disabled"), "{report}");
}

#[tokio::test]
async fn an_agent_that_is_down_hangs_or_is_another_program_has_its_own_words() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    let stranger = cos_agent::simulate::service::Service::start(
        cos_agent::simulate::instance::Instance::default(),
        Vec::new(),
    );
    let stranger = stranger.await.unwrap();
    for (api, words) in [
        (NOBODY.to_owned(), "cannot reach"),
        (silent, "accepts connections on loopback but does not answer"),
        (stranger.endpoint(), "/v1/agent/self answered 4"),
    ] {
        let bench = Bench::new(&api);
        bench.applied(3, Ipv4Addr::LOCALHOST).await;
        let began = Instant::now();
        let error = bench.wait(SHORT, OnFailure::End).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.exit_code(), ExitCode::NotYet);
        assert!(began.elapsed() < Duration::from_secs(20), "the deadline is kept");
    }
}

#[tokio::test]
async fn a_consul_server_has_no_gates_of_nomad() {
    let bench = Bench::new("http://127.0.0.1:1");
    bench.applied(3, Ipv4Addr::LOCALHOST).await;
    let deadline = Deadline::after(SHORT);
    let mut stopwatch = Stopwatch::start();
    let ended =
        wait::wait(&bench.system, Goal::Nomad, deadline, OnFailure::End, &mut stopwatch).await;
    let error = Error::from(ended.err().unwrap());
    assert_eq!(error.exit_code(), ExitCode::Usage);
}

#[tokio::test]
async fn a_nomad_that_does_not_answer_hides_no_gate_of_consul() {
    let (consul, nomad) = (Consul::client(), TcpListener::bind("127.0.0.1:0").unwrap());
    let bench = Bench::client_of(&consul, &nomad).await;
    let until = Instant::now() + SOON;
    loop {
        let (gate, found) = bench.closed(SHORT).await;
        assert!(gate.starts_with("consul-"), "{gate}: {found}");
        if gate == "consul-joined" {
            return;
        }
        assert!(Instant::now() < until, "{gate}: {found}");
    }
}

#[tokio::test]
async fn the_watch_looks_after_consul_beside_a_nomad_that_does_not_answer() {
    let (consul, nomad) = (Consul::client(), TcpListener::bind("127.0.0.1:0").unwrap());
    let bench = Bench::client_of(&consul, &nomad).await;
    let system = &bench.system;
    let problems = async {
        loop {
            let problems = status::load(&system.root).watch.problems;
            if problems.iter().any(|said| said.starts_with("Consul: ")) {
                return problems;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let problems = tokio::select! {
        ended = watch::watch(system) => panic!("{ended:?}"),
        problems = tokio::time::timeout(SOON, problems) => problems.expect("it says nothing of Consul"),
    };
    // As long as its answer is waited for, nothing is said of Nomad: nobody waited for it.
    assert!(problems.iter().all(|said| !said.starts_with("nomad-")), "{problems:?}");
}
