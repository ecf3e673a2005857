//! The state of the launch hook, in words and as data, and which states are kept over a reboot.

use super::Hook;
use crate::store;
use crate::store::launch_hook::{Ended, FILE, LaunchHook};
use crate::system::root::{FileError, Root};
use crate::text::count;
use serde::Serialize;
use std::fmt::{Display, Formatter};

/// The state of the launch hook. As JSON: `{"result": "still-trying", "why": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Outcome {
    /// The node has not joined yet, and its group waits for it.
    Holding {
        /// How many heartbeats the group accepted.
        heartbeats: u32,
    },
    /// The instance goes into service.
    Completed,
    /// There is nothing to complete: the hook never applied, is over, or was completed before.
    NotActive {
        /// The lifecycle state of the instance, such as `InService`; `None` if it is unknown.
        state: Option<String>,
    },
    /// The instance is terminated and replaced, as `launch_hook.abandon_after` asks.
    Abandoned,
    /// The call has failed so far, and is retried.
    StillTrying {
        /// What failed, and what to do about it.
        why: String,
    },
}

impl Outcome {
    /// How the hook ended, if nothing is left to do now and after any reboot. `None` if the end was only inferred from
    /// silence, and for an instance in a warm pool, because the hook holds it again when it leaves the pool.
    fn ended(&self) -> Option<Ended> {
        match self {
            Self::Completed => Some(Ended::Completed),
            Self::Abandoned => Some(Ended::Abandoned),
            Self::NotActive { state: Some(state) } if !is_warm(state) => {
                Some(Ended::NotActive { state: state.clone() })
            }
            Self::NotActive { .. } | Self::Holding { .. } | Self::StillTrying { .. } => None,
        }
    }
}

/// Whether a lifecycle state or target state is that of an instance in a warm pool.
pub(super) fn is_warm(state: &str) -> bool {
    state.trim_start().starts_with("Warmed")
}

impl Display for Outcome {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Holding { heartbeats: 0 } => {
                formatter.write_str("holds this instance until it has joined")
            }
            Self::Holding { heartbeats } => write!(
                formatter,
                "holds this instance until it has joined ({} sent)",
                count(*heartbeats, "heartbeat")
            ),
            Self::Completed => formatter.write_str("completed: this instance goes into service"),
            Self::NotActive { state: Some(state) } => {
                write!(formatter, "does not hold this instance, which is {state}")
            }
            Self::NotActive { state: None } => formatter.write_str(
                "seems not to hold this instance: no lifecycle action has been active for minutes, and the lifecycle state is \
                 unknown",
            ),
            Self::Abandoned => formatter.write_str(
                "abandoned after `launch_hook.abandon_after`: the Auto Scaling group replaces this instance",
            ),
            Self::StillTrying { why } => write!(formatter, "is not completed yet: {why}"),
        }
    }
}

/// How this hook of this instance ended, if it did. If the file cannot be read, one more call is made, which finds no
/// active action.
pub fn load(root: &Root, hook: &Hook) -> Option<Outcome> {
    let stored = FILE.known(root)?;
    if stored.instance != hook.instance.id || stored.hook != hook.name {
        return None;
    }
    let outcome = match stored.outcome {
        Ended::Completed => Outcome::Completed,
        Ended::Abandoned => Outcome::Abandoned,
        Ended::NotActive { state } => Outcome::NotActive { state: Some(state) },
    };
    outcome.ended().map(|_| outcome)
}

/// Saves how the hook ended; does nothing if something is left to do.
pub(super) async fn save(root: &Root, hook: &Hook, outcome: &Outcome) -> Result<(), FileError> {
    let Some(outcome) = outcome.ended() else { return Ok(()) };
    let _lock = store::lock(root).await?;
    let (instance, hook) = (hook.instance.id.clone(), hook.name.clone());
    FILE.save(root, &LaunchHook { instance, hook, outcome })
}
