//! `explain`: the offline page of a check or of a hint.

use super::output::Output;
use crate::commands::cli::ExplainArgs;
use crate::doctor::{GENERAL, abouts};
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

/// The page of a check.
fn check_page(about: &About) -> String {
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
    let _ = write!(text, "\nAdvice of\n");
    for giver in givers(topic) {
        let _ = writeln!(text, "  {giver}");
    }
    text
}

/// The checks and errors that give an advice, each with the room where it is at home.
fn givers(topic: &Topic) -> Vec<String> {
    let has = |topics: &[Topic]| topics.iter().any(|one| one.id == topic.id);
    let of_check = |about: &&About| about.page.fixes.iter().any(|topics| has(topics));
    let checks = abouts().filter(of_check).map(|about| format!("the check {}", about.id));
    let errors = registry::REGISTRY.iter().filter(|known| has(known.topics));
    let errors = errors.map(|known| format!("the error {}", error_name((known.type_name)())));
    let general = GENERAL.iter().any(|topics| has(topics)).then(|| "any check".to_owned());
    checks.chain(errors).chain(general).collect()
}

/// `ImdsError (system::imds)` of `cos_agent::system::imds::error::ImdsError`.
fn error_name(type_name: &str) -> String {
    let (path, name) = type_name.rsplit_once("::").unwrap_or(("", type_name));
    let room = path.split_once("::").map_or("", |(_, room)| room);
    format!("{name} ({})", room.strip_suffix("::error").unwrap_or(room))
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
        for topic in topics.values() {
            assert!(!givers(topic).is_empty(), "nobody gives {}", topic.id);
        }
    }

    #[test]
    fn a_hint_names_the_errors_and_checks_that_give_it() {
        for (id, expected) in [
            ("metadata-disabled", "the error ImdsError (system::imds)"),
            ("facts-file", "the error InputError (error::input)"),
            ("interrupted", "the error Error (error)"),
            ("check-out-of-time", "any check"),
        ] {
            let page = topic_page(topics()[id]);
            assert!(page.contains("\nAdvice of\n"), "{page}");
            assert!(page.lines().any(|line| line.trim() == expected), "{page}");
        }
    }
}
