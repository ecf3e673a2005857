//! A server that founds its cluster alone is one that nobody else is beside.

use super::again::alone;
use super::ec2::Ec2;
use super::{CONSUL, Daemon, ExitCode, FORMED, PATIENCE, SERVERS, Store, TestNode, forms, starts};
use cos_agent::error::Error;
use cos_agent::membership::quorum::GuardError;
use cos_agent::system::aws;

/// A server that is tagged to be the only one, and the EC2 that it asks.
async fn single(role: &str, store: &Store, ec2: &Ec2) -> TestNode {
    let mut node = alone(role, store).await;
    node.environment.aws_endpoints.insert(aws::Service::Ec2, ec2.url());
    node.service.change(|found| drop(found.tags.insert("cos:servers".to_owned(), "1".to_owned())));
    node
}

#[tokio::test]
async fn a_server_that_would_found_alone_compares_the_tags_of_the_others() {
    let own = ("i-0123456789abcdef0", [10, 20, 1, 11].into(), Some("1"));
    let same = ("i-0a", [10, 20, 1, 12].into(), Some("1"));
    let untagged = ("i-0b", [10, 20, 1, 13].into(), None);
    let three = ("i-0c", [10, 20, 1, 14].into(), Some("3"));
    for (role, daemon, parameter) in SERVERS {
        let ec2 = Ec2::with(&[own, same, untagged, three]).await;
        let store = Store::with(&[(parameter, "no")]).await;
        let node = single(role, &store, &ec2).await;
        let error = node.refused(PATIENCE).await;
        assert_eq!(error.exit_code(), ExitCode::Data, "{}", error.report());
        assert!(matches!(error, Error::Guard(GuardError::ServersDiffer { .. })));
        let words =
            ["`cos:servers` is `1` on this server", "i-0c at 10.20.1.14 has `3`", "create-tags"];
        for words in words {
            assert!(error.report().contains(words), "{words}: {}", error.report());
        }
        let said = ec2.asked().concat();
        assert!(said.contains(&format!("tag%3Acos%3A{role}")), "{said}");
        assert!(!node.has(daemon.file()) && node.units.take_jobs().is_empty(), "{role}");

        // With the guard off, too.
        node.set("quorum", "guard", "off");
        assert_eq!(node.refused(PATIENCE).await.exit_code(), ExitCode::Data);
        node.set("quorum", "guard", "on");
        // Nothing is compared where it founds nothing.
        store.set(parameter, FORMED);
        ec2.asked();
        node.converge().await;
        assert!(ec2.asked().is_empty(), "{role}");

        // The tag of the others was the wrong one.
        store.set(parameter, "no");
        ec2.lists(&[own, same, untagged]);
        node.converge().await;
        assert!(node.read(daemon.file()).contains(r#""bootstrap_expect": 1"#), "{role}");
        starts(&node, daemon);
        ec2.asked();
        node.converge().await;
        assert!(ec2.asked().is_empty(), "{role}: once");
    }
}

#[tokio::test]
async fn a_server_that_founds_alone_goes_on_where_ec2_refuses_to_tell() {
    let ec2 = Ec2::with(&[]).await;
    ec2.refuses((403, "UnauthorizedOperation"));
    let store = Store::with(&[(CONSUL, "no")]).await;
    let node = single("consul-server", &store, &ec2).await;
    node.converge().await;
    assert!(node.read("/etc/consul.d/cos.json").contains(r#""bootstrap_expect": 1"#));
    assert_eq!(ec2.asked().len(), 1);
}

#[tokio::test]
async fn a_server_that_founds_with_others_asks_no_ec2() {
    let ec2 = Ec2::with(&[("i-0c", [10, 20, 1, 14].into(), Some("5"))]).await;
    let store = Store::with(&[(CONSUL, "no")]).await;
    let mut node = alone("consul-server", &store).await;
    node.environment.aws_endpoints.insert(aws::Service::Ec2, ec2.url());
    node.converge().await;
    assert!(forms(&node, Daemon::Consul) && ec2.asked().is_empty());
}
