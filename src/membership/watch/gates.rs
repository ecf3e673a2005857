//! The watcher of the gates, and of the record that the cluster of this server has formed.

use super::cadence::{FIRST_INTERVAL, INTERVAL, may_act};
use super::journal::{Report, Topic};
use super::{Watched, Watcher};
use crate::gates::checks;
use crate::gates::report::{self, Asked};
use crate::membership::quorum::founding::Founding;
use crate::membership::quorum::guard;
use crate::system::retry::Backoff;
use futures_util::FutureExt;

/// Asks the gates of this node.
pub(super) static WATCHER: Watcher =
    Watcher { topics: |_| vec![TOPIC], watch: |watched| look(watched).boxed_local() };

const TOPIC: Topic = Topic("gates");

/// Asks the gates for ever. A server that is a Raft peer and has a leader records that its cluster has formed, even if
/// ACLs hide its vote from the gates.
async fn look(watched: &Watched<'_>) {
    let Watched { system, context, journal, .. } = watched;
    let gates = checks::gates(context.node.role);
    let mut founding =
        context.node.quorum().map(|daemon| Founding::new(daemon, &context.node.instance));
    let mut backoff = Backoff::new(FIRST_INTERVAL, INTERVAL);
    loop {
        let asked = report::ask(context, &gates).await;
        let are_open = asked.iter().all(Asked::passed);
        let words = |asked: &Asked| Some(format!("{}: {}", asked.check.id, asked.problem()?.found));
        let mut problems: Vec<String> = asked.iter().filter_map(words).collect();
        if let Some(founding) = &mut founding {
            let (daemon, address) = (founding.daemon, context.node.address);
            if may_act(system, &context.node)
                && (are_open || guard::has_joined(system, address, daemon).await)
            {
                founding.record(system).await;
            }
            problems.extend(founding.problem.clone());
        }
        journal.put(TOPIC, Report { problems, notes: Vec::new() }).await;
        let pause = if are_open {
            backoff = Backoff::new(FIRST_INTERVAL, INTERVAL);
            INTERVAL
        } else {
            backoff.delay()
        };
        tokio::time::sleep(pause).await;
    }
}
