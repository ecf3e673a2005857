//! How the watch asks EC2 for the servers of its cluster: one call for all of them, once.

use crate::support::address::NOBODY;
use crate::support::{consul, ec2, golden, ssm};
use consul::Consul;
use cos_agent::membership::join::discovery::{self, Found};
use cos_agent::membership::{join::rejoin, watch};
use cos_agent::role::Role;
use cos_agent::simulate;
use cos_agent::simulate::instance::Instance;
use cos_agent::simulate::service::Service;
use cos_agent::state::Daemon;
use cos_agent::store::status::{self, Identity};
use cos_agent::system::System;
use cos_agent::system::aws;
use cos_agent::system::daemon::consul::Consul as Agent;
use cos_agent::system::environment::Environment;
use cos_agent::system::imds::Imds;
use cos_agent::system::retry::Deadline;
use cos_agent::system::root::Root;
use ec2::Ec2;
use serde_json::json;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(60);
const BOTH: &[Daemon] = &[Daemon::Consul, Daemon::Nomad];

/// A Nomad client that asks this EC2.
struct Client {
    system: System,
    node: Identity,
    _metadata: Service,
    _folder: tempfile::TempDir,
}

impl Client {
    async fn of(ec2: &Ec2) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kind = simulate::NodeKind::of("nomad-client", None);
        let tags = kind.tags("demo", "3");
        let instance = ssm::instance_with_role(Instance { tags, ..Instance::default() });
        let metadata = Service::start(instance, Vec::new()).await.unwrap();
        let environment = Environment {
            metadata_endpoint: Some(metadata.endpoint()),
            aws_endpoints: [(aws::Service::Ec2, ec2.url())].into(),
            ..Environment::default()
        };
        let root = Root::at(folder.path());
        let system = System { root, services: None, keeps_record: false, environment };
        let node = Identity {
            instance: "i-0123456789abcdef0".to_owned(),
            cluster: "demo".to_owned(),
            role: Role::NomadClient,
            nomad_datacenter: kind.datacenter,
            servers: None,
            address: [10, 20, 1, 31].into(),
            zone: "eu-central-1a".to_owned(),
            consul_datacenter: None,
            nomad_region: None,
        };
        Self { system, node, _metadata: metadata, _folder: folder }
    }
}

fn instances(found: &Found) -> Vec<&str> {
    found.peers.iter().map(|peer| peer.instance.as_str()).collect()
}

#[tokio::test]
async fn one_call_tells_of_the_servers_of_both_kinds() {
    let ec2 = Ec2::with(&[]).await;
    let consul = |value| vec![("cos:cluster", "demo"), ("cos:consul-server", value)];
    ec2.lists_with_tags(vec![
        ("i-0a", [10, 20, 1, 11].into(), consul("demo")),
        ("i-0b", [10, 20, 1, 21].into(), vec![("cos:nomad-server", "demo")]),
        // Whoever tags such a one has contradicted himself; Consul's own auto-join would not find it either.
        ("i-0c", [10, 20, 1, 12].into(), consul("other")),
    ]);
    let client = Client::of(&ec2).await;
    let found = rejoin::discover(&client.system, &client.node, BOTH).await.unwrap();
    assert_eq!(instances(&found[&Daemon::Consul]), ["i-0a"]);
    assert_eq!(instances(&found[&Daemon::Nomad]), ["i-0b"]);
    let asked = ec2.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    for words in [
        "Filter.1.Name=tag%3Acos%3Acluster&Filter.1.Value.1=demo",
        "Filter.2.Name=tag-key&Filter.2.Value.1=cos%3Aconsul-server&Filter.2.Value.2=cos%3Anomad-server",
        "Filter.3.Name=instance-state-name&Filter.3.Value.1=running",
    ] {
        assert!(asked[0].contains(words), "{words}: {}", asked[0]);
    }
}

#[tokio::test]
async fn who_needs_one_kind_asks_by_the_tag_that_its_daemon_asks_by() {
    let ec2 = Ec2::with(&[("i-0a", [10, 20, 1, 11].into(), Some("3"))]).await;
    let client = Client::of(&ec2).await;
    let found = rejoin::discover(&client.system, &client.node, &[Daemon::Consul]).await.unwrap();
    assert_eq!(instances(&found[&Daemon::Consul]), ["i-0a"]);
    let asked = ec2.asked().concat();
    assert!(asked.contains(
        "Filter.1.Name=tag%3Acos%3Aconsul-server&Filter.1.Value.1=demo&Filter.2.Name=instance-state"
    ));
}

#[tokio::test]
async fn a_question_of_the_watch_is_one_call_and_that_of_a_command_is_asked_again() {
    let ec2 = Ec2::with(&[]).await;
    let client = Client::of(&ec2).await;
    for (status, code, is_busy) in [
        (503, "RequestLimitExceeded", true),
        (400, "Throttling", true),
        (500, "InternalError", true),
        (403, "UnauthorizedOperation", false),
    ] {
        ec2.refuses((status, code));
        let refused = rejoin::discover(&client.system, &client.node, BOTH).await.unwrap_err();
        assert!(refused.words.contains(code), "{}", refused.words);
        assert_eq!((ec2.asked().len(), refused.is_busy), (1, is_busy), "{code}");
    }
    ec2.refuses((503, "RequestLimitExceeded"));
    let imds = Imds::new(&client.system.environment, Deadline::after(Duration::from_secs(3)));
    let imds = imds.unwrap();
    let instance = cos_agent::facts::identity(&imds).await.unwrap();
    let asked = discovery::find(&client.system, &imds, &instance, Daemon::Consul, "demo").await;
    assert!(asked.is_err() && ec2.asked().len() > 1);
}

fn agent(api: &str) -> Agent {
    let environment = Environment { consul_api: api.to_owned(), ..Environment::default() };
    Agent::local(&environment, Duration::from_secs(2)).unwrap()
}

/// Waits until an agent knows a leader.
async fn has_leader(api: &str) {
    let agent = agent(api);
    let led = async {
        while !matches!(agent.leader().await, Ok(Some(_))) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, led).await.expect("no leader");
}

/// A Consul client that has no auto-join at all, beside a server that leads: the way in is the watch.
#[tokio::test]
#[expect(clippy::print_stdout, reason = "how long it took, for people")]
async fn the_watch_brings_a_node_into_the_pool_whose_consul_finds_nobody_by_itself() {
    let server = Consul::start(1);
    has_leader(&server.api).await;
    let further = json!({ "server": false, "node_name": "i-0f", "retry_interval": "1s" });
    let alone = Consul::start_with(0, further);
    let ec2 = Ec2::with(&[]).await;
    let tags = vec![("cos:cluster", "demo"), ("cos:consul-server", "demo")];
    ec2.lists_with_tags(vec![("i-0a", server.address, tags)]);
    let mut client = Client::of(&ec2).await;
    client.system.environment.consul_api.clone_from(&alone.api);
    client.system.environment.nomad_api = NOBODY.to_owned();
    let node = Identity { instance: "i-0f".to_owned(), ..client.node.clone() };
    let applied = |status: &mut status::Status| {
        status.node = Some(node.clone());
        status.watch_joins = Some("it may not ask".to_owned());
    };
    status::update(&client.system.root, applied).await.unwrap();

    let joined = async {
        let agent = agent(&alone.api);
        while agent.itself().await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let answered = Instant::now();
        has_leader(&alone.api).await;
        answered.elapsed()
    };
    let after = tokio::select! {
        ended = watch::watch(&client.system) => panic!("{ended:?}"),
        joined = joined => joined,
    };
    println!("a member {:.2} s after its agent answered", after.as_secs_f64());
}

/// The SDK of this Consul knows no such region; the string says where its EC2 is.
#[tokio::test]
async fn a_real_consul_asks_where_the_string_says_that_ec2_is() {
    let ec2 = Ec2::with(&[]).await;
    let facts = golden::named("region-eusc");
    let rendered = golden::tree(&golden::planned(&facts.name, &facts.node()));
    let config: serde_json::Value =
        serde_json::from_slice(&rendered["/etc/consul.d/cos.json"]).unwrap();
    let join = config["retry_join"][0].as_str().unwrap();
    let there = "endpoint=https://ec2.eusc-de-east-1.amazonaws.eu";
    assert!(join.ends_with(there), "{join}");
    let keys = "access_key_id=key secret_access_key=none";
    let here = format!("{} {keys}", join.replace(there, &format!("endpoint={}", ec2.url())));
    let _consul = Consul::start_with(1, json!({ "retry_join": [here] }));
    let until = Instant::now() + SOON;
    loop {
        if let Some(asked) = ec2.asked().first() {
            let [action, tag] = ["Action=DescribeInstances", "tag%3Acos%3Aconsul-server"];
            assert!(asked.contains(action) && asked.contains(tag), "{asked}");
            return;
        }
        assert!(Instant::now() < until, "nobody asked");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
