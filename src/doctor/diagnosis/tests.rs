//! Causes and consequences of made-up answers.

use super::*;
use crate::exit::hint::Topic;
use crate::gates::Problem;

static DO: Topic = Topic { id: "do", text: "do it" };

/// Answers of these checks, in the order of the registry.
fn answers(found: &[(&str, Outcome)]) -> Vec<Answer> {
    let of = |entry: &crate::doctor::checks::Entry| {
        let about = entry.about();
        let (_, outcome) = found.iter().find(|(id, _)| *id == about.id)?;
        Some(Answer { about, outcome: outcome.clone(), elapsed: Duration::ZERO })
    };
    CHECKS.iter().filter_map(of).collect()
}

fn found(finding: fn(Problem) -> Finding) -> Outcome {
    Outcome::Found(finding(Problem::new("found", "expected", DO.plain())))
}

fn causes(found: &[(&str, Outcome)]) -> Vec<&'static str> {
    Diagnosis::of(&answers(found)).causes.iter().map(|cause| cause.answer.about.id).collect()
}

#[test]
fn what_is_explained_or_was_not_asked_is_folded_away_and_the_worst_goes_first() {
    let blocked = || Outcome::NotAsked(vec!["consul-agent-api"]);
    let down = [
        ("units-state", found(Finding::Fail)),
        ("consul-agent-api", found(Finding::Fail)),
        ("consul-joined", blocked()),
        ("ecr-helper", found(Finding::Fail)),
    ];
    assert_eq!(causes(&down), ["units-state", "ecr-helper"], "by impact");
    let warned =
        [("units-state", found(Finding::Warn)), ("consul-agent-api", found(Finding::Fail))];
    assert_eq!(causes(&warned), ["consul-agent-api", "units-state"], "a warning hides no failure");
}

#[test]
fn what_a_node_waits_for_goes_before_what_follows_from_it() {
    for (first, cause, then, follows) in [
        ("boot-phases", found(Finding::Waiting), "consul-leader", found(Finding::Waiting)),
        ("boot-phases", found(Finding::Waiting), "nomad-leader", found(Finding::Waiting)),
        ("boot-phases", found(Finding::Fail), "units-state", found(Finding::Fail)),
        ("aws-autodiscovery", found(Finding::Waiting), "consul-joined", found(Finding::Waiting)),
        ("consul-agent-api", found(Finding::Fail), "net-consul-udp", found(Finding::Unknown)),
    ] {
        assert_eq!(causes(&[(first, cause), (then, follows)]), [first], "{then}");
    }
}

#[test]
fn a_node_of_which_nothing_is_known_is_not_healthy() {
    let nothing = answers(&[("consul-joined", Outcome::NotAsked(vec!["role-resolved"]))]);
    for answers in [&nothing[..], &[]] {
        let diagnosis = Diagnosis::of(answers);
        assert_eq!(diagnosis.health(), Health::Incomplete);
        assert_eq!(diagnosis.exit_code(false), ExitCode::Incomplete);
    }
    let passes = answers(&[("agent-privileges", Outcome::Found(Finding::Pass(String::new())))]);
    assert_eq!(Diagnosis::of(&passes).exit_code(true), ExitCode::Done);
}
