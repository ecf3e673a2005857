//! The watch: watchers that look at this node again and again, mend its membership, and report what is wrong in the
//! status.
//!
//! To add a watcher: a file here with its `WATCHER`, and its line in [`WATCHERS`]. The watch runs in a sandbox without a
//! capability and without systemd's socket: a watcher reads, calls the daemons and AWS, and writes the status. What needs
//! more rights is a unit of its own that a `.path` unit starts.

mod cadence;
mod gates;
mod journal;
mod need;
mod pools;
mod schedule;

use crate::gates::Context;
use crate::store::status::{self, Identity};
use crate::system::System;
use crate::system::daemon::api::ApiError;
use cadence::{FIRST_INTERVAL, INTERVAL, is_still};
use futures_util::future::{LocalBoxFuture, join_all, select};
use journal::{Journal, Topic};
use std::pin::pin;
use std::time::Duration;

/// The watchers, in the order in which people read their reports.
static WATCHERS: &[&Watcher] = &[&gates::WATCHER, &pools::WATCHER];

/// Something that is looked at for as long as the node is the same.
struct Watcher {
    /// What it reports on, on this node.
    topics: fn(&Identity) -> Vec<Topic>,
    /// Looks at it for ever.
    watch: for<'a> fn(&'a Watched<'a>) -> LocalBoxFuture<'a, ()>,
}

/// What a watcher works with.
struct Watched<'a> {
    system: &'a System,
    context: &'a Context,
    journal: &'a Journal<'a>,
    /// Whether the Consul on this node does not find its servers by itself.
    watch_joins: bool,
}

/// Longest time for one answer of a daemon: without a leader the agents hold a request for about 7 s.
const API_TIMEOUT: Duration = Duration::from_secs(12);
/// How long the daemons may start and join by themselves. In a cluster that boots as a whole some come before their
/// servers do, are refused, and would try again only after their own long interval.
const HEAD_START: Duration = Duration::from_secs(3);

/// Runs all watchers for ever.
pub async fn watch(system: &System) -> Result<(), ApiError> {
    // The daemons start at this moment, and have better to do than to answer.
    if status::load(&system.root).watch_joins.is_none() {
        tokio::time::sleep(HEAD_START).await;
    }
    loop {
        let status::Status { node, watch_joins, .. } = status::load(&system.root);
        let watch_joins = watch_joins.is_some();
        let Some(node) = node else {
            tokio::time::sleep(FIRST_INTERVAL).await;
            continue;
        };
        let context = Context::new(node, &system.root, &system.environment, API_TIMEOUT)?;
        let topics = WATCHERS.iter().flat_map(|watcher| (watcher.topics)(&context.node));
        let journal = Journal::new(system, topics);
        let watched = Watched { system, context: &context, journal: &journal, watch_joins };
        let all = join_all(WATCHERS.iter().map(|watcher| (watcher.watch)(&watched)));
        select(all, pin!(changed(system, &context.node, watch_joins))).await;
    }
}

/// Returns when an `apply` has made another node of this machine, or has found another Consul on it.
async fn changed(system: &System, node: &Identity, watch_joins: bool) {
    while is_still(system, node) && status::load(&system.root).watch_joins.is_some() == watch_joins
    {
        tokio::time::sleep(INTERVAL).await;
    }
}
