//! `explain`: the offline page of a check or of a hint.

use super::output::Output;
use crate::commands::cli::ExplainArgs;
use crate::doctor::GENERAL;
use crate::doctor::checks::{CHECKS, Entry};
use crate::error::{Error, InputError, registry};
use crate::exit::ExitCode;
use crate::exit::hint::Topic;
use crate::gates::About;
use crate::text::{self, wrap::wrapped};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write;

const WIDTH: usize = 98;

pub(super) fn run(args: ExplainArgs, output: Output) -> Result<ExitCode, Error> {
    let topics = topics();
    let Some(id) = args.id else {
        output.data(
            || list(&topics),
            || json!({ "schema": "cos-agent/explain/1", "ids": ids(&topics) }),
        )?;
        return Ok(ExitCode::Done);
    };
    let check = abouts().find(|about| about.id == id);
    let page = match (check, topics.get(id.as_str())) {
        (Some(about), _) => check_page(about),
        (None, Some(topic)) => topic_page(topic),
        (None, None) => {
            let near = text::nearest(&id, ids(&topics).into_iter()).map(str::to_owned);
            return Err(InputError::UnknownId { id, near }.into());
        }
    };
    output.data(
        || page.clone(),
        || json!({ "schema": "cos-agent/explain/1", "id": id, "page": page }),
    )?;
    Ok(ExitCode::Done)
}

fn abouts() -> impl Iterator<Item = &'static About> {
    CHECKS.iter().map(Entry::about)
}

/// Every hint, by its id.
fn topics() -> BTreeMap<&'static str, &'static Topic> {
    let of_errors = registry::REGISTRY.iter().flat_map(|known| known.topics);
    let of_checks = abouts().flat_map(|about| about.page.fixes.iter().copied().flatten());
    let general = GENERAL.iter().copied().flatten();
    of_errors.chain(of_checks).chain(general).map(|topic| (topic.id, topic)).collect()
}

fn ids(topics: &BTreeMap<&'static str, &'static Topic>) -> Vec<&'static str> {
    abouts().map(|about| about.id).chain(topics.keys().copied()).collect()
}

fn list(topics: &BTreeMap<&'static str, &'static Topic>) -> String {
    let mut text = "checks\n".to_owned();
    for about in abouts() {
        let _ = writeln!(text, "  {:<22} {}", about.id, about.title);
    }
    text.push_str("\nhints\n");
    for line in wrapped(&topics.keys().copied().collect::<Vec<_>>().join(" "), WIDTH - 2) {
        let _ = writeln!(text, "  {line}");
    }
    text
}

/// The page of a check; also a section of the man page.
pub(super) fn check_page(about: &About) -> String {
    let page = &about.page;
    let mut text = format!("{}: {}\n", about.id, about.title);
    paragraph(&mut text, "", page.means);
    paragraph(&mut text, "Why it matters", page.matters);
    let _ = write!(text, "\nLook by hand\n");
    for command in page.look {
        let _ = writeln!(text, "  {command}");
    }
    let _ = write!(text, "\nWhat to do\n");
    for topic in page.fixes.iter().copied().flatten() {
        for (index, line) in wrapped(topic.text, WIDTH - 4).iter().enumerate() {
            let _ = writeln!(text, "  {} {line}", if index == 0 { "-" } else { " " });
        }
    }
    if !about.needs.is_empty() {
        paragraph(&mut text, "Asked after", &about.needs.join(", "));
    }
    if !about.explains.is_empty() {
        paragraph(&mut text, "Explains", &about.explains.join(", "));
    }
    let _ = write!(text, "\nSource\n  {}\n", page.source);
    text
}

fn topic_page(topic: &Topic) -> String {
    let mut text = format!("{}\n", topic.id);
    paragraph(&mut text, "What to do", topic.text);
    let of = abouts()
        .filter(|about| about.page.fixes.iter().copied().flatten().any(|one| one.id == topic.id));
    let of: Vec<&str> = of.map(|about| about.id).collect();
    if !of.is_empty() {
        paragraph(&mut text, "Advice of", &of.join(", "));
    }
    text
}

fn paragraph(text: &mut String, title: &str, words: &str) {
    text.push('\n');
    if !title.is_empty() {
        let _ = writeln!(text, "{title}");
    }
    for line in wrapped(words, WIDTH - 2) {
        let _ = writeln!(text, "  {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_has_a_page_and_no_id_means_two_things() {
        let topics = topics();
        for about in abouts() {
            assert!(!topics.contains_key(about.id), "{} is a check and a hint", about.id);
            let page = check_page(about);
            assert!(
                page.lines().all(|line| line.chars().count() <= 100 || line.contains("  ")),
                "{page}"
            );
        }
        let all = registry::REGISTRY.iter().flat_map(|known| known.topics);
        let of_checks = abouts().flat_map(|about| about.page.fixes.iter().copied().flatten());
        for topic in all.chain(of_checks) {
            assert_eq!(topics[topic.id].text, topic.text, "{} has two texts", topic.id);
        }
    }
}
