//! Asks checks at the same time, each as soon as those that it needs have passed.

use super::checks::{Entry, ROLE};
use super::machine::Machine;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Problem};
use crate::role::Role;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// The result of a check.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The check.
    pub about: &'static About,
    /// Its result.
    pub outcome: Outcome,
    /// How long it took.
    pub elapsed: Duration,
}

/// What became of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was asked.
    Found(Finding),
    /// It was not asked, because these checks did not pass; at the end of each chain.
    NotAsked(Vec<&'static str>),
}

topics! {
    OUT_OF_TIME: "check-out-of-time",
        "run `cos-agent doctor --only {id}` again; if it takes as long, look for a hung disk or process with \
         `cat /proc/pressure/io` and `ps -eo pid,stat,wchan:32,args`";
}

impl Answer {
    /// Whether nothing stands in the way of the checks that need this one.
    pub fn passed(&self) -> bool {
        matches!(&self.outcome, Outcome::Found(finding) if finding.passes())
    }

    /// What was found, if it was asked.
    pub fn finding(&self) -> Option<&Finding> {
        match &self.outcome {
            Outcome::Found(finding) => Some(finding),
            Outcome::NotAsked(_) => None,
        }
    }

    fn out_of_time(about: &'static About, elapsed: Duration) -> Self {
        let problem = Problem::new(
            format!("no result after {:.1} s", elapsed.as_secs_f64()),
            format!("a result within {:.1} s", about.timeout.as_secs_f64()),
            OUT_OF_TIME.with(&[("id", &about.id)]),
        );
        Self { about, outcome: Outcome::Found(Finding::Unknown(problem)), elapsed }
    }
}

/// What a check waits for.
enum Turn {
    Later,
    Now,
    Never(Vec<&'static str>),
}

/// Asks the checks, and tells each answer as it comes.
pub(super) async fn ask(
    machine: &Machine,
    entries: &[&'static Entry],
    mut tell: impl FnMut(Answer),
) {
    let mut waiting: Vec<&'static Entry> = entries.to_vec();
    let mut answered: BTreeMap<&'static str, Answer> = BTreeMap::new();
    let mut running = FuturesUnordered::new();
    loop {
        // The registry has each check after those that it needs, so one pass is enough.
        waiting.retain(|entry| match turn(entry, machine.role(), entries, &answered) {
            Turn::Later => true,
            Turn::Now => {
                running.push(asked(machine, entry));
                false
            }
            Turn::Never(because) => {
                let (about, outcome) = (entry.about(), Outcome::NotAsked(because));
                let answer = Answer { about, outcome, elapsed: Duration::ZERO };
                tell(answer.clone());
                answered.insert(about.id, answer);
                false
            }
        });
        let Some(answer) = running.next().await else { return };
        tell(answer.clone());
        answered.insert(answer.about.id, answer);
    }
}

async fn asked(machine: &Machine, entry: &'static Entry) -> Answer {
    let (about, started) = (entry.about(), Instant::now());
    match tokio::time::timeout(about.timeout, entry.ask(machine)).await {
        Ok(finding) => {
            Answer { about, outcome: Outcome::Found(finding), elapsed: started.elapsed() }
        }
        Err(_) => Answer::out_of_time(about, started.elapsed()),
    }
}

/// Whether a check may be asked. A check that is not among the entries stands in nobody's way.
fn turn(
    entry: &Entry,
    role: Option<Role>,
    entries: &[&'static Entry],
    answered: &BTreeMap<&'static str, Answer>,
) -> Turn {
    let about = entry.about();
    if role.is_none() && entry.needs_a_role() {
        return Turn::Never(vec![ROLE]);
    }
    let mut because: Vec<&'static str> = Vec::new();
    let mut is_open = false;
    for need in about.needs {
        match answered.get(need) {
            Some(answer) if answer.passed() => {}
            Some(Answer { outcome: Outcome::NotAsked(roots), .. }) => because.extend(roots),
            Some(answer) => because.push(answer.about.id),
            None => is_open |= entries.iter().any(|entry| entry.about().id == *need),
        }
    }
    because.sort_unstable();
    because.dedup();
    match (because.is_empty(), is_open) {
        (false, _) => Turn::Never(because),
        (true, true) => Turn::Later,
        (true, false) => Turn::Now,
    }
}

/// Adds the checks that have not answered when the time was up: those that were asked are unknown, those that waited for
/// them were not asked.
pub(super) fn fill(
    answers: &mut Vec<Answer>,
    role: Option<Role>,
    entries: &[&'static Entry],
    elapsed: Duration,
) {
    let mut answered: BTreeMap<&'static str, Answer> =
        answers.iter().map(|answer| (answer.about.id, answer.clone())).collect();
    for entry in entries {
        let about = entry.about();
        if answered.contains_key(about.id) {
            continue;
        }
        let answer = match turn(entry, role, entries, &answered) {
            Turn::Never(because) => {
                Answer { about, outcome: Outcome::NotAsked(because), elapsed: Duration::ZERO }
            }
            Turn::Now | Turn::Later => Answer::out_of_time(about, elapsed),
        };
        answers.push(answer.clone());
        answered.insert(about.id, answer);
    }
}

/// The order of the registry.
pub(super) fn order(answers: &mut [Answer]) {
    let place = |answer: &Answer| {
        super::checks::CHECKS.iter().position(|entry| entry.about().id == answer.about.id)
    };
    answers.sort_by_key(place);
}
