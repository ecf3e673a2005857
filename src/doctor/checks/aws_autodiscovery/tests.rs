use super::*;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

fn node(role: Role, servers: Option<u8>) -> Identity {
    Identity {
        instance: "i-1".to_owned(),
        cluster: "demo".to_owned(),
        role,
        nomad_datacenter: None,
        servers,
        address: Ipv4Addr::LOCALHOST,
        zone: "eu-central-1a".to_owned(),
        consul_datacenter: None,
        nomad_region: None,
    }
}

fn peer(number: u8, value: &str) -> Peer {
    Peer {
        instance: format!("i-{number}"),
        address: Ipv4Addr::new(10, 0, 0, number),
        vpc: "vpc-1".to_owned(),
        tags: BTreeMap::from([("cos:consul-server".to_owned(), value.to_owned())]),
    }
}

fn servers(consul: &[u8], nomad: &[u8], tagged: Vec<Peer>) -> Servers {
    let of = |numbers: &[u8]| Found {
        peers: numbers.iter().map(|number| peer(*number, "demo")).collect(),
        foreign: Vec::new(),
    };
    let found = BTreeMap::from([(Daemon::Consul, of(consul)), (Daemon::Nomad, of(nomad))]);
    Servers { found, tagged }
}

#[test]
fn one_other_server_is_enough() {
    for (role, expect, consul, nomad, words) in [
        (Role::ConsulServer, Some(3), &[1, 2][..], &[][..], "1 other Consul server"),
        (Role::ConsulServer, Some(1), &[1], &[], "0 other Consul servers"),
        (Role::NomadServer, Some(3), &[4], &[1, 2, 3], "1 Consul server, 2 other Nomad servers"),
        (Role::NomadServer, Some(1), &[4], &[1], "1 Consul server, 0 other Nomad servers"),
        (Role::NomadClient, None, &[2, 3, 4], &[5], "3 Consul servers, 1 Nomad server"),
    ] {
        let found = judge(&servers(consul, nomad, Vec::new()), &node(role, expect));
        assert_eq!(found, Finding::Pass(words.to_owned()));
    }
}

#[test]
fn none_is_a_failure_for_a_client_and_a_wait_for_a_server() {
    let client = node(Role::NomadClient, None);
    let Finding::Fail(none) = judge(&servers(&[], &[5], Vec::new()), &client) else {
        panic!("no Consul server")
    };
    assert_eq!(
        none.found,
        "0 running instances of this VPC have the tag `cos:consul-server` = `demo`"
    );
    assert!(none.hint.text.contains("`cos-agent peers consul-server`"), "{}", none.hint.text);
    let Finding::Fail(none) = judge(&servers(&[2], &[], Vec::new()), &client) else {
        panic!("no Nomad server")
    };
    assert!(none.found.contains("`cos:nomad-server`"), "{}", none.found);
    let first = node(Role::ConsulServer, Some(3));
    assert!(matches!(judge(&servers(&[1], &[], Vec::new()), &first), Finding::Waiting(_)));
    assert!(matches!(judge(&Servers::default(), &client), Finding::Fail(_)));
}

#[test]
fn what_may_have_been_meant_is_named() {
    let evidence = |tagged: Vec<Peer>| {
        let found = judge(&servers(&[], &[], tagged), &node(Role::NomadClient, None));
        found.problem().unwrap().evidence.clone()
    };
    let near = evidence(vec![peer(2, "dmeo"), peer(3, "production")]);
    assert_eq!(near, ["i-2 at 10.0.0.2: `cos:consul-server` = `dmeo`"]);
    let far = evidence(vec![peer(2, "production"), peer(3, "production"), peer(4, "other")]);
    assert_eq!(far, ["other values of `cos:consul-server`: other, production"]);
    assert_eq!(evidence(Vec::new()), Vec::<String>::new());
}

#[test]
fn servers_of_another_vpc_do_not_count() {
    let mut found = servers(&[], &[5], Vec::new());
    found.found.get_mut(&Daemon::Consul).unwrap().foreign.push(peer(9, "demo"));
    let client = node(Role::NomadClient, None);
    let Finding::Fail(foreign) = judge(&found, &client) else { panic!("none here") };
    assert_eq!(foreign.hint.id, "servers-in-another-vpc");
    assert_eq!(foreign.evidence, ["i-9 at 10.0.0.9 is in another VPC, vpc-1"]);
    found.found.get_mut(&Daemon::Consul).unwrap().peers.push(peer(2, "demo"));
    let words = "1 Consul server (1 in another VPC), 1 Nomad server";
    assert_eq!(judge(&found, &client), Finding::Pass(words.to_owned()));
}

#[test]
fn a_denial_names_the_action_and_a_busy_account_is_what_a_node_that_has_not_joined_waits_for() {
    let denied = AwsError::Denied {
        action: "ec2:DescribeInstances".to_owned(),
        code: "UnauthorizedOperation".to_owned(),
        message: "You may not. Encoded authorization failure message: x".to_owned(),
    };
    let Finding::Fail(problem) = refused(&denied, "cos-node", true) else { panic!("denied") };
    assert!(
        problem
            .hint
            .text
            .contains("`ec2:DescribeInstances` on `*` in the policy of the role cos-node")
    );
    assert_eq!(problem.evidence, ["You may not."]);
    let unreachable = |last: &str| AwsError::Unreachable {
        action: "ec2:DescribeInstances".to_owned(),
        url: "https://ec2".to_owned(),
        attempts: 1,
        elapsed: Duration::ZERO,
        last: last.to_owned(),
        answered: true,
    };
    let busy = unreachable("status 503 RequestLimitExceeded");
    assert!(matches!(refused(&busy, "r", true), Finding::Unknown(_)));
    assert!(matches!(refused(&busy, "r", false), Finding::Waiting(_)));
    let expired = refused(&unreachable("status 400 RequestExpired"), "r", false);
    assert_eq!(expired.problem().unwrap().hint.id, "credentials-refused");
    assert!(matches!(expired, Finding::Fail(_)));
}
