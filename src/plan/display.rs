//! A plan as people and programs read it.

use super::diff::{self, Line};
use super::{Change, Plan, PlannedAction, Why, Write, redact, sha256};
use crate::state::Place;
use anstyle::{AnsiColor, Style};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// The version of the JSON form.
const SCHEMA: &str = "cos-agent/plan/1";

const ADDED: Style = AnsiColor::Green.on_default();
const GONE: Style = AnsiColor::Red.on_default();
const TITLE: Style = Style::new().bold();

impl Change {
    /// The path that it is about.
    pub fn path(&self) -> &str {
        match self {
            Self::MoveAside { daemon, .. } => daemon.data(),
            Self::MakeFolder(folder) => folder.path,
            Self::Guard { path, .. } | Self::Sweep { path } | Self::Remove { path, .. } => path,
            Self::Write(write) => &write.path,
        }
    }

    /// What happens to it, in a few words.
    pub fn words(&self) -> String {
        match self {
            Self::Guard { mode, ids, mode_before, ids_before, .. } => format!(
                "{mode:04o} {}:{}, because others could write to it: {mode_before:04o} {}:{}",
                ids.0, ids.1, ids_before.0, ids_before.1
            ),
            Self::MoveAside { to, place, of, .. } => {
                let data = match of {
                    Some(instance) => format!("data of {instance}"),
                    None => "discarded data".to_owned(),
                };
                match place {
                    Place::Plain => format!("{data}, moved to {to}"),
                    Place::Volume => {
                        format!("{data}, moved into {to}, as the directory is a mount point")
                    }
                    Place::Link { target } => {
                        format!("{data}, moved into {to}, as the directory is a link to {target}")
                    }
                }
            }
            Self::Sweep { .. } => "a half-written file beside it is removed".to_owned(),
            Self::MakeFolder(folder) => {
                format!("folder, {:04o} {}:{}", folder.mode, folder.owner.user, folder.owner.group)
            }
            Self::Remove { .. } => "removed: no longer wanted".to_owned(),
            Self::Write(write) => {
                let why = match write.why {
                    Why::New => "new",
                    Why::Changed => "changes",
                    Why::EditedByHand => "was edited by hand, put back",
                    Why::Attributes => "mode or owner put right",
                };
                match write.owner {
                    Some(owner) => {
                        format!("{why}, {:04o} {}:{}", write.mode, owner.user, owner.group)
                    }
                    None => [vec![format!("{why}, our keys only")], write.besides.clone()]
                        .concat()
                        .join("; "),
                }
            }
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Guard { .. } => "guard",
            Self::MoveAside { .. } => "move-aside",
            Self::Sweep { .. } => "sweep",
            Self::MakeFolder(_) => "make-folder",
            Self::Remove { .. } => "remove",
            Self::Write(Write { why: Why::New, .. }) => "create",
            Self::Write(Write { why: Why::Changed, .. }) => "change",
            Self::Write(Write { why: Why::EditedByHand, .. }) => "restore",
            Self::Write(Write { why: Why::Attributes, .. }) => "attributes",
        }
    }

    fn sign(&self) -> &'static str {
        match self {
            Self::Write(Write { why: Why::New, .. }) | Self::MakeFolder(_) => "+",
            Self::Remove { .. } | Self::Sweep { .. } => "-",
            Self::MoveAside { .. } => ">",
            Self::Write(_) | Self::Guard { .. } => "~",
        }
    }

    /// The contents before and after, as they may be shown.
    fn sides(&self) -> Option<(String, String)> {
        match self {
            Self::Write(Write { why: Why::Attributes, .. }) => None,
            Self::Write(Write { keys: Some((before, after)), path, .. }) => {
                let text = |keys: &Map<String, Value>| {
                    if keys.is_empty() {
                        return String::new();
                    }
                    let json = crate::render::format::json(&Value::Object(keys.clone()));
                    redact::shown(path, json.as_bytes())
                };
                Some((text(before), text(after)))
            }
            // The copy of a file that somebody else wrote.
            Self::Write(write) if write.before.as_ref() == Some(&write.bytes) => None,
            Self::Write(write) => {
                let after = redact::shown(&write.path, &write.bytes);
                let before = write.before.as_deref().map(|bytes| redact::shown(&write.path, bytes));
                let before = before.unwrap_or_default();
                Some((if write.foreign { redact::ours_of(&before, &after) } else { before }, after))
            }
            Self::Remove { path, before, foreign } => {
                let before = redact::shown(path, before);
                Some((if *foreign { redact::ours_of(&before, "") } else { before }, String::new()))
            }
            _ => None,
        }
    }

    /// The unified diff, without colour.
    pub fn diff(&self) -> Option<String> {
        let (before, after) = self.sides()?;
        let path = self.path();
        let lines: String =
            diff::lines(&before, &after).iter().map(|line| format!("{line}\n")).collect();
        Some(format!("--- a{path}\n+++ b{path}\n{lines}"))
    }
}

impl PlannedAction {
    /// The action and its reasons, the first two of them.
    pub fn words(&self) -> String {
        let shown = self.because.iter().take(2).map(String::as_str).collect::<Vec<_>>().join("; ");
        let more = match self.because.len().saturating_sub(2) {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        format!("{}, because {shown}{more}", self.action.words())
    }
}

impl Plan {
    /// The list of changes and actions, one a line.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for change in &self.changes {
            let _ = writeln!(text, "{} {}  ({})", change.sign(), change.path(), change.words());
        }
        for planned in &self.actions {
            let _ = writeln!(text, "! {}", planned.words());
        }
        for unit in &self.masked {
            let _ = writeln!(text, "! {unit} is left alone, because it is masked");
        }
        for note in &self.notes {
            let _ = writeln!(text, "! {note}");
        }
        if self.is_empty() && self.masked.is_empty() {
            text.push_str("nothing to do: the node is as it shall be\n");
        }
        text
    }

    /// The whole plan: list, actions, and the diff of every file, coloured.
    pub fn to_text(&self) -> String {
        let mut text = self.summary();
        for change in &self.changes {
            let Some((before, after)) = change.sides() else { continue };
            let _ = writeln!(text, "\n{TITLE}--- a{0}\n+++ b{0}{TITLE:#}", change.path());
            for line in diff::lines(&before, &after) {
                let style = match line {
                    Line::Gone(_) => GONE,
                    Line::Added(_) => ADDED,
                    Line::Header(_) | Line::Same(_) => Style::new(),
                };
                let _ = writeln!(text, "{style}{line}{style:#}");
            }
        }
        text
    }

    /// The plan as JSON; never a secret.
    pub fn to_json(&self, node: &str) -> Value {
        let changes: Vec<Value> = self
            .changes
            .iter()
            .map(|change| {
                let mut value = json!({ "path": change.path(), "kind": change.kind(), "words": change.words() });
                if let Change::Write(write) = change {
                    value["mode"] = json!(format!("{:04o}", write.mode));
                    value["owner"] = json!(write.owner.map(|owner| format!("{}:{}", owner.user, owner.group)));
                    value["sha256"] = json!(sha256(&write.bytes));
                    value["sha256_before"] = json!(write.before.as_deref().map(sha256));
                }
                value["diff"] = json!(change.diff());
                value
            })
            .collect();
        let actions: Vec<Value> = self
            .actions
            .iter()
            .map(|planned| json!({ "action": planned.action, "words": planned.action.words(), "because": planned.because }))
            .collect();
        json!({ "schema": SCHEMA, "node": node, "changes": changes, "actions": actions, "notes": self.notes })
    }
}
