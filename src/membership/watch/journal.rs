//! The log and the status of the watch, combined from the reports of its watchers.

use crate::store::status::{self, Watch};
use crate::system::System;
use crate::system::environment;
use std::cell::RefCell;

/// What a watcher reports on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Topic(pub(super) &'static str);

/// What a watcher found about a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// What is wrong.
    pub(super) problems: Vec<String>,
    /// What is worth knowing but is not a problem.
    pub(super) notes: Vec<String>,
}

impl Report {
    /// A report of one problem.
    pub(super) fn problem(words: String) -> Self {
        Self { problems: vec![words], notes: Vec::new() }
    }
}

/// The log and the status of the watch. The topics are in the order in which people read them.
pub(super) struct Journal<'a> {
    system: &'a System,
    reports: RefCell<Vec<(Topic, Option<Report>)>>,
    /// What an earlier watch reported; it stays until every watcher has reported.
    earlier: Watch,
    said: RefCell<Watch>,
}

impl<'a> Journal<'a> {
    /// A journal without reports.
    pub(super) fn new(system: &'a System, topics: impl IntoIterator<Item = Topic>) -> Self {
        let reports = topics.into_iter().map(|topic| (topic, None)).collect();
        let earlier = status::load(&system.root).watch;
        let said = RefCell::new(earlier.clone());
        Self { system, reports: RefCell::new(reports), earlier, said }
    }

    /// Replaces the last report on a topic, and logs what is new.
    pub(super) async fn put(&self, topic: Topic, report: Report) {
        for (known, last) in &mut *self.reports.borrow_mut() {
            if *known == topic {
                *last = Some(report.clone());
            }
        }
        self.say(None).await;
    }

    /// Logs and records the result of a join.
    pub(super) async fn joined(&self, words: &str) {
        tracing::info!("{words}");
        self.say(Some(format!("{} {words}", environment::rfc3339_now()))).await;
    }

    async fn say(&self, joined: Option<String>) {
        let before = self.said.borrow().clone();
        let last_join = joined.or_else(|| before.last_join.clone());
        let mut now = together(&self.reports.borrow(), &self.earlier, last_join);
        if !now.problems.is_empty() {
            now.since = before.since.clone().or_else(|| Some(environment::rfc3339_now()));
        }
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
            tracing::info!("this node and its cluster have recovered: no problems left");
        }
        self.said.replace(now);
        // Another watcher may report while this one waits for the lock, so the latest reports are written.
        let change = |status: &mut status::Status| self.said.borrow().clone_into(&mut status.watch);
        if let Err(error) = status::update(&self.system.root, change).await {
            tracing::warn!("cannot save the status: {error}: {}", error.source);
        }
    }
}

/// All reports, and those of an earlier watch until every watcher has reported.
fn together(
    reports: &[(Topic, Option<Report>)],
    earlier: &Watch,
    last_join: Option<String>,
) -> Watch {
    let mut now = Watch { last_join, ..Watch::default() };
    for report in reports.iter().filter_map(|(_, report)| report.as_ref()) {
        now.problems.extend(report.problems.clone());
        now.notes.extend(report.notes.clone());
    }
    if reports.iter().any(|(_, report)| report.is_none()) {
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

    fn problem(words: &str) -> Report {
        Report::problem(words.to_owned())
    }

    fn recorded(system: &System) -> Watch {
        status::load(&system.root).watch
    }

    #[tokio::test]
    async fn what_an_earlier_watch_said_stands_until_all_have_looked_and_nothing_longer() {
        let directory = tempfile::tempdir().unwrap();
        let (root, environment) = (Root::at(directory.path()), Environment::default());
        let system = System { root, services: None, keeps_record: true, environment };
        let (gates, consul) = (Topic("gates"), Topic("consul"));
        let earlier = Journal::new(&system, [gates]);
        earlier.put(gates, problem("old")).await;
        earlier.joined("joined then").await;

        let board = Journal::new(&system, [gates, consul]);
        board.put(consul, problem("0 of 3")).await;
        assert_eq!(recorded(&system).problems, ["0 of 3", "old"]);
        board.put(consul, problem("1 of 3")).await;
        assert_eq!(recorded(&system).problems, ["1 of 3", "old"]);
        assert!(recorded(&system).last_join.unwrap().ends_with("joined then"));
        board.put(gates, problem("no leader")).await;
        assert_eq!(recorded(&system).problems, ["no leader", "1 of 3"]);
        board.joined("joined now").await;
        board.put(consul, Report::default()).await;
        board.put(gates, Report::default()).await;
        let now = recorded(&system);
        assert!(now.problems.is_empty() && now.last_join.unwrap().ends_with("joined now"));
    }
}
