//! The watch over one pool of servers: when EC2 is asked for them, what is joined, and what is worth saying.

use super::board::{Board, Seen, Topic};
use super::discovery::{self, Found, Kind};
use super::pace::{LOOK, SOON, may_act};
use super::rejoin::{self, Pool};

use crate::doctor::Context;
use crate::system::System;
use crate::system::retry::Backoff;
use std::time::Duration;
use tokio::time::Instant;

/// How soon EC2 is asked again for a node that knows too few servers to have a leader, at first and at last: soon after a
/// boot, and seldom where the servers are gone for days and a whole fleet asks.
const LOST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// The same where there is a leader and some server is away: it may be gone for good, and many nodes ask.
const SHORT: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(600));
/// How often EC2's list is compared where nothing is short, so that a foreign instance is seen.
const AUDIT: Duration = Duration::from_secs(3600);
/// The first audit comes soon after the boot, but not with those of the whole fleet.
const FIRST_AUDIT: Duration = Duration::from_secs(20);

/// A pool under watch.
pub(super) struct Asking {
    /// Whose servers.
    kind: Kind,
    /// When EC2 is asked next.
    next: Instant,
    /// Why there was no answer the last time.
    problem: Option<String>,
    /// Leader and number of known servers, as long as something is missing.
    short: Option<(bool, usize)>,
    backoff: Backoff,
    /// The last answer.
    found: Found,
}

impl Asking {
    /// Nothing was asked yet.
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            next: first_audit(),
            problem: None,
            short: None,
            backoff: Backoff::new(SHORT.0, SHORT.1),
            found: Found::default(),
        }
    }

    /// Looks after the pool for ever.
    pub(super) async fn look_after(
        mut self,
        system: &System,
        context: &Context,
        board: &Board<'_>,
    ) {
        let mut backoff = Backoff::new(SOON, LOOK);
        loop {
            let pause = match rejoin::pool(context, self.kind).await {
                Ok(pool) => {
                    backoff = Backoff::new(SOON, LOOK);
                    self.round(system, context, &pool, board).await
                }
                Err(error) => {
                    let name = self.kind.name();
                    let silent = format!("{name} does not tell of its servers: {error}");
                    board.put(Topic::Pool(self.kind), Seen::problem(silent)).await;
                    self.next = first_audit();
                    backoff.delay()
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Says how the pool is, and if it is time asks EC2 and joins what is missing; the pause until the next round.
    async fn round(
        &mut self,
        system: &System,
        context: &Context,
        pool: &Pool,
        board: &Board<'_>,
    ) -> Duration {
        let own = &context.node.instance;
        self.note(pool);
        // EC2 may take its time; what the daemon says is said at once.
        board.put(Topic::Pool(self.kind), self.seen(pool, own)).await;
        if !may_act(system, &context.node) {
            return LOOK;
        }
        if Instant::now() >= self.next {
            self.ask(system, context).await;
            if pool.is_short()
                && self.problem.is_none()
                && let Some(words) = rejoin::join(context, pool, &self.found.peers).await
            {
                board.joined(&words).await;
            }
            board.put(Topic::Pool(self.kind), self.seen(pool, own)).await;
        }
        let until = self.next.saturating_duration_since(Instant::now());
        if pool.is_short() { until.clamp(SOON, LOOK) } else { LOOK }
    }

    /// Asks EC2, and sets the time of the next question.
    async fn ask(&mut self, system: &System, context: &Context) {
        match rejoin::discover(system, &context.node, self.kind).await {
            Ok(found) => (self.found, self.problem) = (found, None),
            Err(error) => {
                let name = self.kind.name();
                self.problem = Some(format!("cannot ask EC2 for the servers of {name}: {error}"));
            }
        }
        self.next = Instant::now() + self.pause();
    }

    /// What is worth saying of the pool.
    fn seen(&self, pool: &Pool, own: &str) -> Seen {
        let short = pool.is_short().then(|| pool.words());
        let problems = short.into_iter().chain(self.problem.clone()).collect();
        Seen { problems, notes: self.notes(pool, own) }
    }

    /// Begins with short pauses again when something else is missing than before, or nothing any more.
    fn note(&mut self, pool: &Pool) {
        let short = pool.is_short().then_some((pool.has_leader, pool.known.len()));
        if short == self.short {
            return;
        }
        self.short = short;
        // More servers would not help where all are there and elect no leader.
        let is_lost = !pool.has_leader && pool.known.len() < pool.expected;
        let (first, last) = if is_lost { LOST } else { SHORT };
        self.backoff = Backoff::new(first, last);
        // The daemon's own join is at work too: it gets a head start. Where it succeeded, a trouble with EC2 is not
        // reported for longer than it lasts.
        if short.is_some() || self.problem.is_some() {
            self.next = Instant::now() + self.backoff.delay();
        }
    }

    /// The time until the next question.
    fn pause(&mut self) -> Duration {
        if self.short.is_some() || self.problem.is_some() {
            self.backoff.delay()
        } else {
            AUDIT.mul_f64(0.75 + fastrand::f64() / 2.0)
        }
    }

    /// What EC2's list tells besides addresses.
    fn notes(&self, pool: &Pool, own: &str) -> Vec<String> {
        let mut notes: Vec<String> =
            self.found.foreign.iter().map(discovery::foreign_words).collect();
        // Without a leader the gate names it as the problem.
        if let Some(differing) = pool.differing.as_ref().filter(|_| pool.has_leader) {
            notes.push(format!("of the servers of {}, {differing}", self.kind.name()));
        }
        let silent = self.found.peers.iter().filter(|peer| peer.instance != own);
        let gossips = self.kind == Kind::Consul || pool.expected > 1;
        for peer in silent.filter(|peer| gossips && !pool.known.contains(&peer.address)) {
            notes.push(format!(
                "EC2 lists {} at {} as a running server, and {} does not see it alive",
                peer.instance,
                peer.address,
                self.kind.name()
            ));
        }
        notes
    }
}

/// Soon after the daemon answers for the first time, or again.
fn first_audit() -> Instant {
    Instant::now() + FIRST_AUDIT.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(known: u8) -> Pool {
        let known = (1..=known).map(|last| [10, 0, 0, last].into()).collect();
        Pool { kind: Kind::Consul, known, expected: 3, has_leader: true, differing: None }
    }

    #[test]
    fn a_server_that_expects_another_number_is_a_note_while_there_is_a_leader() {
        let differing = Some("i-2 expects 5 of them, and `cos:servers` is 3 here".to_owned());
        let notes = |has_leader| {
            let pool = Pool { differing: differing.clone(), has_leader, ..pool(3) };
            Asking::new(Kind::Consul).notes(&pool, "i-1")
        };
        assert_eq!(
            notes(true),
            ["of the servers of Consul, i-2 expects 5 of them, and `cos:servers` is 3 here"]
        );
        assert!(notes(false).is_empty());
    }

    fn in_how_long(asking: &Asking) -> Duration {
        asking.next.saturating_duration_since(Instant::now())
    }

    #[test]
    fn a_trouble_is_asked_about_again_soon_after_the_daemon_joined_by_itself() {
        let mut asking = Asking::new(Kind::Consul);
        asking.note(&pool(1));
        asking.problem = Some("EC2 denied it".to_owned());
        let pauses: Vec<Duration> = (0..8).map(|_| asking.pause()).collect();
        assert!(pauses[0] <= 2 * SHORT.0, "{pauses:?}");
        assert!(pauses[7] >= SHORT.1 / 2, "{pauses:?}");
        asking.next = Instant::now() + pauses[7];
        asking.note(&pool(3));
        assert!(in_how_long(&asking) <= SHORT.0, "{:?}", in_how_long(&asking));
    }

    #[test]
    fn where_nothing_is_wrong_ec2_is_asked_once_an_hour() {
        let mut asking = Asking::new(Kind::Consul);
        let first = asking.next;
        asking.note(&pool(3));
        assert_eq!(asking.next, first);
        assert!(in_how_long(&asking) <= FIRST_AUDIT);
        assert!(asking.pause() >= AUDIT.mul_f64(0.75));
    }
}
