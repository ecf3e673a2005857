//! docker starts before Nomad, and restarts only where that can end no task; what is left to a person is not forgotten.

use crate::support::node;
use cos_agent::state::{Action, DOCKER, UnitState, Verb};
use node::TestNode;
use std::cell::Cell;

const NOMAD: &str = "nomad.service";
const RESTART: &str = "Restart docker.service";
const START: &str = "Start docker.service";
/// `docker ps` where nothing runs, and where something does.
const NOTHING: &str = "#!/bin/sh\n[ \"$*\" = 'ps --quiet' ]\n";
const SOMETHING: &str = "#!/bin/sh\necho 3f4e1ab7d8c0\n";

/// A client on which docker runs, and for which its `daemon.json` is new.
async fn client(docker: Option<&str>, nomad: UnitState) -> TestNode {
    let node = TestNode::new("nomad-client").await;
    if let Some(script) = docker {
        node.install("/usr/bin/docker", script);
    }
    node.units.set(DOCKER, UnitState::Up);
    node.units.set(NOMAD, nomad);
    node
}

fn restarts(node: &TestNode) -> bool {
    node.units.take_jobs().contains(&RESTART.to_owned())
}

#[tokio::test]
async fn docker_starts_before_nomad_on_clients_alone_and_only_where_it_is_installed() {
    for (role, state, starts) in [
        ("nomad-client", UnitState::Down, true),
        ("nomad-client", UnitState::Up, false),
        ("nomad-client", UnitState::Queued, false),
        ("nomad-client", UnitState::Unknown, false),
        ("nomad-server", UnitState::Down, false),
        ("consul-server", UnitState::Down, false),
    ] {
        let node = TestNode::new(role).await;
        node.units.set(DOCKER, state);
        node.converge().await;
        let jobs = node.units.take_jobs();
        let at = |job: &str| jobs.iter().position(|other| other == job);
        assert_eq!(at(START).is_some(), starts, "{role} {state:?}: {jobs:?}");
        assert!(!starts || at(START) < at("Start nomad.service"), "{jobs:?}");
        assert!(!jobs.contains(&"Enable docker.service".to_owned()), "{jobs:?}");
    }
}

#[tokio::test]
async fn docker_restarts_only_when_nothing_runs_and_nothing_can_start() {
    let fails = "#!/bin/sh\necho 'client version 1.47 is too new' >&2\nexit 1\n";
    let killed = "#!/bin/sh\nkill -9 $$\n";
    for (docker, nomad, client_is, wanted) in [
        (Some(NOTHING), UnitState::Down, "eligible", true),
        (Some(NOTHING), UnitState::Queued, "eligible", true),
        (Some(NOTHING), UnitState::Unknown, "eligible", true),
        (Some(NOTHING), UnitState::Up, "ineligible", true),
        (Some(NOTHING), UnitState::Up, "eligible", false),
        (Some(NOTHING), UnitState::Up, "hidden", false),
        (Some(NOTHING), UnitState::Up, "forgotten", false),
        (Some(NOTHING), UnitState::Masked, "eligible", false),
        (Some(SOMETHING), UnitState::Down, "eligible", false),
        (Some(SOMETHING), UnitState::Up, "ineligible", false),
        (Some(fails), UnitState::Down, "eligible", false),
        (Some(killed), UnitState::Down, "eligible", false),
        (None, UnitState::Down, "eligible", false),
    ] {
        let case = format!("{docker:?} {nomad:?} {client_is}");
        let node = client(docker, nomad).await;
        match client_is {
            "hidden" => node.quorum.hides_the_client(403, "Permission denied"),
            "forgotten" => node.quorum.hides_the_client(404, ""),
            eligibility => node.quorum.client_is(eligibility),
        }
        node.converge().await;
        assert_eq!(restarts(&node), wanted, "{case}");
        let pending = node.manifest().pending;
        assert_eq!(
            pending.contains(&Action::unit(Verb::TryRestart, DOCKER)),
            !wanted,
            "{case}: {pending:?}"
        );
        let notes = node.notes();
        assert_eq!(
            notes.contains("`systemctl restart docker.service`"),
            !wanted,
            "{case}: {notes}"
        );
    }
}

#[tokio::test]
async fn a_restart_that_is_left_to_a_person_is_looked_at_by_every_run() {
    let node = client(Some(SOMETHING), UnitState::Down).await;
    for _ in 0..3 {
        node.converge().await;
        let notes = node.notes();
        assert!(!restarts(&node) && notes.contains("docker.service must restart"), "{notes}");
        assert_eq!(node.manifest().pending, [Action::unit(Verb::TryRestart, DOCKER)]);
    }
    node.quorum.client_is("ineligible");
    node.install("/usr/bin/docker", NOTHING);
    node.converge().await;
    assert!(restarts(&node));
    assert_eq!(node.notes(), "");
    assert!(node.converge().await.plan.is_empty());
}

#[tokio::test]
async fn a_restart_that_a_person_or_a_boot_has_done_is_done() {
    for by in ["a person", "a boot", "a stop", "a queued start"] {
        let node = client(Some(SOMETHING), UnitState::Down).await;
        node.converge().await;
        assert_eq!(node.manifest().pending, [Action::unit(Verb::TryRestart, DOCKER)]);
        node.units.take_jobs();
        match by {
            "a person" => node.units.start(DOCKER),
            "a stop" => node.units.set(DOCKER, UnitState::Down),
            "a queued start" => node.units.set(DOCKER, UnitState::Queued),
            _ => {
                let mut manifest = node.manifest();
                manifest.since.get_mut(DOCKER).unwrap().boot = "the boot before".to_owned();
                node.save_manifest(&manifest);
            }
        }
        node.converge().await;
        let jobs = node.units.take_jobs();
        let wanted: &[&str] = if by == "a stop" { &[START] } else { &[] };
        assert_eq!(jobs, wanted, "{by}");
        assert_eq!(node.notes(), "", "{by}");
        let manifest = node.manifest();
        assert!(manifest.pending.is_empty() && manifest.since.is_empty(), "{by}");
    }
}

/// What changes after the restart by hand is due anew.
#[tokio::test]
async fn another_change_makes_it_due_again() {
    let node = client(Some(SOMETHING), UnitState::Down).await;
    node.converge().await;
    node.units.start(DOCKER);
    node.set("dns", "address", "169.254.99.99");
    node.converge().await;
    assert!(node.notes().contains("docker.service must restart"), "{}", node.notes());
    assert_eq!(node.manifest().pending, [Action::unit(Verb::TryRestart, DOCKER)]);
}

#[tokio::test]
async fn a_node_that_is_no_client_any_more_gets_no_tasks() {
    let node = client(Some(NOTHING), UnitState::Up).await;
    node.quorum.client_is("ineligible");
    node.converge().await;
    node.become_role("nomad-server");
    node.quorum.client_is("eligible");
    node.units.take_jobs();
    node.converge().await;
    assert!(!restarts(&node), "Nomad is a client until it has restarted");
    node.quorum.is_no_client();
    node.converge().await;
    assert!(restarts(&node) && node.notes().is_empty(), "{}", node.notes());
}

thread_local! {
    /// How many warnings about docker the test of this thread has seen.
    static SAID: Cell<usize> = const { Cell::new(0) };
}

/// Counts the warnings about docker. It is the log of the whole process: one of a thread alone may miss what another thread
/// was the first to say.
struct Log;

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN
    }

    fn event(&self, event: &tracing::Event<'_>) {
        struct Words(bool);
        impl tracing::field::Visit for Words {
            fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0 |= format!("{value:?}").contains("docker.service must restart");
            }
        }
        let mut words = Words(false);
        event.record(&mut words);
        SAID.set(SAID.get() + usize::from(words.0));
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn what_is_left_to_a_person_is_said_once_a_boot() {
    tracing::subscriber::set_global_default(Log).expect("no other test has a log");
    // Nomad is up all the time, so the reason stays the same.
    let node = client(Some(SOMETHING), UnitState::Up).await;
    for boot in 1..3 {
        for _ in 0..3 {
            node.converge().await;
        }
        assert_eq!(SAID.get(), boot);
        std::fs::remove_dir_all(node.path("/run/cos-agent")).unwrap();
    }
}
