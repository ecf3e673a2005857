//! PURE: all kinds of node on one screen: what each runs, the files that all have, and what the others add.

use super::NodeKind;
use crate::pipeline::Outcome;
use crate::role::{AgentMode, Role};
use crate::text::count;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Width of the screen in columns.
const COLUMNS: usize = 100;

/// The kinds as a table, then their files, then where to look next. `base` has the files of each kind in a subdirectory.
pub fn text(shown: &[(NodeKind, Outcome)], base: &str) -> String {
    let mut text = format!(
        "A COS has {} of node. cos-agent reads from the tags of an instance which one to set up:\n\n\
         {:<14}{:<19}{:<29}{:<7}WHAT IT DOES\n",
        count(shown.len(), "kind"),
        "KIND",
        "DATACENTER",
        "DAEMONS",
        "FILES"
    );
    for (kind, outcome) in shown {
        let role = outcome.node.duty.role();
        let _ = writeln!(
            text,
            "{:<14}{:<19}{:<29}{:<7}{}",
            role,
            kind.datacenter.as_deref().unwrap_or("-"),
            daemons(role),
            outcome.plan.after.files.len(),
            role.spec().summary
        );
    }
    text.push('\n');
    for (whose, files) in groups(shown) {
        let _ = writeln!(text, "{}:\n{}", whose, wrapped(&files, "  "));
    }
    let changes: usize = shown.iter().map(|(_, outcome)| outcome.plan.changes().count()).sum();
    let _ = write!(
        text,
        "\nThe files are in {base} ({} in this run).\n\
         Next, one node: cos-agent simulate nomad-client --datacenter backoffice\n",
        count(changes, "change")
    );
    text
}

/// `Consul client, Nomad server`.
fn daemons(role: Role) -> String {
    let mode = |mode| match mode {
        AgentMode::Server => "server",
        AgentMode::Client => "client",
    };
    let spec = role.spec();
    let nomad = spec.nomad.map(|nomad| format!(", Nomad {}", mode(nomad))).unwrap_or_default();
    format!("Consul {}{nomad}", mode(spec.consul))
}

/// The files grouped by the kinds that have them, the most common first. A star marks a file whose contents differ.
fn groups(shown: &[(NodeKind, Outcome)]) -> Vec<(String, Vec<String>)> {
    let mut owners: BTreeMap<&str, (BTreeSet<usize>, BTreeSet<&str>)> = BTreeMap::new();
    for (number, (_, outcome)) in shown.iter().enumerate() {
        for (path, written) in &outcome.plan.after.files {
            let (numbers, contents) = owners.entry(path).or_default();
            numbers.insert(number);
            contents.insert(&written.sha256);
        }
    }
    let mut groups: BTreeMap<BTreeSet<usize>, Vec<String>> = BTreeMap::new();
    for (path, (numbers, contents)) in owners {
        let star = if contents.len() > 1 { "*" } else { "" };
        groups.entry(numbers).or_default().push(format!("{path}{star}"));
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(numbers, _)| std::cmp::Reverse(numbers.len()));
    let name = |numbers: BTreeSet<usize>| {
        if numbers.len() == shown.len() {
            return "All have (* where the contents differ)".to_owned();
        }
        let mut names: Vec<&str> =
            numbers.iter().map(|number| shown[*number].0.role.as_str()).collect();
        names.dedup();
        format!("{} also {}", names.join(" and "), if names.len() == 1 { "has" } else { "have" })
    };
    groups.into_iter().map(|(numbers, files)| (name(numbers), files)).collect()
}

/// Words in lines of the screen's width, with commas between them.
fn wrapped(words: &[String], indent: &str) -> String {
    let mut lines = vec![indent.to_owned()];
    for (number, word) in words.iter().enumerate() {
        let comma = if number + 1 < words.len() { "," } else { "" };
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line + word.len() + 2 > COLUMNS && line > indent.len() {
            lines.push(indent.to_owned());
        }
        if let Some(line) = lines.last_mut() {
            let space = if line.len() > indent.len() { " " } else { "" };
            let _ = write!(line, "{space}{word}{comma}");
        }
    }
    lines.join("\n")
}
