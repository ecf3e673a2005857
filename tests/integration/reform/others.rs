//! A cluster lives where any of its servers has a leader, also if the one that is asked has lost sight of it.

use super::clock::slow_clock;
use super::ec2::Ec2;
use super::{
    CONSUL, Daemon, FORMED, SERVERS, Store, TestNode, Unanswered, command, forms, must_be_lost,
    run, server,
};
use cos_agent::error::Error;
use cos_agent::exit::ExitCode;
use cos_agent::membership::quorum::GuardError;
use std::net::Ipv4Addr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Other servers, each at the port that this one has too.
const FIRST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const SECOND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
/// An address that nobody listens at.
const NOBODY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 4);

/// A server without data, whose agent knows nobody.
async fn fresh(role: &str, store: &Store, ec2: &Ec2) -> TestNode {
    let node = server(role, store, ec2).await;
    node.converge().await;
    node.quorum.knows("", &[]);
    node
}

async fn refused(node: &TestNode, daemon: Daemon, unanswered: Unanswered) -> Error {
    Error::from(must_be_lost(node, daemon, unanswered).await.unwrap_err())
}

#[tokio::test]
async fn a_leader_that_another_server_knows_is_one() {
    for (role, daemon, parameter) in SERVERS {
        let store = Store::with(&[(parameter, FORMED)]).await;
        let own = ("i-0123456789abcdef0", [10, 20, 1, 11].into(), Some("3"));
        let ec2 = Ec2::with(&[own, ("i-0a", FIRST, None), ("i-0b", SECOND, None)]).await;
        let node = fresh(role, &store, &ec2).await;
        let (first, second) = (node.quorum.beside(FIRST).await, node.quorum.beside(SECOND).await);
        first.knows("", &[]);
        second.knows("10.20.1.13:8300", &["10.20.1.13:8300"]);
        for unanswered in [Unanswered::Refuse, Unanswered::AssumeLost] {
            let error = refused(&node, daemon, unanswered).await;
            assert_eq!(error.exit_code(), ExitCode::NotYet, "{}", error.report());
            let words =
                "the cluster has a leader, 10.20.1.13:8300 (according to i-0b at 127.0.0.3)";
            assert!(error.report().contains(words), "{}", error.report());
        }
        let asked = ec2.asked().concat();
        assert!(asked.contains(&format!("tag%3Acos%3A{role}")), "{asked}");
        second.knows("", &["10.20.1.13:8300"]);
        let assumed = must_be_lost(&node, daemon, Unanswered::Refuse).await.unwrap();
        assert_eq!(assumed, Vec::<String>::new(), "{role}");
        // An agent that is stopped may hold all of the data, and lead as soon as it starts.
        ec2.lists(&[own, ("i-0a", FIRST, None), ("i-0b", SECOND, None), ("i-0c", NOBODY, None)]);
        let error = refused(&node, daemon, Unanswered::Refuse).await;
        assert!(error.report().contains("i-0c at 127.0.0.4"), "{}", error.report());
        let assumed = must_be_lost(&node, daemon, Unanswered::AssumeLost).await.unwrap();
        assert!(assumed.len() == 1 && assumed[0].starts_with("cannot ask i-0c"), "{assumed:?}");
    }
}

/// A server that answers every question like this; with nothing, where there is no answer.
async fn answers(address: Ipv4Addr, port: u16, answer: Option<&'static str>) {
    let listener = TcpListener::bind((address, port)).await.unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            if let Some(answer) = answer {
                let mut request = [0_u8; 4096];
                let length = stream.read(&mut request).await.unwrap_or(0);
                let is_expected =
                    request[..length].starts_with(b"GET /v1/status/leader?stale HTTP/1.1");
                // A code that no case of a test expects.
                let other = "HTTP/1.1 599 x\r\ncontent-length: 16\r\n\r\nanother question";
                let answer = if is_expected { answer } else { other };
                let _ = stream.write_all(answer.as_bytes()).await;
            } else {
                open.push(stream);
            }
        }
    });
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_say_whether_it_has_a_leader_may_have_one() {
    tokio::spawn(slow_clock());
    for (number, answer, words) in [
        (0, None, "has not answered"),
        (1, Some("HTTP/1.1 403 x\r\ncontent-length: 6\r\n\r\ndenied"), "answered 403: denied"),
        (2, Some("HTTP/1.1 200 x\r\ncontent-length: 4\r\n\r\nnull"), "expected an address"),
        (
            3,
            Some("HTTP/1.1 200 x\r\ncontent-length: 6\r\n\r\n<html>"),
            "not what the API documents",
        ),
        (4, Some("HTTP/1.1 500 x\r\ncontent-length: 5\r\n\r\npanic"), "answered 500: panic"),
        (5, Some("x"), "cannot reach"),
    ] {
        let store = Store::with(&[(CONSUL, FORMED)]).await;
        let address = Ipv4Addr::new(127, 0, 1, number + 1);
        let ec2 = Ec2::with(&[("i-0a", address, None)]).await;
        let node = fresh("consul-server", &store, &ec2).await;
        answers(address, node.quorum.port(Daemon::Consul), answer).await;
        let error = refused(&node, Daemon::Consul, Unanswered::Refuse).await;
        assert_eq!(error.exit_code(), ExitCode::NotYet, "{}", error.report());
        let server = format!("cannot ask i-0a at {address} for its leader");
        for words in [server.as_str(), words, "nothing was changed", "--assume-lost"] {
            assert!(error.report().contains(words), "{words}: {}", error.report());
        }
        let said = must_be_lost(&node, Daemon::Consul, Unanswered::AssumeLost).await.unwrap();
        assert!(said.len() == 1 && said[0].starts_with(&server), "{said:?}");
    }
}

#[tokio::test]
async fn a_server_without_a_leader_says_so_in_either_way() {
    let no_leader = "HTTP/1.1 500 x\r\ncontent-length: 17\r\n\r\nNo cluster leader";
    let store = Store::with(&[(CONSUL, FORMED)]).await;
    let address = Ipv4Addr::new(127, 0, 1, 20);
    let ec2 = Ec2::with(&[("i-0a", address, None)]).await;
    let node = fresh("consul-server", &store, &ec2).await;
    answers(address, node.quorum.port(Daemon::Consul), Some(no_leader)).await;
    assert!(must_be_lost(&node, Daemon::Consul, Unanswered::Refuse).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_ec2_that_does_not_list_the_others_is_no_permission() {
    tokio::spawn(slow_clock());
    for (refusal, code) in [
        ((403, "UnauthorizedOperation"), ExitCode::Denied),
        ((503, "RequestLimitExceeded"), ExitCode::Unavailable),
        ((400, "InvalidParameterValue"), ExitCode::Unavailable),
    ] {
        let store = Store::with(&[(CONSUL, FORMED)]).await;
        let ec2 = Ec2::with(&[]).await;
        let node = fresh("consul-server", &store, &ec2).await;
        ec2.refuses(refusal);
        let error = refused(&node, Daemon::Consul, Unanswered::Refuse).await;
        assert!(matches!(error, Error::Guard(GuardError::NotListed { .. })));
        assert_eq!(error.exit_code(), code, "{}", error.report());
        for words in ["other consul servers", refusal.1, "nothing was changed", "--assume-lost"] {
            assert!(error.report().contains(words), "{words}: {}", error.report());
        }
        let said = must_be_lost(&node, Daemon::Consul, Unanswered::AssumeLost).await.unwrap();
        assert!(said.concat().starts_with("EC2 did not list the other servers: "), "{said:?}");
    }
}

#[tokio::test]
async fn the_operator_vouches_for_what_nobody_tells() {
    let store = Store::with(&[(CONSUL, FORMED)]).await;
    let ec2 = Ec2::with(&[]).await;
    let node = fresh("consul-server", &store, &ec2).await;
    ec2.refuses((403, "UnauthorizedOperation"));
    let refused = run(command(&node, &store, "reform consul --yes")).await;
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(77), ""), "{}", refused.stderr);
    assert_eq!(store.value(CONSUL).as_deref(), Some(FORMED), "nothing was changed");
    assert!(!forms(&node, Daemon::Consul));

    let done = run(command(&node, &store, "reform consul --yes --assume-lost")).await;
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let words = "Warning: EC2 did not list the other servers: ec2:DescribeInstances";
    assert!(done.stderr.contains(words), "{}", done.stderr);
    assert_eq!(store.value(CONSUL).as_deref(), Some("no"));
    assert!(forms(&node, Daemon::Consul));
}
