//! PURE: causes and consequences. A problem is a consequence if a problem that is at least as bad explains it, or if it
//! stands behind checks that were not asked because of one.

use super::checks::CHECKS;
use super::engine::{Answer, Outcome};
use super::machine::Known;
use crate::exit::ExitCode;
use crate::gates::{Finding, Impact};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a node that has joined may wait for others, as during an election, before that is a failure.
const ELECTION: Duration = Duration::from_secs(20);
/// The same for a node that has not joined yet in this boot.
const FIRST_JOIN: Duration = Duration::from_secs(120);

/// How bad the finding of a check is, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// It cannot be determined.
    Unknown,
    /// Wrong, and the node works in spite of it.
    Warn,
    /// Something must happen elsewhere first.
    Waiting,
    /// Wrong.
    Fail,
}

/// The state of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// No problem.
    Healthy,
    /// It waits for other nodes, and nothing is wrong.
    Waiting,
    /// It works, and something is wrong.
    Degraded,
    /// It does not work.
    Unhealthy,
    /// Nothing is known to be wrong, and something is unknown.
    Incomplete,
}

/// A problem that nothing else explains.
#[derive(Debug, Clone)]
pub struct Cause<'a> {
    /// The check that found it.
    pub answer: &'a Answer,
    /// How bad it is.
    pub rank: Rank,
    /// The problems that are only its consequences.
    pub consequences: Vec<&'static str>,
    /// The checks that were not asked because of it.
    pub not_asked: Vec<&'static str>,
}

/// How many checks ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the results of a check, in plural")]
pub struct Counts {
    pub pass: usize,
    pub warn: usize,
    pub fail: usize,
    pub waiting: usize,
    pub unknown: usize,
    pub not_asked: usize,
}

/// What is wrong, the worst first.
#[derive(Debug, Clone)]
pub struct Diagnosis<'a> {
    /// The causes, the worst first.
    pub causes: Vec<Cause<'a>>,
    /// How many checks ended how.
    pub counts: Counts,
}

impl Counts {
    /// Whether no check has a result, so that nothing is known of the node.
    fn is_nothing_asked(self) -> bool {
        Self { not_asked: 0, ..self } == Self::default()
    }
}

impl Rank {
    /// The rank of a finding; `None` if nothing is wrong.
    pub fn of(finding: &Finding) -> Option<Self> {
        Some(match finding {
            Finding::Pass(_) => return None,
            Finding::Unknown(_) => Self::Unknown,
            Finding::Warn(_) => Self::Warn,
            Finding::Waiting(_) => Self::Waiting,
            Finding::Fail(_) => Self::Fail,
        })
    }
}

impl Health {
    /// Its name in JSON and in the verdict.
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Waiting => "waiting",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
            Self::Incomplete => "incomplete",
        }
    }
}

impl<'a> Diagnosis<'a> {
    /// Divides the problems among these answers into causes and consequences.
    pub fn of(answers: &'a [Answer]) -> Self {
        let edges = edges();
        let by_id: BTreeMap<&str, &Answer> =
            answers.iter().map(|answer| (answer.about.id, answer)).collect();
        let rank = |answer: &Answer| answer.finding().and_then(Rank::of);
        let reach: BTreeMap<&str, BTreeSet<&'static str>> = answers
            .iter()
            .filter(|answer| rank(answer).is_some())
            .map(|answer| (answer.about.id, behind(answer.about.id, &edges, &by_id)))
            .collect();
        let is_explained = |answer: &Answer| {
            reach.iter().any(|(cause, reached)| {
                reached.contains(answer.about.id) && rank(by_id[cause]) >= rank(answer)
            })
        };
        let mut causes: Vec<Cause<'a>> = answers
            .iter()
            .filter_map(|answer| Some((answer, rank(answer)?)))
            .filter(|(answer, _)| !is_explained(answer))
            .map(|(answer, rank_of_cause)| {
                let of = |wanted: fn(&Outcome) -> bool| {
                    let reached = reach[answer.about.id].iter().copied();
                    let found = reached.filter(|id| wanted(&by_id[id].outcome));
                    found.filter(|id| rank(by_id[id]) <= Some(rank_of_cause)).collect()
                };
                let consequences = of(|outcome| matches!(outcome, Outcome::Found(_)));
                let not_asked = of(|outcome| matches!(outcome, Outcome::NotAsked(_)));
                Cause { answer, rank: rank_of_cause, consequences, not_asked }
            })
            .collect();
        // The sort is stable, so equals stay in the order of the registry.
        causes.sort_by_key(|cause| {
            let hides = cause.consequences.len() + cause.not_asked.len();
            (Reverse(cause.rank), cause.answer.about.impact, Reverse(hides))
        });
        Self { causes, counts: counts(answers) }
    }

    /// The state of the node.
    pub fn health(&self) -> Health {
        let has = |rank: Rank| self.causes.iter().any(|cause| cause.rank == rank);
        let is_down = |cause: &Cause<'_>| {
            cause.rank == Rank::Fail && cause.answer.about.impact == Impact::Down
        };
        if self.causes.iter().any(is_down) {
            Health::Unhealthy
        } else if has(Rank::Fail) {
            Health::Degraded
        } else if has(Rank::Unknown) || self.counts.is_nothing_asked() {
            Health::Incomplete
        } else if has(Rank::Waiting) {
            Health::Waiting
        } else if has(Rank::Warn) {
            Health::Degraded
        } else {
            Health::Healthy
        }
    }

    /// The exit code of `doctor`, which follows the plugins of monitoring systems (0 to 3).
    pub fn exit_code(&self, is_strict: bool) -> ExitCode {
        let Counts { warn, fail, unknown, .. } = self.counts;
        match (fail, unknown) {
            (1.., _) => ExitCode::Changes,
            _ if unknown > 0 || self.counts.is_nothing_asked() => ExitCode::Incomplete,
            _ if is_strict && warn > 0 => ExitCode::Warned,
            _ => ExitCode::Done,
        }
    }

    /// The ids of the causes that failed or warn, the worst first.
    pub fn root_causes(&self) -> Vec<&'static str> {
        let is_known = |cause: &&Cause<'_>| matches!(cause.rank, Rank::Fail | Rank::Warn);
        self.causes.iter().filter(is_known).map(|cause| cause.answer.about.id).collect()
    }
}

/// For each check, the checks that can fail because of it: those that it explains and those that need it.
fn edges() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut edges: BTreeMap<&'static str, Vec<&'static str>> = BTreeMap::new();
    for about in CHECKS.iter().map(super::checks::Entry::about) {
        edges.entry(about.id).or_default().extend(about.explains);
        for need in about.needs {
            edges.entry(need).or_default().push(about.id);
        }
    }
    edges
}

/// The checks behind this one that did not pass, reached over checks that did not pass.
fn behind(
    id: &'static str,
    edges: &BTreeMap<&'static str, Vec<&'static str>>,
    by_id: &BTreeMap<&str, &Answer>,
) -> BTreeSet<&'static str> {
    let mut reached = BTreeSet::new();
    let mut next = vec![id];
    while let Some(id) = next.pop() {
        for to in edges.get(id).into_iter().flatten() {
            let is_bad = by_id.get(to).is_some_and(|answer| {
                answer.finding().is_none_or(|finding| Rank::of(finding).is_some())
            });
            if is_bad && reached.insert(*to) {
                next.push(to);
            }
        }
    }
    reached
}

fn counts(answers: &[Answer]) -> Counts {
    let mut counts = Counts::default();
    for answer in answers {
        *match &answer.outcome {
            Outcome::NotAsked(_) => &mut counts.not_asked,
            Outcome::Found(finding) => match finding {
                Finding::Pass(_) => &mut counts.pass,
                Finding::Warn(_) => &mut counts.warn,
                Finding::Fail(_) => &mut counts.fail,
                Finding::Waiting(_) => &mut counts.waiting,
                Finding::Unknown(_) => &mut counts.unknown,
            },
        } += 1;
    }
    counts
}

/// Turns waiting into failing where it has lasted too long for an election or a first join.
pub(super) fn lose_patience(answers: &mut [Answer], known: &Known) {
    let patience = if known.has_joined { ELECTION } else { FIRST_JOIN };
    if known.waited.is_none_or(|waited| waited <= patience) {
        return;
    }
    for answer in answers {
        if let Outcome::Found(Finding::Waiting(problem)) = &answer.outcome {
            answer.outcome = Outcome::Found(Finding::Fail(problem.clone()));
        }
    }
}

#[cfg(test)]
mod tests;
