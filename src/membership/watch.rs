//! The watch: every quarter of a minute it asks the gates and the pools of this node, joins what did not join, and says
//! in the status what is wrong.

use super::discovery::{self, Found};
use super::founding::Founding;
use super::rejoin::{self, Pool};
use crate::doctor::report::{self, Asked};
use crate::doctor::{Context, checks};
use crate::facts::FREEZE;
use crate::record::status::{self, Identity, Watch};
use crate::state::Daemon;
use crate::system::System;
use crate::system::api::ApiError;
use crate::system::environment;
use crate::system::retry::Backoff;
use futures_util::future::join_all;
use std::time::Duration;
use tokio::time::Instant;

/// How often a healthy node is looked at: a few calls to loopback.
const LOOK: Duration = Duration::from_secs(15);
/// Longest time for one answer: without a leader the agents hold a question for about 7 s.
const ANSWER: Duration = Duration::from_secs(12);
/// How long the daemons may start and join by themselves. In a cluster that boots as a whole some come before their
/// servers do, are refused, and would try again only after their own long interval.
const HEAD_START: Duration = Duration::from_secs(3);
/// How soon EC2 is asked again for a node that knows too few servers to have a leader, at first and at last: soon after a
/// boot, and seldom where the servers are gone for days and a whole fleet asks.
const LOST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// The same where there is a leader and some server is away: it may be gone for good, and many nodes ask.
const SHORT: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(600));
/// How often EC2's list is compared where nothing is short, so that a foreign instance is seen.
const AUDIT: Duration = Duration::from_secs(3600);
/// The first audit comes soon after the boot, but not with those of the whole fleet.
const FIRST_AUDIT: Duration = Duration::from_secs(20);

/// Looks after the membership for ever.
pub async fn watch(system: &System) -> Result<(), ApiError> {
    let mut rounds: Option<Rounds> = None;
    // The daemons start at this moment, and have better to do than to answer.
    tokio::time::sleep(HEAD_START).await;
    loop {
        let Some(node) = status::read(&system.root).node else {
            tokio::time::sleep(Duration::from_secs(1)).await;
            continue;
        };
        let mut current = match rounds.take() {
            Some(rounds) if rounds.context.node == node => rounds,
            _ => Rounds::new(system, node)?,
        };
        let pause = current.round(system).await;
        rounds = Some(current);
        tokio::time::sleep(pause).await;
    }
}

/// What is kept from round to round.
struct Rounds {
    context: Context,
    pools: Vec<Asking>,
    founding: Option<Founding>,
    said: Watch,
}

/// When EC2 is asked for a pool.
struct Asking {
    kind: discovery::Kind,
    short: Option<(bool, usize)>,
    backoff: Backoff,
    next: Instant,
    /// Why there was no answer the last time.
    problem: Option<String>,
    /// The last answer.
    found: Found,
}

impl Rounds {
    fn new(system: &System, node: Identity) -> Result<Self, ApiError> {
        let context = Context::new(node, &system.root, &system.environment, ANSWER)?;
        let daemon = match context.node.role.as_str() {
            "consul-server" => Some(Daemon::Consul),
            "nomad-server" => Some(Daemon::Nomad),
            _ => None,
        };
        let founding = daemon.map(|daemon| Founding::new(daemon, &context.node.instance));
        // What an earlier watch said is taken back by this one.
        let said = status::read(&system.root).watch;
        Ok(Self { context, pools: Vec::new(), founding, said })
    }

    /// Looks, joins, says; the pause until the next round.
    async fn round(&mut self, system: &System) -> Duration {
        let gates = checks::gates(&self.context.node.role);
        let asked = report::ask(&self.context, &gates).await;
        let problems = asked
            .iter()
            .filter_map(|asked| Some(format!("{}: {}", asked.check.id, asked.problem()?.found)));
        let mut seen = Watch { problems: problems.collect(), ..self.said.clone() };
        seen.notes.clear();
        // During an incident somebody froze the agent: what is wrong is said, and nothing is done about it.
        let is_frozen = system.root.stat(FREEZE).ok().flatten().is_some();
        if let Some(founding) = &mut self.founding {
            if asked.iter().all(Asked::passed) && !is_frozen {
                founding.record(system).await;
            }
            seen.problems.extend(founding.problem.clone());
        }
        let pools = rejoin::pools(&self.context).await;
        let is_short = pools.iter().any(Pool::is_short);
        seen.problems.extend(pools.iter().filter(|pool| pool.is_short()).map(Pool::words));
        // EC2 may take its time; what the daemons say is said at once.
        self.say(system, self.with_answers(seen.clone(), &pools)).await;
        if is_frozen {
            return LOOK;
        }
        for words in self.look_after(system, &pools).await {
            tracing::info!("{words}");
            let now = environment::rfc3339_now();
            seen.last_join = Some(format!("{now} {words}"));
        }
        self.say(system, self.with_answers(seen, &pools)).await;
        let soonest = self.of(&pools).map(|(asking, _)| asking.next).min();
        let until = soonest.map_or(LOOK, |next| next.saturating_duration_since(Instant::now()));
        let floor = if is_short { Duration::from_secs(1) } else { LOOK };
        until.clamp(floor, LOOK)
    }

    /// What is kept for pools that there are now; a daemon that does not answer has none.
    fn of<'a>(&'a self, pools: &'a [Pool]) -> impl Iterator<Item = (&'a Asking, &'a Pool)> {
        self.pools.iter().filter_map(|asking| {
            Some((asking, pools.iter().find(|pool| pool.kind == asking.kind)?))
        })
    }

    /// What EC2's last answers are worth saying, besides.
    fn with_answers(&self, mut seen: Watch, pools: &[Pool]) -> Watch {
        for (asking, pool) in self.of(pools) {
            seen.problems.extend(asking.problem.clone());
            seen.notes.extend(asking.notes(pool, &self.context.node.instance));
        }
        seen
    }

    /// Asks EC2 for each pool whose time it is, side by side, and joins what is missing. What came of it.
    async fn look_after(&mut self, system: &System, pools: &[Pool]) -> Vec<String> {
        for pool in pools {
            if self.pools.iter().all(|asking| asking.kind != pool.kind) {
                self.pools.push(Asking::new(pool.kind));
            }
        }
        let context = &self.context;
        let looks = self.pools.iter_mut().filter_map(|asking| {
            let pool = pools.iter().find(|pool| pool.kind == asking.kind)?;
            Some(asking.look_after(system, context, pool))
        });
        join_all(looks).await.into_iter().flatten().collect()
    }

    /// Puts on record and into the log what is new.
    async fn say(&mut self, system: &System, seen: Watch) {
        if seen == self.said {
            return;
        }
        for problem in seen.problems.iter().filter(|problem| !self.said.problems.contains(problem))
        {
            tracing::warn!("{problem}");
        }
        for note in seen.notes.iter().filter(|note| !self.said.notes.contains(note)) {
            tracing::info!("{note}");
        }
        if seen.problems.is_empty() && !self.said.problems.is_empty() {
            tracing::info!("the membership is whole again");
        }
        self.said = seen.clone();
        if let Err(error) = status::update(&system.root, |status| status.watch = seen.clone()).await
        {
            tracing::warn!("not on record: {error}: {}", error.source);
        }
    }
}

impl Asking {
    fn new(kind: discovery::Kind) -> Self {
        Self {
            kind,
            short: None,
            backoff: Backoff::new(SHORT.0, SHORT.1),
            next: Instant::now() + FIRST_AUDIT.mul_f64(fastrand::f64()),
            problem: None,
            found: Found::default(),
        }
    }

    /// Asks EC2 if it is time, and joins what is missing.
    async fn look_after(
        &mut self,
        system: &System,
        context: &Context,
        pool: &Pool,
    ) -> Option<String> {
        if !self.is_due(pool) {
            return None;
        }
        match rejoin::discover(system, &context.node, pool.kind).await {
            Ok(found) => {
                self.problem = None;
                self.found = found;
                if !pool.is_short() {
                    return None;
                }
                rejoin::join(context, pool, &self.found.peers).await
            }
            Err(error) => {
                let name = pool.kind.name();
                self.problem = Some(format!("cannot ask EC2 for the servers of {name}: {error}"));
                // Not after an hour, as the next audit would be.
                self.next = Instant::now() + self.backoff.delay();
                None
            }
        }
    }

    /// Whether EC2 shall be asked now; the next time is set.
    fn is_due(&mut self, pool: &Pool) -> bool {
        let now = Instant::now();
        let short = pool.is_short().then_some((pool.has_leader, pool.known.len()));
        if short != self.short {
            self.short = short;
            // More servers would not help where all are there and elect no leader.
            let is_lost = !pool.has_leader && pool.known.len() < pool.expected;
            let (first, last) = if is_lost { LOST } else { SHORT };
            self.backoff = Backoff::new(first, last);
            if short.is_some() {
                // The daemon's own join is at work too: it gets a head start.
                self.next = now + self.backoff.delay();
                return false;
            }
        }
        if now < self.next {
            return false;
        }
        self.next = now
            + if short.is_some() {
                self.backoff.delay()
            } else {
                AUDIT.mul_f64(0.75 + fastrand::f64() / 2.0)
            };
        true
    }

    /// What EC2's list tells besides addresses.
    fn notes(&self, pool: &Pool, own: &str) -> Vec<String> {
        let mut notes: Vec<String> =
            self.found.foreign.iter().map(discovery::foreign_words).collect();
        let silent = self.found.peers.iter().filter(|peer| peer.instance != own);
        let gossips = self.kind == discovery::Kind::Consul || pool.expected > 1;
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
