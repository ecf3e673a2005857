//! How it stands with the launch hook, in words and as data, and the record that outlives a reboot.

use super::Hook;
use crate::system::root::{FileError, Root};
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::{Display, Formatter};

/// What was done about the hook of this instance; written once nothing is left to do.
pub const RECORD: &str = "/var/lib/cos-agent/launch-hook.json";
/// The version of its form.
const SCHEMA: &str = "cos-agent/launch-hook/1";

/// How it stands with the launch hook. As JSON: `{"result": "still-trying", "why": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Outcome {
    /// The node has not joined yet, and its group waits for it.
    Holding {
        /// How many heartbeats the group took.
        heartbeats: u32,
    },
    /// The instance goes into service.
    Completed,
    /// There is nothing to complete: the hook never applied, is over, or was completed before.
    NotActive {
        /// The state in which the group sees the instance, such as `InService`; `None` where nobody tells.
        state: Option<String>,
    },
    /// The instance is terminated and replaced, as `launch_hook.abandon_after` asks.
    Abandoned,
    /// It could not be told yet; it is tried again.
    StillTrying {
        /// What is in the way, and what to do about it.
        why: String,
    },
}

impl Outcome {
    /// Whether nothing is left to do, now and after any reboot. Not so where it was only guessed from silence, nor of an
    /// instance in a warm pool: the hook holds it once more on its way out.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Completed | Self::Abandoned => true,
            Self::NotActive { state } => state.as_deref().is_some_and(|state| !is_warm(state)),
            Self::Holding { .. } | Self::StillTrying { .. } => false,
        }
    }
}

/// Whether a lifecycle state, or a target of one, is of an instance in a warm pool.
pub(super) fn is_warm(state: &str) -> bool {
    state.trim_start().starts_with("Warmed")
}

impl Display for Outcome {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Holding { heartbeats: 0 } => {
                formatter.write_str("holds this instance back until it has joined")
            }
            Self::Holding { heartbeats } => write!(
                formatter,
                "holds this instance back until it has joined; heartbeats sent: {heartbeats}"
            ),
            Self::Completed => formatter.write_str("completed: the instance goes into service"),
            Self::NotActive { state: Some(state) } => {
                write!(formatter, "does not hold this instance back: it is {state}")
            }
            Self::NotActive { state: None } => formatter.write_str(
                "does not hold this instance back, as it seems: none of its actions has been active for minutes; the state of \
                 the instance is not known",
            ),
            Self::Abandoned => formatter.write_str(
                "abandoned, as `launch_hook.abandon_after` asks: the group replaces this instance",
            ),
            Self::StillTrying { why } => write!(formatter, "is not completed yet: {why}"),
        }
    }
}

/// What was done about this hook of this instance before, if it is done with.
pub fn recorded(root: &Root, hook: &Hook) -> Option<Outcome> {
    // A file that cannot be read costs one call, which is answered by "no active action".
    let value: Value = serde_json::from_slice(&root.read(RECORD).ok()??).ok()?;
    let text = |value: &Value, key: &str| value.get(key)?.as_str().map(str::to_owned);
    let is_this = text(&value, "schema").as_deref() == Some(SCHEMA)
        && text(&value, "instance").as_ref() == Some(&hook.instance.id)
        && text(&value, "hook").as_ref() == Some(&hook.name);
    let outcome = value.get("outcome").filter(|_| is_this)?;
    let outcome = match text(outcome, "result")?.as_str() {
        "completed" => Outcome::Completed,
        "abandoned" => Outcome::Abandoned,
        "not-active" => Outcome::NotActive { state: Some(text(outcome, "state")?) },
        _ => return None,
    };
    outcome.is_final().then_some(outcome)
}

/// Writes the record.
pub(super) fn record(root: &Root, hook: &Hook, outcome: &Outcome) -> Result<(), FileError> {
    let value = json!({
        "schema": SCHEMA,
        "instance": hook.instance.id,
        "hook": hook.name,
        "outcome": outcome,
    });
    root.write(RECORD, format!("{value:#}\n").as_bytes(), 0o644)
}
