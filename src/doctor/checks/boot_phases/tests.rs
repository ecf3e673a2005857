//! What follows from the record, the freeze file and the uptime.

use super::*;
use crate::system::systemd::unit_facts::UnitFacts;
use std::collections::BTreeMap;

const REPORT: &str = "error: cannot gather the facts about this machine\n  cause: unknown key `nomda`\n\nhint: correct the key\n";

fn record(state: State) -> Status {
    let failure = Failure { code: 78, report: REPORT.to_owned(), at: "then".to_owned() };
    let problem = matches!(state, State::Failed | State::Degraded).then_some(failure);
    let reason = (state == State::Degraded).then(|| "`apply` failed; the daemons run".to_owned());
    Status { state, reason, problem, ..Status::default() }
}

fn boot(up: u64) -> Boot {
    Boot { up: Some(Duration::from_secs(up)), ..Boot::default() }
}

fn frozen(up: u64) -> Boot {
    let freeze =
        Freeze { since: "2026-11-22T19:04:05Z".to_owned(), note: Some("INC-7".to_owned()) };
    Boot { frozen: Some(freeze), ..boot(up) }
}

#[test]
fn each_end_of_an_apply_has_its_finding() {
    let running = || Boot { is_running: true, ..boot(900) };
    let due = || vec!["restart consul.service".to_owned()];
    for (state, boot, due, kind, advice) in [
        (State::Applied, boot(9), vec![], "pass", ""),
        (State::Applied, boot(9), due(), "warn", "apply-steps-due"),
        (State::Applied, running(), due(), "pass", ""),
        (State::Applied, frozen(9), vec![], "warn", "boot-frozen"),
        (State::Degraded, boot(9), vec![], "warn", "apply-failed"),
        (State::Degraded, frozen(9), vec![], "warn", "boot-frozen"),
        (State::Failed, boot(9), vec![], "fail", "apply-failed"),
        (State::Failed, frozen(9), due(), "fail", "apply-failed"),
        (State::Unknown, boot(9), vec![], "waiting", "apply-runs"),
        (State::Unknown, running(), vec![], "waiting", "apply-runs"),
        (State::Unknown, boot(121), vec![], "fail", "apply-never-finished"),
        (State::Unknown, Boot::default(), vec![], "fail", "apply-never-finished"),
        (State::Unknown, frozen(9), vec![], "fail", "boot-frozen"),
    ] {
        let found = judge(&record(state), &boot, &due);
        let (found_kind, problem) = match &found {
            Finding::Pass(_) => ("pass", None),
            Finding::Warn(problem) => ("warn", Some(problem)),
            Finding::Fail(problem) => ("fail", Some(problem)),
            Finding::Waiting(problem) => ("waiting", Some(problem)),
            Finding::Unknown(problem) => ("unknown", Some(problem)),
        };
        let found_advice = problem.map_or("", |problem| problem.hint.id);
        assert_eq!((found_kind, found_advice), (kind, advice), "{state:?} {boot:?} {due:?}");
    }
}

#[test]
fn a_failure_is_told_in_the_words_of_its_report() {
    let Finding::Fail(problem) = judge(&record(State::Failed), &boot(9), &[]) else {
        panic!("it failed");
    };
    let words = "`apply` failed at then (exit code 78): cannot gather the facts about this machine";
    assert_eq!(problem.found, words);
    assert_eq!(problem.evidence, ["cause: unknown key `nomda`"]);
    assert!(problem.hint.text.starts_with("correct the key; then"), "{}", problem.hint.text);
    let silent = Status { problem: None, ..record(State::Failed) };
    let Finding::Fail(problem) = judge(&silent, &boot(9), &[]) else { panic!("it failed") };
    assert_eq!(problem.hint.id, "apply-look");
}

#[test]
fn daemons_that_run_on_are_a_warning_until_systemd_gives_up() {
    const REFUSED: &str = "error: `apply` failed\n  cause: `consul validate` rejected it:\n    * invalid key `x`\n\nhint: correct it\n";
    let mut status = record(State::Degraded);
    status.problem.as_mut().unwrap().report = REFUSED.to_owned();
    let found = judge(&status, &boot(9), &[]);
    assert!(matches!(found, Finding::Warn(_)));
    let Finding::Fail(problem) = given_up(found) else { panic!("nobody tries again") };
    assert_eq!(
        problem.found,
        "`apply` failed at then (exit code 78): `consul validate` rejected it; the daemons run with the last good \
         configuration"
    );
    assert_eq!(problem.evidence, ["* invalid key `x`"]);
    let failed = UnitFacts { active: "failed".to_owned(), ..UnitFacts::default() };
    let units = |facts: UnitFacts| Ok(BTreeMap::from([(AGENT.to_owned(), facts)]));
    assert!(has_given_up(&units(failed)) && !has_given_up(&units(UnitFacts::default())));
}

#[test]
fn a_server_that_cannot_ask_whether_its_cluster_has_formed_says_so() {
    let problem = unanswered("/cos/demo/formed/consul", "ssm:GetParameter is denied");
    assert!(problem.found.starts_with("this server can only join, because"), "{}", problem.found);
    assert!(problem.hint.text.contains("/cos/demo/formed/consul"), "{}", problem.hint.text);
    let explained = CHECK.about.explains;
    assert!(explained.contains(&"consul-leader") && explained.contains(&"nomad-leader"));
}

#[test]
fn what_is_still_due_and_who_froze_the_agent_are_evidence() {
    let due = ["restart consul.service".to_owned(), "start nomad.service".to_owned()];
    let Finding::Warn(problem) = judge(&record(State::Applied), &frozen(9), &due) else {
        panic!("it is frozen");
    };
    assert_eq!(
        problem.evidence,
        ["INC-7", "still due: restart consul.service, start nomad.service"]
    );
    let Finding::Warn(problem) = judge(&record(State::Applied), &boot(9), &due) else {
        panic!("actions are due");
    };
    assert_eq!(problem.found, "an `apply` did not finish: 2 actions are still due");
}

#[test]
fn a_node_that_has_applied_says_when() {
    let applied = Some(environment::rfc3339_now());
    let status = Status { applied, ..record(State::Applied) };
    let Finding::Pass(words) = judge(&status, &boot(9), &[]) else { panic!("all is well") };
    assert!(words.starts_with("applied ") && words.ends_with("s ago"), "{words}");
}
