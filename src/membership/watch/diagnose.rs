//! The watcher that asks for a diagnosis: when the node is not ready two minutes after its boot, and when it falls out later.
//! The diagnosis needs more rights than the watch has, so a unit of its own makes it.

use super::{Watched, Watcher};
use crate::gates::checks::CHECKS;
use crate::store::{diagnosis, status};
use futures_util::FutureExt;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// Asks for diagnoses.
pub(super) static WATCHER: Watcher =
    Watcher { topics: |_| Vec::new(), watch: |watched| ask(watched).boxed_local() };

/// How often the record is read.
const LOOK: Duration = Duration::from_secs(10);
/// A node that is not ready so long after its boot has a problem.
const BOOT: Duration = Duration::from_secs(120);
/// A node that has joined may be without its cluster for so long: an election.
const ELECTION: Duration = Duration::from_secs(20);
/// The shortest and the longest pause between two diagnoses of the same causes.
const PAUSES: (Duration, Duration) = (Duration::from_mins(10), Duration::from_hours(1));
/// The shortest pause before the diagnosis of another cause.
const OTHER_CAUSE: Duration = Duration::from_secs(60);

async fn ask(watched: &Watched<'_>) {
    // Not the time since the boot, which the sandbox of the watch hides: the watch starts a few seconds later.
    let started = Instant::now();
    let mut pace = Pace::default();
    loop {
        tokio::time::sleep(LOOK).await;
        let root = &watched.system.root;
        let record = status::load(root);
        let now = started.elapsed();
        if !pace.is_due(now, trouble(now, &record).as_deref()) {
            continue;
        }
        if let Err(error) = diagnosis::request(root) {
            tracing::warn!("cannot ask for a diagnosis: {error}: {}", error.source);
        }
    }
}

/// The id of the first problem of a node that has had time enough; `None` if nothing is wrong for that long. `now` is the
/// time since the watch started.
fn trouble(now: Duration, record: &status::Status) -> Option<String> {
    let id = |problem: &String| problem.split(':').next().unwrap_or_default().to_owned();
    // A server that is away from a cluster with a leader is no trouble of this node.
    let is_of_a_gate = |problem: &&String| CHECKS.iter().any(|gate| gate.id == id(problem));
    let first = record.watch.problems.iter().find(is_of_a_gate);
    match (&record.joined, first) {
        (None, first) if now >= BOOT => Some(first.map_or_else(|| "not-ready".to_owned(), id)),
        (Some(_), Some(problem)) => {
            record.troubled().is_some_and(|time| time >= ELECTION).then(|| id(problem))
        }
        _ => None,
    }
}

/// When the next diagnosis is due.
#[derive(Debug, Default)]
struct Pace {
    /// When the last one was asked for, and the pause after it.
    last: Option<(Duration, Duration)>,
    /// The causes since the node was last well for as long as the longest pause.
    causes: BTreeSet<String>,
    /// Since when the node is well.
    well: Option<Duration>,
}

impl Pace {
    /// Whether a diagnosis is due at this time since the watch started, with this trouble.
    fn is_due(&mut self, now: Duration, trouble: Option<&str>) -> bool {
        let Some(cause) = trouble else {
            let since = *self.well.get_or_insert(now);
            if now.saturating_sub(since) >= PAUSES.1 {
                *self = Self { well: Some(since), ..Self::default() };
            }
            return false;
        };
        self.well = None;
        let is_other = !self.causes.contains(cause);
        let (is_due, pause) = match self.last {
            None => (true, PAUSES.0),
            Some((at, pause)) => {
                let after = if is_other { OTHER_CAUSE.min(pause) } else { pause };
                (now >= at + after, (pause * 2).min(PAUSES.1))
            }
        };
        if is_due {
            self.causes.insert(cause.to_owned());
            self.last = Some((now, pause));
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::environment;

    const MINUTE: Duration = Duration::from_secs(60);

    /// The minutes at which a diagnosis was asked for.
    fn asked(minutes: u32, trouble: impl Fn(u32) -> Option<&'static str>) -> Vec<u32> {
        let mut pace = Pace::default();
        (0..minutes).filter(|minute| pace.is_due(MINUTE * *minute, trouble(*minute))).collect()
    }

    #[test]
    fn the_pauses_grow_from_ten_minutes_to_an_hour() {
        assert_eq!(asked(240, |_| Some("a")), [0, 10, 30, 70, 130, 190]);
    }

    #[test]
    fn a_cause_that_comes_and_goes_is_told_no_more_often() {
        let flaps = |minute: u32| minute.is_multiple_of(2).then_some("a");
        assert_eq!(asked(100, flaps), [0, 10, 30, 70]);
    }

    #[test]
    fn another_cause_is_told_soon_and_once() {
        let other = |minute: u32| Some(if minute < 3 { "a" } else { "b" });
        assert_eq!(asked(30, other), [0, 3, 23]);
        let turns = |minute: u32| Some(if minute.is_multiple_of(2) { "a" } else { "b" });
        assert_eq!(asked(60, turns), [0, 1, 21]);
    }

    #[test]
    fn a_node_that_was_well_for_an_hour_begins_anew() {
        let twice = |minute: u32| (!(5..=80).contains(&minute)).then_some("a");
        assert_eq!(asked(90, twice), [0, 81]);
    }

    #[test]
    fn a_boot_and_an_election_get_their_time() {
        let mut record = status::Status::default();
        assert_eq!(trouble(MINUTE, &record), None);
        assert_eq!(trouble(2 * MINUTE, &record).as_deref(), Some("not-ready"));
        record.watch.problems = vec!["consul-joined: no other live server".to_owned()];
        assert_eq!(trouble(2 * MINUTE, &record).as_deref(), Some("consul-joined"));
        record.watch.problems.insert(0, "2 of 3 servers".to_owned());
        assert_eq!(trouble(2 * MINUTE, &record).as_deref(), Some("consul-joined"));
        record.joined = Some("2026-01-01T00:00:00Z".to_owned());
        assert_eq!(trouble(2 * MINUTE, &record), None, "nothing says since when");
        record.watch.since = Some(environment::rfc3339_now());
        assert_eq!(trouble(2 * MINUTE, &record), None);
        record.watch.since = Some("2026-01-01T00:00:00Z".to_owned());
        assert_eq!(trouble(2 * MINUTE, &record).as_deref(), Some("consul-joined"));
        record.joined = Some(environment::rfc3339_now());
        assert_eq!(trouble(2 * MINUTE, &record), None, "it waited before it joined");
    }
}
