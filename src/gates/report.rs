//! Asks checks in their order, and keeps the results.

use super::{Check, Context, Finding, Problem};

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It was asked.
    Found(Finding),
    /// A check that it needs did not pass, so it was not asked.
    Blocked(&'static str),
}

/// A check and its result.
pub struct Asked {
    /// The check.
    pub check: &'static Check,
    /// Its result.
    pub verdict: Verdict,
}

impl Asked {
    /// Whether it passed.
    pub fn passed(&self) -> bool {
        matches!(self.verdict, Verdict::Found(Finding::Pass(_)))
    }

    /// The problem, if one was found.
    pub fn problem(&self) -> Option<&Problem> {
        match &self.verdict {
            Verdict::Found(Finding::Waiting(problem) | Finding::Fail(problem)) => Some(problem),
            _ => None,
        }
    }
}

/// Asks checks. A check is blocked if one that it needs did not pass.
pub async fn ask(context: &Context, checks: &[&'static Check]) -> Vec<Asked> {
    ask_while(context, checks, |_| true).await
}

/// Asks checks up to the first that does not pass: because later ones may answer slowly.
pub async fn ask_to_first_problem(context: &Context, checks: &[&'static Check]) -> Vec<Asked> {
    ask_while(context, checks, Asked::passed).await
}

async fn ask_while(
    context: &Context,
    checks: &[&'static Check],
    goes_on: impl Fn(&Asked) -> bool,
) -> Vec<Asked> {
    let mut asked: Vec<Asked> = Vec::new();
    for check in checks {
        let stands_in_the_way = |need: &&&'static str| {
            asked.iter().any(|asked| asked.check.id == **need && !asked.passed())
        };
        let verdict = match check.needs.iter().find(stands_in_the_way) {
            Some(need) => Verdict::Blocked(need),
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
