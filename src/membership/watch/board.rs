//! What the watch has to say, put together from what its parts see, each in its own time.

use crate::state::Daemon;
use crate::store::status::{self, Watch};
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
    Pool(Daemon),
    /// Whether EC2 tells of the servers.
    Ec2,
}

/// What one part sees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// What is wrong.
    pub(super) problems: Vec<String>,
    /// What is worth knowing and nothing is wrong with.
    pub(super) notes: Vec<String>,
}

impl Seen {
    /// One thing is wrong.
    pub(super) fn problem(words: String) -> Self {
        Self { problems: vec![words], notes: Vec::new() }
    }
}

/// The record and the log of the watch.
pub(super) struct Board<'a> {
    system: &'a System,
    seen: RefCell<BTreeMap<Topic, Option<Seen>>>,
    /// What was said before all of this: it stands until all parts have looked.
    earlier: Watch,
    said: RefCell<Watch>,
}

impl<'a> Board<'a> {
    /// Nobody has looked yet.
    pub(super) fn new(system: &'a System, topics: impl IntoIterator<Item = Topic>) -> Self {
        let seen = topics.into_iter().map(|topic| (topic, None)).collect();
        let earlier = status::load(&system.root).watch;
        let said = RefCell::new(earlier.clone());
        Self { system, seen: RefCell::new(seen), earlier, said }
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
        let last_join = joined.or_else(|| before.last_join.clone());
        let now = together(&self.seen.borrow(), &self.earlier, last_join);
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
            tracing::warn!("{error}: {}", error.source);
        }
    }
}

/// All that is seen, and what was said earlier as long as somebody has not looked yet.
fn together(
    seen: &BTreeMap<Topic, Option<Seen>>,
    earlier: &Watch,
    last_join: Option<String>,
) -> Watch {
    let mut now = Watch { problems: Vec::new(), notes: Vec::new(), last_join };
    for seen in seen.values().flatten() {
        now.problems.extend(seen.problems.clone());
        now.notes.extend(seen.notes.clone());
    }
    if seen.values().any(Option::is_none) {
        let missing = |all: &[String], of: &[String]| -> Vec<String> {
            all.iter().filter(|one| !of.contains(one)).cloned().collect()
        };
        now.problems.extend(missing(&earlier.problems, &now.problems));
        now.notes.extend(missing(&earlier.notes, &now.notes));
    }
    now
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::environment::Environment;
    use crate::system::root::Root;

    fn problem(words: &str) -> Seen {
        Seen::problem(words.to_owned())
    }

    fn recorded(system: &System) -> Watch {
        status::load(&system.root).watch
    }

    #[tokio::test]
    async fn what_an_earlier_watch_said_stands_until_all_have_looked_and_nothing_longer() {
        let folder = tempfile::tempdir().unwrap();
        let (root, environment) = (Root::at(folder.path()), Environment::default());
        let system = System { root, services: None, keeps_record: true, environment };
        let consul = Topic::Pool(Daemon::Consul);
        let earlier = Board::new(&system, [Topic::Gates]);
        earlier.put(Topic::Gates, problem("old")).await;
        earlier.joined("joined then").await;

        let board = Board::new(&system, [consul, Topic::Gates]);
        board.put(consul, problem("0 of 3")).await;
        assert_eq!(recorded(&system).problems, ["0 of 3", "old"]);
        board.put(consul, problem("1 of 3")).await;
        assert_eq!(recorded(&system).problems, ["1 of 3", "old"]);
        assert!(recorded(&system).last_join.unwrap().ends_with("joined then"));
        board.put(Topic::Gates, problem("no leader")).await;
        assert_eq!(recorded(&system).problems, ["no leader", "1 of 3"]);
        board.joined("joined now").await;
        board.put(consul, Seen::default()).await;
        board.put(Topic::Gates, Seen::default()).await;
        let now = recorded(&system);
        assert!(now.problems.is_empty() && now.last_join.unwrap().ends_with("joined now"));
    }
}
