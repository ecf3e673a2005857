//! The watcher of the pools of servers: it asks EC2 for all of them at once, joins what is missing, and reports the rest.
//! [`super::schedule`] decides when it asks EC2.

mod notes;

use super::cadence::{FIRST_INTERVAL, INTERVAL, may_act};
use super::journal::{Journal, Report, Topic};
use super::need::View;
use super::schedule::{Outcome, Schedule};
use super::{Watched, Watcher};
use crate::gates::Context;
use crate::membership::join::discovery::Found;
use crate::membership::join::rejoin::{self, Pool};
use crate::state::Daemon;
use crate::store::status::Identity;
use crate::system::System;
use crate::system::retry::Backoff;
use futures_util::FutureExt;
use futures_util::future::join_all;
use notes::{differing, notes};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// Joins servers that a daemon of this node does not know.
pub(super) static WATCHER: Watcher = Watcher {
    topics: |node| rejoin::daemons(node).iter().copied().map(topic).chain([EC2]).collect(),
    watch: |watched| {
        async {
            let pools = Pools::new(watched);
            let daemons = rejoin::daemons(&watched.context.node).iter();
            // Side by side: without a leader Nomad answers after seconds, and Consul's join must not wait for that.
            join_all(daemons.map(|daemon| pools.look_after(*daemon))).await;
        }
        .boxed_local()
    },
};

/// Whether EC2 lists the servers.
const EC2: Topic = Topic("EC2");

/// The servers of a daemon.
fn topic(daemon: Daemon) -> Topic {
    Topic(daemon.name())
}

/// EC2's last answer, for all pools of a node.
#[derive(Default)]
struct Answer {
    /// Which answer it is; the first is 1.
    number: u64,
    found: BTreeMap<Daemon, Found>,
    /// Why the last request failed.
    problem: Option<String>,
}

/// The pools under watch.
struct Pools<'a> {
    system: &'a System,
    context: &'a Context,
    journal: &'a Journal<'a>,
    watch_joins: bool,
    schedule: RefCell<Schedule>,
    answer: RefCell<Answer>,
    /// Wakes the other pools when EC2 has answered one.
    answered: Notify,
}

impl<'a> Pools<'a> {
    /// Pools before the first request.
    fn new(watched: &'a Watched<'a>) -> Self {
        let Watched { system, context, journal, watch_joins } = watched;
        Self {
            system,
            context,
            journal,
            watch_joins: *watch_joins,
            schedule: RefCell::new(Schedule::new(*watch_joins)),
            answer: RefCell::default(),
            answered: Notify::new(),
        }
    }

    /// Watches a pool for ever.
    async fn look_after(&self, daemon: Daemon) {
        let mut backoff = Backoff::new(FIRST_INTERVAL, INTERVAL);
        // If only the watch can make Consul join, it must notice soon that the agent answers.
        let mut silent =
            Backoff::new(FIRST_INTERVAL, if self.watch_joins { FIRST_INTERVAL } else { INTERVAL });
        // The number of the last answer that this pool has used.
        let used = Cell::new(0);
        loop {
            let pause = match rejoin::pool(self.context, daemon).await {
                Ok(pool) => {
                    let until_next = self.round(&pool, &used).await;
                    if pool.is_short() {
                        backoff.delay().min(until_next)
                    } else {
                        backoff = Backoff::new(FIRST_INTERVAL, INTERVAL);
                        INTERVAL
                    }
                }
                Err(error) => {
                    self.see(daemon, None);
                    let words =
                        format!("cannot ask {} for its servers: {error}", rejoin::title(daemon));
                    self.journal.put(topic(daemon), Report::problem(words)).await;
                    silent.delay()
                }
            };
            let _ = timeout(pause, self.answered.notified()).await;
        }
    }

    /// Reports the pool. If it is time, asks EC2 and joins what is missing. Returns the time until the next request to EC2.
    async fn round(&self, pool: &Pool, used: &Cell<u64>) -> Duration {
        self.see(pool.daemon, Some(pool));
        // EC2 may be slow, so what the daemon says is reported first.
        self.say(pool).await;
        if !may_act(self.system, &self.context.node) {
            return INTERVAL;
        }
        if self.schedule.borrow_mut().begin(pool.daemon, Instant::now()) {
            self.ask().await;
        }
        let number = self.answer.borrow().number;
        if used.replace(number) < number && pool.is_short() {
            self.join(pool).await;
        }
        self.say(pool).await;
        // An overdue request belongs to another pool, whose daemon does not answer.
        let (next, now) = (self.schedule.borrow().next(), Instant::now());
        next.filter(|next| *next > now).map_or(INTERVAL, |next| (next - now).max(FIRST_INTERVAL))
    }

    /// Passes the view of a pool to the schedule; `None` if its daemon does not answer.
    fn see(&self, daemon: Daemon, pool: Option<&Pool>) {
        let mut schedule = self.schedule.borrow_mut();
        if let Some(members) = pool.and_then(|pool| pool.members) {
            schedule.count(members);
        }
        let view = pool.map(|pool| view(pool, &self.context.node));
        schedule.see(daemon, view, Instant::now());
        if schedule.is_idle() {
            // EC2 is not asked any more, so an old answer would never be corrected.
            let mut answer = self.answer.borrow_mut();
            (answer.found, answer.problem) = (BTreeMap::new(), None);
        }
    }

    /// Asks EC2, and wakes the other pools.
    async fn ask(&self) {
        let daemons = rejoin::daemons(&self.context.node);
        let asked = rejoin::discover(self.system, &self.context.node, daemons).await;
        let outcome = match asked {
            Ok(found) => {
                let mut answer = self.answer.borrow_mut();
                *answer = Answer { number: answer.number + 1, found, problem: None };
                Outcome::Answered
            }
            Err(error) => {
                let names: Vec<&str> = daemons.iter().copied().map(rejoin::title).collect();
                let whose = names.join(" and ");
                let words = format!("cannot ask EC2 for the servers of {whose}: {}", error.words);
                self.answer.borrow_mut().problem = Some(words);
                if error.is_busy { Outcome::Busy } else { Outcome::Failed }
            }
        };
        self.schedule.borrow_mut().asked(outcome, Instant::now());
        self.answered.notify_waiters();
    }

    /// Joins the servers that EC2 lists and the pool does not know.
    async fn join(&self, pool: &Pool) {
        let found = self.answer.borrow().found.get(&pool.daemon).cloned().unwrap_or_default();
        if let Some(words) = rejoin::join(self.context, pool, &found.peers).await {
            self.journal.joined(&words).await;
        }
    }

    /// Reports the pool, and EC2.
    async fn say(&self, pool: &Pool) {
        let short = pool.is_short().then(|| pool.words());
        let (seen, ec2) = {
            let answer = self.answer.borrow();
            let found = answer.found.get(&pool.daemon);
            let notes = found.map(|found| notes(pool, found, &self.context.node.instance));
            let notes = notes.unwrap_or_else(|| differing(pool).into_iter().collect());
            let ec2 =
                Report { problems: answer.problem.iter().cloned().collect(), notes: Vec::new() };
            (Report { problems: short.into_iter().collect(), notes }, ec2)
        };
        self.journal.put(topic(pool.daemon), seen).await;
        self.journal.put(EC2, ec2).await;
    }
}

/// The facts about a pool that decide when EC2 is asked.
fn view(pool: &Pool, node: &Identity) -> View {
    View {
        is_server: node.quorum() == Some(pool.daemon),
        has_leader: pool.has_leader,
        known: pool.known.len(),
        expected: pool.expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::checks::tests_support::identity;
    use crate::role::Role;

    /// Three servers of three.
    pub(super) fn pool(daemon: Daemon, has_leader: bool) -> Pool {
        let known = (1..=3).map(|last| [10, 0, 0, last].into()).collect();
        Pool { daemon, known, expected: 3, has_leader, members: None, differing: None }
    }

    #[test]
    fn a_node_is_a_server_of_its_own_kind_alone() {
        for (role, consul, nomad) in [
            (Role::ConsulServer, true, false),
            (Role::NomadServer, false, true),
            (Role::NomadClient, false, false),
        ] {
            let node = identity(role, Some(3));
            let is_server = |daemon| view(&pool(daemon, true), &node).is_server;
            assert_eq!((is_server(Daemon::Consul), is_server(Daemon::Nomad)), (consul, nomad));
        }
    }
}
