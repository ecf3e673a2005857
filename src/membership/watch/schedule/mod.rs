//! PURE: when a node asks EC2 for the servers of its cluster.
//!
//! EC2 grants an account 100 calls at once and then 20 a second (`DescribeInstances`,
//! <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>), and a server that replaces another needs
//! one of them. So a node asks only if the answer can help it:
//!
//! | the node | sees of a pool | asks |
//! |---|---|---|
//! | is not one of its servers | a leader | never: gossip tells it of every server |
//! | is not one of its servers | no leader | at a random moment within 50 ms for each member, then with growing pauses |
//! | is one of its servers | too few servers, or no leader | soon, then with growing pauses |
//! | is one of its servers | all of them, and a leader | once an hour, to find instances that carry the tag by mistake |

use crate::membership::watch::need::{View, Want};
use crate::state::Daemon;
use crate::system::retry::Backoff;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// The first and the longest pause if a pool knows too few servers for a leader: short after a boot, long if the
/// servers are gone for days and all nodes ask.
const LOST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// The same if there is a leader but a server is missing, or all servers are known but elect no leader.
const SHORT: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(600));
/// How often EC2's list is compared if nothing is missing, to find foreign instances.
const AUDIT: Duration = Duration::from_secs(3600);
/// Longest time until the first audit. The time is random, so that the servers do not all ask together.
const FIRST_AUDIT: Duration = Duration::from_secs(20);
/// What each node that may ask adds to the time over which all nodes spread their requests: EC2 grants 20 calls a second.
const SHARE: Duration = Duration::from_millis(50);
/// How long a node that lost its leader waits for a new one, because EC2's list does not help in an election.
const ELECTION: Duration = Duration::from_secs(10);
/// Longest first wait of a node whose Consul knows no server and cannot find any by itself.
const AT_ONCE: Duration = Duration::from_secs(1);
/// The shortest pause after EC2 answered that it is busy: because others ask too.
const BUSY: Duration = Duration::from_secs(10);

/// The result of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// EC2 has answered.
    Answered,
    /// EC2 was not reached, or refused.
    Failed,
    /// EC2 was reached but throttled the request or failed.
    Busy,
}

/// When this node asks EC2: one request for all of its pools.
pub(super) struct Schedule {
    /// The last view of each pool.
    views: BTreeMap<Daemon, View>,
    /// The pools whose daemon does not answer now. Their last view stays, so an agent that hangs now and then does not
    /// delay a request.
    silent: BTreeSet<Daemon>,
    /// The pools that have had a leader since the watch began.
    led: BTreeSet<Daemon>,
    /// How many nodes gossip, as far as this one knows.
    members: usize,
    next: Option<Instant>,
    is_asking: bool,
    is_helpless: bool,
    last: Outcome,
    backoff: Backoff,
}

impl Schedule {
    /// A schedule without views. `is_helpless` means that Consul does not find its servers by itself.
    pub(super) fn new(is_helpless: bool) -> Self {
        Self {
            is_helpless,
            views: BTreeMap::new(),
            silent: BTreeSet::new(),
            led: BTreeSet::new(),
            members: 1,
            next: None,
            is_asking: false,
            last: Outcome::Answered,
            backoff: Backoff::new(SHORT.0, SHORT.1),
        }
    }

    /// Takes the view of a pool; `None` if its daemon does not answer.
    pub(super) fn see(&mut self, daemon: Daemon, view: Option<View>, now: Instant) {
        let before = self.short();
        let Some(view) = view else {
            self.silent.insert(daemon);
            return;
        };
        self.silent.remove(&daemon);
        self.views.insert(daemon, view);
        let short = self.short();
        match self.want() {
            Want::Nothing => self.next = None,
            Want::Audit if self.next.is_none() => {
                self.next = Some(now + FIRST_AUDIT.mul_f64(fastrand::f64()));
            }
            // The daemon has joined by itself. Asks again soon, so that a past problem with EC2 is not reported any longer.
            Want::Audit if short != before && self.last != Outcome::Answered => {
                self.backoff = Backoff::new(SHORT.0, SHORT.1);
                self.next = Some(now + self.backoff.delay());
            }
            // Something else is missing than before, so the pauses are short again. A request that is due earlier stays.
            Want::Short | Want::Lost if short != before => {
                let first = now + self.first_pause();
                let was_asking = !before.is_empty();
                self.next = Some(self.next.filter(|_| was_asking).map_or(first, |n| n.min(first)));
            }
            Want::Audit | Want::Short | Want::Lost => {}
        }
        self.led.extend(self.views.iter().filter(|(_, view)| view.has_leader).map(|(k, _)| *k));
    }

    /// Sets how many nodes gossip.
    pub(super) fn count(&mut self, members: usize) {
        self.members = members.max(1);
    }

    /// Whether this pool should ask now. If so, no other pool asks before [`Schedule::asked`].
    pub(super) fn begin(&mut self, daemon: Daemon, now: Instant) -> bool {
        let answering = self.views.iter().filter(|(daemon, _)| !self.silent.contains(*daemon));
        let most = answering.map(|(_, view)| view.want()).max();
        let own = self.views.get(&daemon).map(|view| view.want());
        let is_reason = own == most && own.is_some_and(|want| want > Want::Nothing);
        let begins = is_reason && !self.is_asking && self.next.is_some_and(|next| next <= now);
        self.is_asking |= begins;
        begins
    }

    /// Takes the result of the request, and sets the time of the next one.
    pub(super) fn asked(&mut self, outcome: Outcome, now: Instant) {
        self.is_asking = false;
        self.last = outcome;
        let least = if outcome == Outcome::Busy { BUSY } else { Duration::ZERO };
        let least = least.mul_f64(0.5 + fastrand::f64() / 2.0);
        let pause = match (self.want(), outcome) {
            (Want::Nothing, _) => {
                self.next = None;
                return;
            }
            (Want::Audit, Outcome::Answered) => AUDIT.mul_f64(0.75 + fastrand::f64() / 2.0),
            _ => self.backoff.delay().max(least),
        };
        self.next = Some(now + pause);
    }

    /// When EC2 is asked next.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Whether the pools need nothing from EC2, so that its last answer is of no use any more.
    pub(super) fn is_idle(&self) -> bool {
        !self.views.is_empty() && self.want() == Want::Nothing
    }

    fn want(&self) -> Want {
        self.views.values().map(|view| view.want()).max().unwrap_or(Want::Nothing)
    }

    /// The pools from which a server or the leader is missing.
    fn short(&self) -> BTreeMap<Daemon, View> {
        let short = self.views.iter().filter(|(_, view)| view.want() >= Want::Short);
        short.map(|(daemon, view)| (*daemon, *view)).collect()
    }

    /// The time until the first request for what is missing now; sets the pauses after it.
    fn first_pause(&mut self) -> Duration {
        let short = self.short();
        let (first, last) = if self.want() == Want::Lost { LOST } else { SHORT };
        let as_server = short.values().filter(|view| view.is_server).map(|view| view.expected);
        let askers = as_server.max().unwrap_or(self.members);
        let spread = SHARE * u32::try_from(askers).unwrap_or(u32::MAX);
        // All nodes ask once before any asks a second time.
        self.backoff = Backoff::new(2 * first.max(spread), last.max(2 * spread));
        if self.is_helpless && short.get(&Daemon::Consul).is_some_and(|view| view.is_alone()) {
            // Consul cannot join by itself, so only the watch can bring it into the pool.
            return AT_ONCE.mul_f64(fastrand::f64());
        }
        let waits = short.iter().all(|(daemon, view)| !view.is_server && self.led.contains(daemon));
        let election = if waits { ELECTION } else { Duration::ZERO };
        // The daemon also tries to join by itself, and gets a head start.
        election + first.mul_f64(0.5 + fastrand::f64() / 2.0) + spread.mul_f64(fastrand::f64())
    }
}

#[cfg(test)]
mod fleet;

#[cfg(test)]
mod tests;
