//! `/var/lib/cos-agent/boots.json`: how long each phase of the last boots took.

use super::{BOOTS, StateFile, known_entries};
use crate::system::environment;
use crate::system::root::{FileError, Root};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// The version of their format.
pub const SCHEMA: &str = "cos-agent/boots/1";
/// Where they are kept.
pub static FILE: StateFile<Boots> = StateFile::of(&BOOTS);
/// How many boots are kept.
const KEPT: usize = 20;
/// How many phases of a boot are kept: an `apply` that fails is retried for ever.
const PHASES: usize = 60;

/// A part of a boot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// A stage of the pipeline, or the id of a gate that opened at its end.
    pub name: String,
    /// When it began, in milliseconds after the first phase of the boot.
    pub start_ms: u64,
    /// How long it lasted, in milliseconds.
    pub duration_ms: u64,
    /// How many requests it sent to the metadata service.
    pub requests: u32,
    /// `ok`, or how it ended.
    pub result: String,
}

/// A boot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Boot {
    /// The kernel's id of the boot.
    pub id: String,
    /// When its first phase began, by RFC 3339.
    pub started: String,
    /// The same in milliseconds since the epoch.
    pub started_ms: u64,
    /// Its phases, oldest first.
    #[serde(deserialize_with = "known_entries")]
    pub phases: Vec<Phase>,
}

/// The last boots.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Boots {
    /// The boots, oldest first.
    #[serde(deserialize_with = "known_entries")]
    pub boots: Vec<Boot>,
}

/// Measures phases as they happen.
pub struct Stopwatch {
    began_ms: u64,
    began: Instant,
    last: Instant,
    phases: Vec<Phase>,
}

impl Stopwatch {
    /// Starts with the first phase.
    pub fn start() -> Self {
        let now = Instant::now();
        Self { began_ms: environment::unix_millis(), began: now, last: now, phases: Vec::new() }
    }

    /// Ends a phase, and begins the next one.
    pub fn lap(&mut self, name: &str, requests: u32, result: &str) {
        let phase = self.phase(name, self.last, requests, result);
        self.phases.push(phase);
        self.last = Instant::now();
    }

    /// Ends a phase that began when this stopwatch started, beside other phases.
    pub fn since_start(&mut self, name: &str) {
        let phase = self.phase(name, self.began, 0, "ok");
        self.phases.push(phase);
    }

    fn phase(&self, name: &str, start: Instant, requests: u32, result: &str) -> Phase {
        let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(0);
        Phase {
            name: name.to_owned(),
            start_ms: millis(start.duration_since(self.began)),
            duration_ms: millis(start.elapsed()),
            requests,
            result: result.to_owned(),
        }
    }

    /// Saves the phases with the earlier ones of this boot.
    pub async fn save(self, root: &Root) -> Result<(), FileError> {
        let _lock = super::lock(root).await?;
        let mut boots = load(root);
        add(&mut boots, &environment::boot_id(), self.began_ms, self.phases);
        FILE.save(root, &boots)
    }
}

/// Whether a phase of this boot has been saved.
pub fn knows_this_boot(root: &Root) -> bool {
    load(root).boots.last().is_some_and(|boot| boot.id == environment::boot_id())
}

/// The last boots; empty if they cannot be read, because only people use them.
pub fn load(root: &Root) -> Boots {
    FILE.known(root).unwrap_or_default()
}

fn add(boots: &mut Boots, id: &str, began_ms: u64, phases: Vec<Phase>) {
    if boots.boots.last().is_none_or(|boot| boot.id != id) {
        boots.boots.push(Boot {
            id: id.to_owned(),
            started: environment::rfc3339(began_ms / 1000),
            started_ms: began_ms,
            phases: Vec::new(),
        });
    }
    if let Some(boot) = boots.boots.last_mut() {
        let offset = began_ms.saturating_sub(boot.started_ms);
        boot.phases.extend(
            phases.into_iter().map(|phase| Phase { start_ms: phase.start_ms + offset, ..phase }),
        );
        let surplus = boot.phases.len().saturating_sub(PHASES);
        boot.phases.drain(..surplus);
    }
    let surplus = boots.boots.len().saturating_sub(KEPT);
    boots.boots.drain(..surplus);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(name: &str) -> Phase {
        Phase {
            name: name.to_owned(),
            start_ms: 1,
            duration_ms: 2,
            requests: 0,
            result: "ok".to_owned(),
        }
    }

    #[test]
    fn phases_of_a_boot_are_placed_after_its_first() {
        let mut boots = Boots::default();
        add(&mut boots, "a", 1000, vec![phase("gather")]);
        add(&mut boots, "a", 5000, vec![phase("consul-leader")]);
        add(&mut boots, "b", 9000, vec![phase("gather")]);
        let starts: Vec<u64> = boots.boots[0].phases.iter().map(|phase| phase.start_ms).collect();
        assert_eq!(starts, [1, 4001]);
        assert_eq!(boots.boots[0].started, "1970-01-01T00:00:01Z");
        assert_eq!(boots.boots.len(), 2);
    }

    #[test]
    fn twenty_boots_are_kept_and_a_boot_that_fails_for_ever_stays_small() {
        let mut boots = Boots::default();
        for id in 0..30 {
            add(&mut boots, &id.to_string(), id, vec![phase("gather")]);
        }
        assert_eq!((boots.boots.len(), boots.boots[0].id.as_str()), (20, "10"));
        for _ in 0..100 {
            add(&mut boots, "29", 0, vec![phase("gather")]);
        }
        assert_eq!(boots.boots.last().unwrap().phases.len(), PHASES);
    }
}
