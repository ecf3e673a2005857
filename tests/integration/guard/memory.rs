//! What was found, and for how long it counts.

use super::{
    CONSUL, Change, Daemon, FORMED, Fault, PATIENCE, SERVERS, Store, TestNode, UnrecordedData,
    apply, forms, instance, node, notes, starts,
};
use cos_agent::store;

const MANIFEST: &str = store::MANIFEST.path;
const FACTS: &str = store::FACTS.path;
const FORMATION: &str = store::FORMATION.path;

#[tokio::test]
async fn what_was_found_stays_for_as_long_as_the_data() {
    for (role, daemon, parameter) in SERVERS {
        let store = Store::with(&[(parameter, FORMED)]).await;
        let node = node(role, &store).await;
        node.converge().await;
        starts(&node, daemon);
        store.set(parameter, "no");
        store.asked();
        let before = node.tree();
        let outcome = node.converge().await;
        assert!(outcome.plan.is_empty() && node.tree() == before, "{}", outcome.plan.summary());
        assert!(!forms(&node, daemon) && store.asked().is_empty(), "{role}");
        assert!(notes(&node).contains("can only join"), "{role}");

        // Without the data the question is open again.
        std::fs::remove_dir_all(node.path(daemon.data())).unwrap();
        node.converge().await;
        assert!(forms(&node, daemon), "{role}");
        assert_eq!(store.asked(), ["GetParameter"]);
    }
}

#[tokio::test]
async fn what_was_found_outlives_a_manifest_that_is_lost_or_broken() {
    for (role, daemon, parameter) in SERVERS {
        for broken in [None, Some("{"), Some(r#"{"schema": "cos-agent/manifest/9"}"#)] {
            let store = Store::with(&[(parameter, FORMED)]).await;
            let node = node(role, &store).await;
            node.converge().await;
            starts(&node, daemon);
            store.asked();
            match broken {
                Some(text) => node.write(MANIFEST, text),
                None => std::fs::remove_file(node.path(MANIFEST)).unwrap(),
            }
            node.converge().await;
            assert!(!forms(&node, daemon) && store.asked().is_empty(), "{role} {broken:?}");
            assert!(notes(&node).contains("can only join"), "{role} {broken:?}");
            let before = node.tree();
            node.converge().await;
            assert_eq!(node.tree(), before, "{role} {broken:?}");

            // What is forgotten on purpose stays forgotten.
            apply::reset_formation(&node.system(true)).unwrap();
            node.converge().await;
            assert!(forms(&node, daemon), "{role} {broken:?}");
            std::fs::remove_file(node.path(MANIFEST)).unwrap();
            node.converge().await;
            assert!(forms(&node, daemon), "{role} {broken:?}");
        }
    }
}

/// What a disk that lost or broke some of its records still has.
fn break_records(node: &TestNode, records: &[&str], how: &str) {
    for record in records {
        let path = node.path(record);
        if how == "lost" {
            let _ = std::fs::remove_file(path);
        } else if path.exists() {
            node.write(record, how);
        }
    }
}

#[tokio::test]
async fn the_formation_record_is_believed_by_itself() {
    for (role, daemon, parameter) in SERVERS {
        for how in ["lost", "", "{", "[]", "\0\0\0\0"] {
            let store = Store::with(&[(parameter, FORMED)]).await;
            let node = node(role, &store).await;
            node.converge().await;
            starts(&node, daemon);
            store.asked();
            break_records(&node, &[MANIFEST, FACTS], how);
            let outcome = node.converge().await;
            assert!(!forms(&node, daemon) && store.asked().is_empty(), "{role} {how:?}");
            assert!(outcome.unanswered().is_none(), "{role} {how:?}");
            let kept = |change: &Change| !matches!(change, Change::MoveAside { .. });
            assert!(outcome.plan.changes().all(kept), "{role} {how:?}");
            // Without data the answer counts, and where there is none, what is on record.
            std::fs::remove_dir_all(node.path(daemon.data())).unwrap();
            break_records(&node, &[MANIFEST, FACTS], how);
            store.fails(Fault::Denies("GetParameter"));
            node.converge().await;
            assert!(!forms(&node, daemon), "{role} {how:?}");
        }
    }
}

#[tokio::test]
async fn a_formation_record_that_is_broken_with_its_copy_is_asked_for_again() {
    for (role, daemon, parameter) in SERVERS {
        for how in ["", "{", "[]", r#"{"schema": "cos-agent/manifest/9"}"#] {
            let store = Store::with(&[(parameter, FORMED)]).await;
            let node = node(role, &store).await;
            node.converge().await;
            node.quorum.knows("", &[]);
            starts(&node, daemon);
            // The manifest has a copy.
            node.write(FORMATION, how);
            let outcome = node.converge().await;
            assert!(!forms(&node, daemon) && outcome.unanswered().is_none(), "{role} {how:?}");

            break_records(&node, &[MANIFEST, FORMATION], how);
            store.asked();
            store.fails(Fault::Denies("GetParameter"));
            let outcome = node.converge().await;
            assert_eq!(store.asked(), ["GetParameter"], "{role} {how:?}");
            assert!(!forms(&node, daemon) && outcome.unanswered().is_some(), "{role} {how:?}");
            store.fails(None);
            let outcome = node.converge().await;
            assert!(!forms(&node, daemon) && outcome.unanswered().is_none(), "{role} {how:?}");
        }
    }
}

#[tokio::test]
async fn a_server_with_data_is_rendered_as_usual_and_asks_nobody() {
    for (role, daemon, parameter) in SERVERS {
        let store = Store::with(&[(parameter, "no")]).await;
        let node = node(role, &store).await;
        node.converge().await;
        starts(&node, daemon);
        store.set(parameter, FORMED);
        store.asked();
        assert!(node.converge().await.plan.is_empty(), "{role}");
        assert!(forms(&node, daemon) && store.asked().is_empty(), "{role}");
    }
}

#[tokio::test]
async fn what_is_no_raft_log_is_no_data() {
    for (role, daemon, parameter) in SERVERS {
        let store = Store::with(&[(parameter, FORMED)]).await;
        let node = node(role, &store).await;
        node.write(&format!("{}/lost+found/x", daemon.data()), "");
        node.converge().await;
        assert!(!forms(&node, daemon), "{role}");
    }
}

#[tokio::test]
async fn data_that_goes_aside_is_no_data() {
    let store = Store::with(&[(CONSUL, "no")]).await;
    let node = node("consul-server", &store).await;
    node.converge().await;
    starts(&node, Daemon::Consul);
    store.set(CONSUL, FORMED);
    node.service.change(|found| found.id = "i-0aaaaaaaaaaaaaaaa".to_owned());
    let outcome = node.converge().await;
    let moved = |change: &Change| matches!(change, Change::MoveAside { .. });
    assert!(outcome.plan.changes().any(moved) && !forms(&node, Daemon::Consul));

    // What was found for another instance, in an image baked from it, says nothing of this one.
    node.service.change(|found| found.id = "i-0bbbbbbbbbbbbbbbb".to_owned());
    store.fails(Fault::Denies("GetParameter"));
    let outcome = node.converge().await;
    assert!(outcome.granted.formation.unanswered.is_some() && !notes(&node).contains("had formed"));

    // Data that was given up, and data that was adopted.
    for (choice, expected) in [(UnrecordedData::Discard, false), (UnrecordedData::Adopt, true)] {
        let store = Store::with(&[(CONSUL, FORMED)]).await;
        let node = super::node("consul-server", &store).await;
        starts(&node, Daemon::Consul);
        node.try_converge(PATIENCE, choice).await.unwrap().expect("not frozen");
        assert_eq!(forms(&node, Daemon::Consul), expected, "{choice:?}");
    }
}

#[tokio::test]
async fn what_is_known_already_is_told_otherwise_by_no_alone() {
    let store = Store::with(&[(CONSUL, FORMED)]).await;
    let node = node("consul-server", &store).await;
    node.converge().await;
    let not_found = Fault::Refuses(400, r#"{"__type":"ParameterNotFound"}"#);
    for fault in [Fault::Denies("GetParameter"), Fault::Refuses(501, ""), not_found] {
        store.fails(fault);
        let outcome = node.converge().await;
        assert!(!forms(&node, Daemon::Consul), "{fault:?}");
        // It has its answer, so the run is no failure.
        assert!(outcome.unanswered().is_none() && outcome.plan.is_empty(), "{fault:?}");
        assert!(notes(&node).contains("the cluster had formed"), "{fault:?}: {}", notes(&node));
    }
    store.fails(None);
    store.set(CONSUL, "no");
    node.converge().await;
    assert!(forms(&node, Daemon::Consul));
}

#[tokio::test]
async fn a_server_of_another_role_starts_with_a_question_of_its_own() {
    let store = Store::with(&[(CONSUL, FORMED), ("/cos/demo/formed/nomad", "no")]).await;
    let node = node("consul-server", &store).await;
    node.converge().await;
    assert!(!forms(&node, Daemon::Consul));
    node.service.change(|found| found.tags = instance("nomad-server", None).tags);
    node.converge().await;
    assert!(forms(&node, Daemon::Nomad) && !node.read("/etc/consul.d/cos.json").contains("expect"));
}
