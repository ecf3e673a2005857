//! Where the quorum guard is off, nobody reads the parameter, and nobody writes it.

use super::{Daemon, Ec2, Founding, SERVERS, Store, command, run, server};

#[tokio::test]
async fn without_the_guard_the_parameter_store_is_left_alone() {
    for (role, daemon, _) in SERVERS {
        let store = Store::with(&[]).await;
        let ec2 = Ec2::with(&[]).await;
        let node = server(role, &store, &ec2).await;
        node.set("quorum", "guard", "off");
        node.converge().await;
        let mut founding = Founding::new(daemon, "i-0123456789abcdef0");
        founding.record(&node.system(true)).await;
        assert_eq!(founding.problem, None, "{role}");
        assert!(!node.has("/var/lib/cos-agent/formed.json"), "{role}: nothing is on record");
        if daemon == Daemon::Consul {
            let done = run(command(&node, &store, "reform consul --yes")).await;
            assert_eq!(done.code, Some(0), "{}", done.stderr);
            assert!(done.stdout.contains("the quorum guard is off, so /cos/demo/formed/consul"));
        }
        assert_eq!(store.asked(), Vec::<String>::new(), "{role}");
    }
}
