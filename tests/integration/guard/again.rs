//! A server that has no answer starts as one that can only join, and asks again.

use super::clock::slow_clock;
use super::{
    CONSUL, Daemon, ExitCode, FORMED, Fault, SERVERS, Store, TestNode, binary, command, forms,
    node, notes, starts,
};
use cos_agent::error::Error;

/// A server that runs, knows nobody, and may restart once no leader was elected for 20 s.
pub(super) async fn alone(role: &str, store: &Store) -> TestNode {
    let node = node(role, store).await;
    node.quorum.knows("", &[]);
    node.quorum.answers(500, "No cluster leader");
    node
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_a_server_starts_and_only_joins_and_no_lets_it_found() {
    tokio::spawn(slow_clock());
    for (role, daemon, parameter) in SERVERS {
        let store = Store::with(&[(parameter, FORMED)]).await;
        let node = alone(role, &store).await;
        store.fails(Fault::Denies("GetParameter"));
        let outcome = node.converge().await;
        assert!(!forms(&node, daemon), "{role}");
        assert!(node.units.take_jobs().contains(&format!("Start {}", daemon.unit())), "{role}");
        let said = notes(&node);
        for words in ["can only join", "cannot verify", "is denied", "tries again"] {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert!(outcome.summary().contains("can only join, because the agent cannot verify"));
        let error = Error::from(outcome.unanswered().unwrap());
        assert_eq!(error.exit_code(), ExitCode::NotYet, "{}", error.report());
        for words in [parameter, "may only join", "is denied", "asks again", "[quorum] guard"] {
            assert!(error.report().contains(words), "{words}: {}", error.report());
        }

        // The daemon makes its Raft directory although it only waits.
        starts(&node, daemon);
        let before = node.tree();
        store.asked();
        for _ in 0..2 {
            let outcome = node.converge().await;
            assert!(outcome.plan.is_empty() && outcome.unanswered().is_some(), "{role}");
            assert_eq!(store.asked(), ["GetParameter"], "{role}: it asks each time");
            assert!(node.tree() == before, "{role}: it writes nothing");
        }

        store.fails(None);
        store.set(parameter, "no");
        let outcome = node.converge().await;
        assert!(forms(&node, daemon) && outcome.unanswered().is_none(), "{role}");
        assert_eq!(notes(&node), "", "{role}");
        assert!(node.units.take_jobs().contains(&format!("Restart {}", daemon.unit())), "{role}");
        store.asked();
        assert!(node.converge().await.plan.is_empty() && store.asked().is_empty(), "{role}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_later_is_kept_like_one_that_came_at_once() {
    tokio::spawn(slow_clock());
    let store = Store::with(&[(CONSUL, FORMED)]).await;
    let node = alone("consul-server", &store).await;
    store.fails(Fault::Refuses(501, ""));
    assert!(node.converge().await.unanswered().is_some());
    starts(&node, Daemon::Consul);
    store.fails(None);
    let outcome = node.converge().await;
    assert!(outcome.unanswered().is_none() && !forms(&node, Daemon::Consul));
    assert!(notes(&node).contains("the cluster had formed"), "{}", notes(&node));
    store.set(CONSUL, "no");
    store.asked();
    node.converge().await;
    assert!(!forms(&node, Daemon::Consul) && store.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_has_joined_needs_no_answer_any_more() {
    tokio::spawn(slow_clock());
    for (role, daemon, parameter) in SERVERS {
        let store = Store::with(&[(parameter, "no")]).await;
        let node = alone(role, &store).await;
        store.fails(Fault::Denies("GetParameter"));
        node.converge().await;
        starts(&node, daemon);
        // A leader that has not taken it, and peers without a leader, are no membership.
        for (leader, peers) in [
            ("10.20.1.12:8300", &["10.20.1.12:8300", "10.20.1.110:8300"][..]),
            ("", &["10.20.1.11:8300"]),
        ] {
            node.quorum.knows(leader, peers);
            assert!(node.converge().await.unanswered().is_some(), "{role} {leader}");
        }
        node.quorum.knows("10.20.1.12:8300", &["10.20.1.12:8300", "10.20.1.11:8300"]);
        let outcome = node.converge().await;
        assert!(outcome.unanswered().is_none() && !forms(&node, daemon), "{role}");
        assert!(!notes(&node).contains("cannot verify"), "{}", notes(&node));
        store.asked();
        let before = node.tree();
        let outcome = node.converge().await;
        assert!(outcome.plan.is_empty() && node.tree() == before, "{role}");
        assert_eq!(store.asked(), Vec::<String>::new(), "{role}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_parameter_is_a_definite_word_and_needs_no_second_question() {
    tokio::spawn(slow_clock());
    for (role, daemon, _) in SERVERS {
        let store = Store::with(&[]).await;
        let node = alone(role, &store).await;
        let outcome = node.converge().await;
        assert!(forms(&node, daemon) && outcome.unanswered().is_none(), "{role}");
        assert_eq!((store.asked(), notes(&node)), (vec!["GetParameter".to_owned()], String::new()));
    }
}

#[tokio::test]
async fn apply_does_all_of_its_work_and_ends_with_75() {
    let store = Store::with(&[(CONSUL, FORMED)]).await;
    let node = node("consul-server", &store).await;
    store.fails(Fault::Denies("GetParameter"));
    let root = node.root().display().to_string();
    let args = ["apply", "--root", &root, "-o", "json"];
    for change in [true, false] {
        let ran = command(&node, &store, &args).await;
        assert_eq!(ran.code, Some(75), "{}", ran.stderr);
        let value = binary::json(&ran.stdout);
        assert_eq!(value["state"], "applied");
        assert_eq!(!value["changes"].as_array().unwrap().is_empty(), change, "{value:#}");
        assert!(ran.stderr.contains("this server may only join"), "{}", ran.stderr);
        assert!(!forms(&node, Daemon::Consul));
    }
    store.fails(None);
    let ran = command(&node, &store, &args).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[tokio::test]
async fn a_site_without_a_parameter_store_says_so_and_nobody_is_asked() {
    for (role, daemon, parameter) in SERVERS {
        let store = Store::with(&[(parameter, FORMED)]).await;
        let node = node(role, &store).await;
        // What was found before counts no more.
        node.converge().await;
        starts(&node, daemon);
        store.asked();
        for _ in 0..2 {
            node.set("quorum", "guard", "off");
            node.converge().await;
            assert!(forms(&node, daemon) && store.asked().is_empty(), "{role}");
            assert!(notes(&node).contains("the quorum guard is off"), "{}", notes(&node));
            let before = node.tree();
            node.converge().await;
            assert!(node.tree() == before, "{role}");
            std::fs::remove_dir_all(node.path(daemon.data())).unwrap();
        }
        node.set("quorum", "guard", "on");
        node.converge().await;
        assert!(!forms(&node, daemon), "{role}");
        assert_eq!(store.asked(), ["GetParameter"]);
    }
    // Of other nodes there is nothing to say.
    let store = Store::with(&[]).await;
    let client = node("nomad-client", &store).await;
    client.set("quorum", "guard", "off");
    client.converge().await;
    assert_eq!(notes(&client), "");
}
