//! What others do with units is respected: a start that somebody has asked for, and a mask.

use crate::support::node;
use cos_agent::state::{Action, DNS_LINK, DOCKER, Daemon, READY, UnitState, WATCH};
use node::TestNode;
use std::path::Path;

const CONSUL: &str = "consul.service";
const NOMAD: &str = "nomad.service";

fn of_unit(jobs: &[String], unit: &str) -> Vec<String> {
    jobs.iter().filter(|job| job.ends_with(&format!(" {unit}"))).cloned().collect()
}

#[tokio::test]
async fn a_daemon_that_waits_for_its_start_is_neither_restarted_nor_asked_for_its_quorum() {
    for (role, unit) in
        [("consul-server", CONSUL), ("nomad-server", NOMAD), ("nomad-client", NOMAD)]
    {
        let node = TestNode::new(role).await;
        node.units.set(unit, UnitState::Queued);
        // It answers when it has started, and that is after the run.
        node.quorum.answers(500, "nobody");
        let outcome = node.converge().await;
        assert_eq!(of_unit(&node.units.take_jobs(), unit), [""; 0], "{role}");
        assert_eq!(node.quorum.asked(), 0, "{role}");
        assert!(node.manifest().pending.is_empty(), "{role}: {}", outcome.plan.summary());
        node.units.set(unit, UnitState::Up);
        assert!(node.converge().await.plan.is_empty(), "{role}");
        // The same with a restart that was due before.
        node.units.set(unit, UnitState::Queued);
        let mut manifest = node.manifest();
        manifest.pending.push(Action::restart(Daemon::Nomad));
        manifest.pending.push(Action::restart(Daemon::Consul));
        node.save_manifest(&manifest);
        node.units.take_jobs();
        node.quorum.says(&[("i-0b", true), ("i-0c", true)]);
        node.converge().await;
        assert_eq!(of_unit(&node.units.take_jobs(), unit), [""; 0], "{role}");
    }
}

#[tokio::test]
async fn a_daemon_that_starts_while_its_file_is_written_restarts_and_asks() {
    for state in [UnitState::Queued, UnitState::Down] {
        let node = TestNode::new("consul-server").await;
        node.units.set(CONSUL, state);
        node.units.set_after_a_look(CONSUL, UnitState::Up);
        node.converge().await;
        assert_eq!(of_unit(&node.units.take_jobs(), CONSUL), [format!("Restart {CONSUL}")]);
        assert_eq!(node.quorum.asked(), 2);
    }
}

#[tokio::test]
async fn a_queued_start_of_another_role_is_taken_back() {
    let node = TestNode::new("nomad-client").await;
    node.converge().await;
    node.become_role("consul-server");
    node.units.set(NOMAD, UnitState::Queued);
    node.units.set(DNS_LINK, UnitState::Queued);
    node.units.take_jobs();
    node.converge().await;
    assert_eq!(of_unit(&node.units.take_jobs(), NOMAD), [format!("Stop {NOMAD}")]);
}

#[tokio::test]
async fn units_that_wait_for_their_start_get_no_second_one() {
    let node = TestNode::new("nomad-client").await;
    node.converge().await;
    node.units.take_jobs();
    for unit in [CONSUL, NOMAD, DNS_LINK, DOCKER, READY, WATCH] {
        node.units.set(unit, UnitState::Queued);
    }
    assert!(node.converge().await.plan.is_empty());
    assert!(node.units.take_jobs().is_empty());
}

#[tokio::test]
async fn a_masked_unit_is_left_alone_and_named() {
    for unit in [CONSUL, NOMAD, DNS_LINK, DOCKER, READY, WATCH] {
        let node = TestNode::new("nomad-client").await;
        node.units.set(unit, UnitState::Masked);
        for round in ["first", "second"] {
            node.converge().await;
            assert_eq!(of_unit(&node.units.take_jobs(), unit), [""; 0], "{unit}, {round} run");
            let unmask = format!("`systemctl unmask {unit}`");
            assert!(node.notes().contains(&unmask), "{unit}, {round} run: {}", node.notes());
        }
        let plan = node.converge().await.plan;
        assert!(plan.is_empty(), "{unit}");
        assert_eq!(plan.summary(), format!("! leave {unit} alone (masked)\n"));
        node.units.set(unit, UnitState::Down);
        node.converge().await;
        assert_eq!(of_unit(&node.units.take_jobs(), unit).len(), 1, "{unit}: unmasked");
        assert_eq!(node.notes(), "", "{unit}");
    }
}

#[tokio::test]
async fn a_restart_that_is_due_outlasts_a_mask() {
    for restarted_by_hand in [false, true] {
        let node = TestNode::new("nomad-client").await;
        node.converge().await;
        node.units.set(NOMAD, UnitState::Masked);
        node.set("nomad", "region", "emea");
        node.converge().await;
        assert_eq!(node.manifest().pending, [Action::restart(Daemon::Nomad)]);
        node.units.take_jobs();
        if restarted_by_hand {
            node.units.start(NOMAD);
        } else {
            node.units.set(NOMAD, UnitState::Up);
        }
        node.converge().await;
        let jobs = of_unit(&node.units.take_jobs(), NOMAD);
        assert_eq!(jobs.is_empty(), restarted_by_hand, "{jobs:?}");
        assert!(node.manifest().pending.is_empty() && node.manifest().since.is_empty());
    }
}

/// A mask is a link to /dev/null where our unit would be (systemctl(1), `mask`).
#[tokio::test]
async fn the_link_of_a_mask_stays() {
    let path = "/etc/systemd/system/nomad.service";
    let is_mask = |node: &TestNode| {
        std::fs::read_link(node.path(path)).is_ok_and(|target| target == Path::new("/dev/null"))
    };
    for before in [true, false] {
        let node = TestNode::new("nomad-client").await;
        if before {
            node.converge().await;
            std::fs::remove_file(node.path(path)).unwrap();
        }
        std::fs::create_dir_all(node.path(path).parent().unwrap()).unwrap();
        std::os::unix::fs::symlink("/dev/null", node.path(path)).unwrap();
        node.units.set(NOMAD, UnitState::Masked);
        node.converge().await;
        assert!(is_mask(&node), "{before}");
        node.become_role("consul-server");
        node.converge().await;
        assert!(is_mask(&node), "{before}: another role");
        node.become_role("nomad-client");
        node.converge().await;
        std::fs::remove_file(node.path(path)).unwrap();
        node.units.set(NOMAD, UnitState::Down);
        node.units.take_jobs();
        node.converge().await;
        assert!(node.read(path).contains("ExecStart=/usr/bin/nomad"), "{before}: unmasked");
        assert_eq!(of_unit(&node.units.take_jobs(), NOMAD), [format!("Start {NOMAD}")]);
    }
}

#[tokio::test]
async fn a_restart_that_somebody_has_done_by_hand_is_not_done_once_more() {
    let node = TestNode::new("consul-server").await;
    node.converge().await;
    node.set("consul", "datacenter", "emea");
    node.quorum.says(&[("i-0123456789abcdef0", true), ("i-0b", true)]);
    node.refused(node::PATIENCE).await;
    assert_eq!(node.manifest().pending, [Action::restart(Daemon::Consul)]);
    node.units.take_jobs();
    node.units.start(CONSUL);
    node.converge().await;
    assert!(node.units.take_jobs().is_empty());
    assert!(node.converge().await.plan.is_empty());
}

#[tokio::test]
async fn a_restart_that_was_due_before_this_boot_is_done() {
    let node = TestNode::new("consul-server").await;
    node.converge().await;
    node.set("consul", "datacenter", "emea");
    node.quorum.says(&[("i-0123456789abcdef0", true), ("i-0b", true)]);
    node.refused(node::PATIENCE).await;
    let mut manifest = node.manifest();
    manifest.since.get_mut(CONSUL).unwrap().boot = "of before".to_owned();
    node.save_manifest(&manifest);
    node.units.take_jobs();
    node.converge().await;
    assert!(node.units.take_jobs().is_empty());
}
