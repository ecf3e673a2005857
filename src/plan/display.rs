//! A plan as text for people and as JSON for programs.

use super::diff::{self, Line};
use super::{Change, Ownership, Plan, PlannedAction, Step, What, Why, Write, redact};
use crate::state::{Bytes, Directory, MoveAside, Place, format};
use anstyle::{AnsiColor, Style};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// The version of the JSON form.
const SCHEMA: &str = "cos-agent/plan/2";

const ADDED: Style = AnsiColor::Green.on_default();
const GONE: Style = AnsiColor::Red.on_default();
const TITLE: Style = Style::new().bold();

impl Change {
    /// The absolute path that changes.
    pub fn path(&self) -> &str {
        match self {
            Self::MoveAside(moved) => moved.daemon.data(),
            Self::MakeDirectory(directory) => directory.path,
            Self::Guard { path, .. } | Self::Sweep { path } | Self::Remove { path, .. } => path,
            Self::Write(write) => &write.path,
        }
    }

    /// What happens to the path, in a few words.
    pub fn words(&self) -> String {
        match self {
            Self::Guard { mode, ids, mode_before, ids_before, .. } => format!(
                "{mode:04o} {}:{}, because others could write to it ({mode_before:04o} {}:{})",
                ids.0, ids.1, ids_before.0, ids_before.1
            ),
            Self::MoveAside(moved) => of_move(moved),
            Self::Sweep { .. } => "remove a half-written file beside it".to_owned(),
            Self::MakeDirectory(Directory { mode, owner, .. }) => {
                format!("directory, {mode:04o} {}:{}", owner.user, owner.group)
            }
            Self::Remove { .. } => "remove, no longer wanted".to_owned(),
            Self::Write(write) => of_write(write),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Guard { .. } => "guard",
            Self::MoveAside(_) => "move-aside",
            Self::Sweep { .. } => "sweep",
            Self::MakeDirectory(_) => "make-directory",
            Self::Remove { .. } => "remove",
            Self::Write(Write { why: Why::New, .. }) => "create",
            Self::Write(Write { why: Why::Changed, .. }) => "change",
            Self::Write(Write { why: Why::EditedByHand, .. }) => "restore",
            Self::Write(Write { why: Why::Attributes, .. }) => "attributes",
        }
    }

    fn sign(&self) -> &'static str {
        match self {
            Self::Write(Write { why: Why::New, .. }) | Self::MakeDirectory(_) => "+",
            Self::Remove { .. } | Self::Sweep { .. } => "-",
            Self::MoveAside(_) => ">",
            Self::Write(_) | Self::Guard { .. } => "~",
        }
    }

    /// The contents before and after, with secrets redacted; `None` if no diff is shown.
    fn sides(&self) -> Option<(String, String)> {
        match self {
            Self::Write(Write { why: Why::Attributes, .. }) => None,
            Self::Write(Write { keys: Some((before, after)), path, .. }) => {
                let text = |keys: &Map<String, Value>| {
                    if keys.is_empty() {
                        return String::new();
                    }
                    let json = format::json(&Value::Object(keys.clone()));
                    redact::shown(path, &Bytes::Open(json.into_bytes()))
                };
                Some((text(before), text(after)))
            }
            // The copy of a file that somebody else wrote, which may hold credentials.
            Self::Write(write) if write.before.as_ref() == Some(&write.bytes) => None,
            Self::Write(write) => {
                let after = redact::shown(&write.path, &write.bytes);
                let before = write.before.as_ref().map(|bytes| redact::shown(&write.path, bytes));
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

    /// The unified diff, without colour and with secrets redacted; `None` if no diff is shown.
    pub fn diff(&self) -> Option<String> {
        let (before, after) = self.sides()?;
        let path = self.path();
        let lines: String =
            diff::lines(&before, &after).iter().map(|line| format!("{line}\n")).collect();
        Some(format!("--- a{path}\n+++ b{path}\n{lines}"))
    }
}

fn of_move(MoveAside { to, place, of, .. }: &MoveAside) -> String {
    let data = match of {
        Some(instance) => format!("data of {instance}"),
        None => "discarded data".to_owned(),
    };
    match place {
        Place::Plain => format!("{data}, move to {to}"),
        Place::Volume => format!("{data}, move into {to}, because the directory is a mount point"),
        Place::Link { target } => {
            format!("{data}, move into {to}, because the directory is a link to {target}")
        }
    }
}

fn of_write(write: &Write) -> String {
    let why = match write.why {
        Why::New => "new",
        Why::Changed => "changes",
        Why::EditedByHand => "edited by hand, restore",
        Why::Attributes => "restore mode and owner",
    };
    match write.ownership {
        Ownership::Ours { owner, .. } => {
            format!("{why}, {:04o} {}:{}", write.mode, owner.user, owner.group)
        }
        Ownership::Operators { .. } => {
            [vec![format!("{why}, our keys only")], write.besides.clone()].concat().join("; ")
        }
    }
}

impl PlannedAction {
    /// The action and its first two reasons.
    pub fn words(&self) -> String {
        format!("{} ({})", self.action, self.reasons())
    }

    /// The action in the past tense and its first two reasons.
    pub fn done(&self) -> String {
        format!("{} ({})", self.action.done(), self.reasons())
    }

    fn reasons(&self) -> String {
        let shown = self.because.iter().take(2).map(String::as_str).collect::<Vec<_>>().join("; ");
        let more = match self.because.len().saturating_sub(2) {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        format!("{shown}{more}")
    }
}

impl Plan {
    /// The steps, one per line, then the masked units and the notes.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for step in &self.steps {
            let _ = match &step.what {
                What::Change(change) => {
                    writeln!(text, "{} {}  ({})", change.sign(), change.path(), change.words())
                }
                What::Action(planned) => writeln!(text, "! {}", planned.words()),
            };
        }
        for unit in &self.masked {
            let _ = writeln!(text, "! leave {unit} alone (masked)");
        }
        for note in &self.notes {
            let _ = writeln!(text, "! {note}");
        }
        if self.is_empty() && self.masked.is_empty() {
            text.push_str("no changes: this node matches its configuration\n");
        }
        text
    }

    /// The summary, then the diff of every file, with colour.
    pub fn to_text(&self) -> String {
        let mut text = self.summary();
        for change in self.changes() {
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

    /// The plan as JSON, without any secret. `node`: one line that says what the node is.
    pub fn to_json(&self, node: &str) -> Value {
        let changes: Vec<Value> = self
            .changes()
            .map(|change| {
                let mut value = json!({ "path": change.path(), "kind": change.kind(), "words": change.words() });
                if let Change::Write(write) = change {
                    value["mode"] = json!(format!("{:04o}", write.mode));
                    value["owner"] = json!(owner(write));
                    value["sha256"] = json!(write.bytes.sha256());
                    value["sha256_before"] = json!(write.before.as_ref().map(Bytes::sha256));
                }
                value["diff"] = json!(change.diff());
                value
            })
            .collect();
        let action = |step: &Step| match &step.what {
            What::Action(PlannedAction { action, because, .. }) => Some(json!({
                "action": action, "phase": step.phase.name(), "words": action.to_string(), "because": because,
            })),
            What::Change(_) => None,
        };
        let actions: Vec<Value> = self.steps.iter().filter_map(action).collect();
        json!({ "schema": SCHEMA, "node": node, "changes": changes, "actions": actions, "notes": self.notes })
    }
}

/// `user:group` of the agent's own file; `None` for a file of the operator.
fn owner(write: &Write) -> Option<String> {
    match write.ownership {
        Ownership::Ours { owner, .. } => Some(format!("{}:{}", owner.user, owner.group)),
        Ownership::Operators { .. } => None,
    }
}
