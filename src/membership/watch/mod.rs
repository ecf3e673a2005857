//! The watch: watchers that check this node again and again, repair its membership, and report problems in the status.
//!
//! To add a watcher: a file here with its `WATCHER`, and its line in [`WATCHERS`]. The watch runs in a sandbox without
//! capabilities and without systemd's socket: a watcher reads, calls the daemons and AWS, and writes the status. A task
//! that needs more rights must be a unit of its own that a `.path` unit starts.

mod cadence;
mod diagnose;
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
static WATCHERS: &[&Watcher] = &[&gates::WATCHER, &pools::WATCHER, &diagnose::WATCHER];

/// A task that runs for as long as the node stays the same.
struct Watcher {
    /// The topics that it reports on for this node.
    topics: fn(&Identity) -> Vec<Topic>,
    /// Runs for ever.
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
/// How long the daemons get to start and join by themselves. When a whole cluster boots, some daemons start before
/// their servers, are refused, and would retry only after their own long interval.
const HEAD_START: Duration = Duration::from_secs(3);

/// Runs all watchers for ever.
pub async fn watch(system: &System) -> Result<(), ApiError> {
    // The daemons are starting now, and requests would only slow them down.
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

/// Returns when an `apply` has given this machine another identity, or has found another version of Consul on it.
async fn changed(system: &System, node: &Identity, watch_joins: bool) {
    while is_still(system, node) && status::load(&system.root).watch_joins.is_some() == watch_joins
    {
        tokio::time::sleep(INTERVAL).await;
    }
}
