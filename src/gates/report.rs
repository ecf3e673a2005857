//! Asks checks in their order, and keeps the results.

use super::checks::Gate;
use super::{Context, Finding, Problem};

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It was asked.
    Found(Finding),
    /// A check that it needs did not pass, so it was not asked.
    Blocked {
        /// The check that it needs.
        need: &'static str,
        /// Whether the result of that check is unknown.
        is_unknown: bool,
    },
}

/// A check and its result.
pub struct Asked {
    /// The check.
    pub check: &'static Gate,
    /// Its result.
    pub verdict: Verdict,
}

impl Asked {
    /// Whether it passed.
    pub fn passed(&self) -> bool {
        matches!(&self.verdict, Verdict::Found(finding) if finding.passes())
    }

    /// Whether it is open: `None` if that cannot be determined, as for an agent that was silent for a moment.
    pub fn is_open(&self) -> Option<bool> {
        match &self.verdict {
            Verdict::Found(Finding::Unknown(_)) => None,
            Verdict::Found(finding) => Some(finding.passes()),
            Verdict::Blocked { is_unknown, .. } => (!is_unknown).then_some(false),
        }
    }

    /// The problem, if one was found.
    pub fn problem(&self) -> Option<&Problem> {
        match &self.verdict {
            Verdict::Found(finding) => finding.problem().filter(|_| !finding.passes()),
            Verdict::Blocked { .. } => None,
        }
    }
}

/// Asks checks. A check is blocked if one that it needs did not pass.
pub async fn ask(context: &Context, checks: &[&'static Gate]) -> Vec<Asked> {
    ask_while(context, checks, |_| true).await
}

/// Asks checks up to the first that does not pass: because later ones may answer slowly.
pub async fn ask_to_first_problem(context: &Context, checks: &[&'static Gate]) -> Vec<Asked> {
    ask_while(context, checks, Asked::passed).await
}

async fn ask_while(
    context: &Context,
    checks: &[&'static Gate],
    goes_on: impl Fn(&Asked) -> bool,
) -> Vec<Asked> {
    let mut asked: Vec<Asked> = Vec::new();
    for check in checks {
        let stands_in_the_way =
            |asked: &&Asked| check.needs.contains(&asked.check.id) && !asked.passed();
        let verdict = match asked.iter().find(stands_in_the_way) {
            Some(asked) => {
                let is_unknown = asked.is_open().is_none();
                Verdict::Blocked { need: asked.check.id, is_unknown }
            }
            None => Verdict::Found((check.probe)(context).await),
        };
        asked.push(Asked { check, verdict });
        if !asked.last().is_some_and(&goes_on) {
            break;
        }
    }
    asked
}

/// The first check that found a problem, with that problem.
pub fn first_problem(asked: &[Asked]) -> Option<(&Asked, &Problem)> {
    asked.iter().find_map(|asked| Some((asked, asked.problem()?)))
}
