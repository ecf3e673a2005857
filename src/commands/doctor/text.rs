//! The report for people: a line a group, a card a cause, the verdict last. At most 100 columns and 6,000 characters.

use crate::doctor::{Answer, Cause, Diagnosis, Outcome, Rank, Report};
use crate::gates::{Finding, Group, Problem};
use crate::store::status::Identity;
use crate::text::count;
use crate::text::secret::masked;
use crate::text::wrap::wrapped;
use std::fmt::Write;

/// Widest line, in characters.
const WIDTH: usize = 100;
/// Where the text of a card begins.
const INDENT: usize = 16;
/// Longest report, in characters.
const LONGEST: usize = 6000;
/// So many causes get a card; the others get a line.
const CARDS: usize = 3;
/// Longest text of a field of a card, in characters: what was found or expected, and what to do, which must be whole.
const FIELD: usize = 250;
const ADVICE: usize = 520;
/// So many lines of evidence are shown, each of at most one line.
const EVIDENCE: usize = 3;

/// The whole report. `all`: a line for every check.
pub(super) fn report(report: &Report, diagnosis: &Diagnosis<'_>, all: bool) -> String {
    let mut text = format!("{}\n\n", head(report.node.as_ref()));
    if all {
        for answer in &report.answers {
            let _ = writeln!(text, "{}", check_line(answer));
        }
    } else {
        for group in Group::ALL {
            text.push_str(&group_line(group, &report.answers));
        }
    }
    for cause in diagnosis.causes.iter().take(CARDS) {
        let _ = write!(text, "\n{}", card(cause));
    }
    let more = diagnosis.causes.iter().skip(CARDS);
    let mut lines: Vec<String> = more.map(one_line).collect();
    let verdict = format!("\n{}\n", verdict(report, diagnosis));
    if !lines.is_empty() {
        lines.insert(0, String::new());
    }
    let limit = LONGEST.saturating_sub(verdict.chars().count() + 80);
    let mut length = text.chars().count();
    for (index, line) in lines.iter().enumerate() {
        length += line.chars().count() + 1;
        if length > limit && !all {
            let left = count(lines.len() - index, "more problem");
            let _ = writeln!(text, "{left}; `cos-agent doctor --all` shows them");
            break;
        }
        let _ = writeln!(text, "{line}");
    }
    text + &verdict
}

pub(super) fn head(node: Option<&Identity>) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let Some(node) = node else { return format!("cos-agent {version}   role unknown") };
    let place = node.nomad_datacenter.as_deref().map(|name| format!(" in {name}"));
    format!(
        "cos-agent {version}   {}   {} of {}{}   {}   {}",
        node.instance,
        node.role,
        node.cluster,
        place.unwrap_or_default(),
        node.zone,
        node.address
    )
}

/// The worst word of a group, how many of its checks passed, and which did not; nothing if none of its checks was asked.
fn group_line(group: Group, answers: &[Answer]) -> String {
    let of_group: Vec<&Answer> =
        answers.iter().filter(|answer| answer.about.group == group).collect();
    if of_group.is_empty() {
        return String::new();
    }
    let worst = of_group.iter().filter_map(|answer| Rank::of(answer.finding()?)).max();
    let is_asked = of_group.iter().any(|answer| answer.finding().is_some());
    let word = if is_asked { word(worst) } else { "-" };
    let passed: Vec<&str> = of_group
        .iter()
        .filter_map(|answer| match answer.finding()? {
            Finding::Pass(words) => Some(words.as_str()),
            _ => None,
        })
        .collect();
    let number = match (passed.len(), of_group.len()) {
        (passed, all) if passed == all => all.to_string(),
        (passed, all) => format!("{passed}/{all}"),
    };
    let bad = of_group
        .iter()
        .filter(|answer| answer.finding().is_some_and(|finding| Rank::of(finding).is_some()));
    let bad: Vec<&str> = bad.map(|answer| answer.about.id).collect();
    let said: Vec<&str> = passed.iter().copied().filter(|words| !words.is_empty()).collect();
    let words = if bad.is_empty() { said.join(", ") } else { bad.join(" ") };
    let line = format!("  {word:<5} {:<9} {number:<6} {words}", group.name());
    format!("{}\n", cut(line.trim_end(), WIDTH))
}

pub(super) fn check_line(answer: &Answer) -> String {
    let id = answer.about.id;
    let (word, words) = match &answer.outcome {
        Outcome::NotAsked(because) => ("-", format!("not asked because of {}", because.join(", "))),
        Outcome::Found(finding) => (word(Rank::of(finding)), words(finding)),
    };
    let millis = answer.elapsed.as_millis();
    cut(&format!("  {word:<5} {id:<22} {millis:>5} ms  {words}"), WIDTH)
}

fn words(finding: &Finding) -> String {
    let found = |problem: &Problem| problem.found.lines().next().unwrap_or_default().to_owned();
    match finding {
        Finding::Pass(words) => words.clone(),
        other => other.problem().map(found).unwrap_or_default(),
    }
}

fn word(rank: Option<Rank>) -> &'static str {
    match rank {
        None => "ok",
        Some(Rank::Unknown) => "????",
        Some(Rank::Warn) => "WARN",
        Some(Rank::Waiting) => "wait",
        Some(Rank::Fail) => "FAIL",
    }
}

/// A cause as a card: what was found, what was expected, why it matters, what to type, and what follows from it.
pub(super) fn card(cause: &Cause<'_>) -> String {
    let about = cause.answer.about;
    let Some(problem) = cause.answer.finding().and_then(Finding::problem) else {
        return String::new();
    };
    let title = format!("{:<5} {}", word(Some(cause.rank)), about.id);
    let mut text = format!("{title}\n");
    field(&mut text, "found", &problem.found, FIELD);
    for line in problem.evidence.iter().take(EVIDENCE) {
        let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let _ = writeln!(
            text,
            "{}",
            cut(&format!("{:INDENT$}{}", "", masked(&line).trim_end()), WIDTH)
        );
    }
    field(&mut text, "expected", &problem.expected, FIELD);
    field(&mut text, "why", about.page.matters, FIELD);
    field(&mut text, "fix", &problem.hint.text, ADVICE);
    let mut hides = cause.consequences.join(", ");
    if !cause.not_asked.is_empty() {
        let and = if hides.is_empty() { "" } else { "; " };
        let _ = write!(hides, "{and}{} not asked", count(cause.not_asked.len(), "check"));
    }
    if !hides.is_empty() {
        field(&mut text, "hides", &hides, FIELD);
    }
    field(&mut text, "more", &format!("`cos-agent explain {}`", about.id), FIELD);
    text
}

fn field(text: &mut String, name: &str, words: &str, longest: usize) {
    for (index, line) in wrapped(&cut(words, longest), WIDTH - INDENT).iter().enumerate() {
        let name = if index == 0 { name } else { "" };
        let width = INDENT - 6;
        let _ = writeln!(text, "      {name:<width$}{line}");
    }
}

fn one_line(cause: &Cause<'_>) -> String {
    let words = cause.answer.finding().map(words).unwrap_or_default();
    cut(&format!("{:<5} {:<22} {words}", word(Some(cause.rank)), cause.answer.about.id), WIDTH)
}

/// The last line.
pub(super) fn verdict(report: &Report, diagnosis: &Diagnosis<'_>) -> String {
    let counts = &diagnosis.counts;
    let of = |rank: Rank| diagnosis.causes.iter().filter(|cause| cause.rank == rank).count();
    let causes = of(Rank::Fail);
    let hidden: usize = diagnosis.causes.iter().map(|cause| cause.consequences.len()).sum();
    let mut parts = Vec::new();
    let mut part = |number: usize, words: String| {
        if number > 0 {
            parts.push(words);
        }
    };
    part(causes, count(causes, "root cause"));
    part(hidden, count(hidden, "consequence"));
    part(of(Rank::Waiting), format!("{} waiting", of(Rank::Waiting)));
    part(of(Rank::Warn), count(of(Rank::Warn), "warning"));
    part(of(Rank::Unknown), format!("{} unknown", of(Rank::Unknown)));
    part(1, format!("{} ok", counts.pass));
    part(counts.not_asked, format!("{} not asked", counts.not_asked));
    part(1, format!("{:.1} s", report.elapsed.as_secs_f64()));
    format!("{}: {}", diagnosis.health().name(), parts.join(", "))
}

/// The first `width` characters of a line.
fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    let mut line: String = line.chars().take(width - 3).collect();
    line.push_str("...");
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::CHECKS;
    use crate::exit::hint::Topic;
    use std::time::Duration;

    static LONG: Topic =
        Topic { id: "long", text: "run `something that is rather long` and look at it" };

    /// Every check fails, with as many words as there may be.
    fn everything_broken() -> Report {
        let problem = Problem::new("x ".repeat(4000), "y ".repeat(4000), LONG.plain())
            .with(vec!["z".repeat(4000); 40]);
        let answers = CHECKS.iter().map(|entry| Answer {
            about: entry.about(),
            outcome: Outcome::Found(Finding::Fail(problem.clone())),
            elapsed: Duration::from_secs(9),
        });
        Report {
            node: None,
            answers: answers.collect(),
            elapsed: Duration::from_secs(10),
            is_complete: false,
        }
    }

    #[test]
    fn a_report_fits_a_screen_and_ssm_whatever_is_broken() {
        let broken = everything_broken();
        let text = report(&broken, &Diagnosis::of(&broken.answers), false);
        assert!(text.chars().count() <= LONGEST, "{}", text.chars().count());
        let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > WIDTH).collect();
        assert!(long.is_empty(), "{long:?}");
        assert!(
            text.is_ascii() && text.trim_end().lines().last().unwrap().starts_with("unhealthy: ")
        );
    }

    #[test]
    fn a_control_character_of_the_evidence_does_not_reach_the_terminal() {
        let mut broken = everything_broken();
        let evil =
            Problem::new("found", "expected", LONG.plain()).with(vec!["\u{1b}[2J gone".to_owned()]);
        broken.answers.truncate(1);
        broken.answers[0].outcome = Outcome::Found(Finding::Fail(evil));
        let text = report(&broken, &Diagnosis::of(&broken.answers), false);
        assert!(text.contains("[2J gone") && !text.contains('\u{1b}'), "{text:?}");
    }
}
