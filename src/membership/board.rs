//! What the watch has to say, put together from what its parts see, each in its own time.

use super::discovery::Kind;
use crate::record::status::{self, Watch};
use crate::system::System;
use crate::system::environment;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Who says something, in the order in which people read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Topic {
    /// The gates of this node, and what is on record of its cluster.
    Gates,
    /// The servers of a daemon.
    Pool(Kind),
}

/// What one part sees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// What is wrong.
    pub(super) problems: Vec<String>,
    /// What is worth knowing and nothing is wrong with.
    pub(super) notes: Vec<String>,
}

/// The record and the log of the watch.
pub(super) struct Board<'a> {
    system: &'a System,
    seen: RefCell<BTreeMap<Topic, Option<Seen>>>,
    said: RefCell<Watch>,
}

impl<'a> Board<'a> {
    /// What an earlier watch said stands until all parts of this one have looked.
    pub(super) fn new(system: &'a System, topics: impl IntoIterator<Item = Topic>) -> Self {
        let seen = topics.into_iter().map(|topic| (topic, None)).collect();
        let said = status::read(&system.root).watch;
        Self { system, seen: RefCell::new(seen), said: RefCell::new(said) }
    }

    /// Takes what one part sees for what it has said before, and says what is new.
    pub(super) async fn put(&self, topic: Topic, seen: Seen) {
        self.seen.borrow_mut().insert(topic, Some(seen));
        self.say(None).await;
    }

    /// Says what came of a join.
    pub(super) async fn joined(&self, words: &str) {
        tracing::info!("{words}");
        self.say(Some(format!("{} {words}", environment::rfc3339_now()))).await;
    }

    async fn say(&self, joined: Option<String>) {
        let before = self.said.borrow().clone();
        let now = together(&self.seen.borrow(), &before, joined);
        if now == before {
            return;
        }
        for problem in now.problems.iter().filter(|problem| !before.problems.contains(problem)) {
            tracing::warn!("{problem}");
        }
        for note in now.notes.iter().filter(|note| !before.notes.contains(note)) {
            tracing::info!("{note}");
        }
        if now.problems.is_empty() && !before.problems.is_empty() {
            tracing::info!("the membership is whole again");
        }
        self.said.replace(now);
        // Another part may say more while this one waits for the record: what is written is what is said by then.
        let change = |status: &mut status::Status| self.said.borrow().clone_into(&mut status.watch);
        if let Err(error) = status::update(&self.system.root, change).await {
            tracing::warn!("not on record: {error}: {}", error.source);
        }
    }
}

/// All that is seen, and what was said before as long as somebody has not looked yet.
fn together(seen: &BTreeMap<Topic, Option<Seen>>, before: &Watch, joined: Option<String>) -> Watch {
    let last_join = joined.or_else(|| before.last_join.clone());
    let mut now = Watch { problems: Vec::new(), notes: Vec::new(), last_join };
    for seen in seen.values().flatten() {
        now.problems.extend(seen.problems.clone());
        now.notes.extend(seen.notes.clone());
    }
    if seen.values().any(Option::is_none) {
        let missing = |all: &[String], of: &[String]| -> Vec<String> {
            all.iter().filter(|one| !of.contains(one)).cloned().collect()
        };
        now.problems.extend(missing(&before.problems, &now.problems));
        now.notes.extend(missing(&before.notes, &now.notes));
    }
    now
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(words: &str) -> Seen {
        Seen { problems: vec![words.to_owned()], notes: Vec::new() }
    }

    #[test]
    fn what_was_said_before_stands_until_all_have_looked() {
        let before = Watch { problems: vec!["old".to_owned()], ..Watch::default() };
        let mut seen = BTreeMap::from([(Topic::Pool(Kind::Consul), None), (Topic::Gates, None)]);
        seen.insert(Topic::Pool(Kind::Consul), Some(problem("short")));
        assert_eq!(together(&seen, &before, None).problems, ["short", "old"]);
        seen.insert(Topic::Gates, Some(problem("no leader")));
        assert_eq!(together(&seen, &before, None).problems, ["no leader", "short"]);
        for seen in seen.values_mut() {
            *seen = Some(Seen::default());
        }
        assert!(together(&seen, &before, None).problems.is_empty());
    }

    #[test]
    fn the_last_join_is_kept_until_there_is_another() {
        let before = Watch { last_join: Some("then".to_owned()), ..Watch::default() };
        let seen = BTreeMap::new();
        assert_eq!(together(&seen, &before, None).last_join.as_deref(), Some("then"));
        let joined = Some("now".to_owned());
        assert_eq!(together(&seen, &before, joined).last_join.as_deref(), Some("now"));
    }
}
