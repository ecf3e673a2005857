//! The watcher of the pools of servers: it asks EC2 for all of them at once, joins what is missing, and reports the rest.
//! [`super::schedule`] decides when it asks EC2.

use super::cadence::{FIRST_INTERVAL, INTERVAL, may_act};
use super::journal::{Journal, Report, Topic};
use super::need::View;
use super::schedule::{Outcome, Schedule};
use super::{Watched, Watcher};
use crate::gates::Context;
use crate::membership::join::discovery::{self, Found};
use crate::membership::join::rejoin::{self, Pool};
use crate::state::Daemon;
use crate::store::status::Identity;
use crate::system::System;
use crate::system::retry::Backoff;
use futures_util::FutureExt;
use futures_util::future::join_all;
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
            // Each in its own time: a Nomad without leader holds its answer for seconds, and Consul's join cannot wait for that.
            join_all(daemons.map(|daemon| pools.look_after(*daemon))).await;
        }
        .boxed_local()
    },
};

/// Whether EC2 tells of the servers.
const EC2: Topic = Topic("EC2");

/// How the servers of a daemon are.
fn topic(daemon: Daemon) -> Topic {
    Topic(daemon.name())
}

/// What EC2 said, for all pools of a node.
#[derive(Default)]
struct Answer {
    /// Which answer it is; the first is 1.
    number: u64,
    found: BTreeMap<Daemon, Found>,
    /// Why there was no answer the last time.
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
    /// Wakes the pools that wait while another one is answered.
    answered: Notify,
}

impl<'a> Pools<'a> {
    /// Nothing was asked yet.
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

    /// Looks after a pool for ever.
    async fn look_after(&self, daemon: Daemon) {
        let mut backoff = Backoff::new(FIRST_INTERVAL, INTERVAL);
        // An agent that nobody else makes join is not kept waiting, once it answers.
        let mut silent =
            Backoff::new(FIRST_INTERVAL, if self.watch_joins { FIRST_INTERVAL } else { INTERVAL });
        // The last answer that this pool needs nothing of any more.
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

    /// Says how the pool is, and if it is time asks EC2 and joins what is missing; the time until EC2 is asked next.
    async fn round(&self, pool: &Pool, used: &Cell<u64>) -> Duration {
        self.see(pool.daemon, Some(pool));
        // EC2 may take its time; what the daemon says is said at once.
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
        // What is overdue is the business of another pool, whose daemon does not answer.
        let (next, now) = (self.schedule.borrow().next(), Instant::now());
        next.filter(|next| *next > now).map_or(INTERVAL, |next| (next - now).max(FIRST_INTERVAL))
    }

    /// Takes what is seen of a pool, `None` where its daemon is silent.
    fn see(&self, daemon: Daemon, pool: Option<&Pool>) {
        let mut schedule = self.schedule.borrow_mut();
        if let Some(members) = pool.and_then(|pool| pool.members) {
            schedule.count(members);
        }
        let view = pool.map(|pool| view(pool, &self.context.node));
        schedule.see(daemon, view, Instant::now());
        if schedule.is_idle() {
            // Nobody asks any more, so nobody would ever put it right.
            let mut answer = self.answer.borrow_mut();
            (answer.found, answer.problem) = (BTreeMap::new(), None);
        }
    }

    /// Asks EC2, and lets the other pools know.
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

    /// Joins what EC2 lists and the pool does not know.
    async fn join(&self, pool: &Pool) {
        let found = self.answer.borrow().found.get(&pool.daemon).cloned().unwrap_or_default();
        if let Some(words) = rejoin::join(self.context, pool, &found.peers).await {
            self.journal.joined(&words).await;
        }
    }

    /// Says how the pool is, and how EC2 is.
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

/// What of a pool decides when EC2 is asked.
fn view(pool: &Pool, node: &Identity) -> View {
    View {
        is_server: node.quorum() == Some(pool.daemon),
        has_leader: pool.has_leader,
        known: pool.known.len(),
        expected: pool.expected,
    }
}

/// What EC2's list tells besides addresses.
fn notes(pool: &Pool, found: &Found, own: &str) -> Vec<String> {
    let mut notes: Vec<String> = found.foreign.iter().map(discovery::foreign_words).collect();
    notes.extend(differing(pool));
    let silent = found.peers.iter().filter(|peer| peer.instance != own);
    let gossips = pool.daemon == Daemon::Consul || pool.expected > 1;
    for peer in silent.filter(|peer| gossips && !pool.known.contains(&peer.address)) {
        notes.push(format!(
            "EC2 lists {} at {} as a running server, but {} does not see it alive",
            peer.instance,
            peer.address,
            rejoin::title(pool.daemon)
        ));
    }
    notes
}

/// A server that expects another number of servers. Without a leader the gate names it as the problem.
fn differing(pool: &Pool) -> Option<String> {
    let differing = pool.differing.as_ref().filter(|_| pool.has_leader)?;
    Some(format!("the {} servers disagree: {differing}", rejoin::title(pool.daemon)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::checks::tests_support::identity;
    use crate::role::Role;

    fn pool(daemon: Daemon, has_leader: bool) -> Pool {
        let known = (1..=3).map(|last| [10, 0, 0, last].into()).collect();
        Pool { daemon, known, expected: 3, has_leader, members: None, differing: None }
    }

    #[test]
    fn a_server_that_expects_another_number_is_a_note_while_there_is_a_leader() {
        let differing =
            Some("i-2 expects 5 servers, but `cos:servers` is 3 on this node".to_owned());
        let notes = |has_leader| {
            let pool = Pool { differing: differing.clone(), ..pool(Daemon::Consul, has_leader) };
            notes(&pool, &Found::default(), "i-1")
        };
        assert_eq!(
            notes(true),
            [
                "the Consul servers disagree: i-2 expects 5 servers, but `cos:servers` is 3 on this node"
            ]
        );
        assert!(notes(false).is_empty());
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
