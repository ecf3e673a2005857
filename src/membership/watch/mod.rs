//! The watch: it asks the gates and the pools of this node again and again, joins what did not join, and says in the
//! status what is wrong.

mod asking;
mod board;
mod need;
mod pace;
mod schedule;

use super::join::rejoin;
use super::quorum::founding::Founding;
use super::quorum::guard;
use crate::gates::report::{self, Asked};
use crate::gates::{Context, checks};
use crate::store::status::{self, Identity};
use crate::system::System;
use crate::system::daemon::api::ApiError;
use crate::system::retry::Backoff;
use asking::Asking;
use board::{Board, Seen, Topic};
use futures_util::future::{join, join_all, select};
use pace::{LOOK, SOON, is_still, may_act};
use std::pin::pin;
use std::time::Duration;

/// Longest time for one answer: without a leader the agents hold a question for about 7 s.
const ANSWER: Duration = Duration::from_secs(12);
/// How long the daemons may start and join by themselves. In a cluster that boots as a whole some come before their
/// servers do, are refused, and would try again only after their own long interval.
const HEAD_START: Duration = Duration::from_secs(3);

/// Looks after the membership for ever.
pub async fn watch(system: &System) -> Result<(), ApiError> {
    // The daemons start at this moment, and have better to do than to answer.
    if status::load(&system.root).watch_joins.is_none() {
        tokio::time::sleep(HEAD_START).await;
    }
    loop {
        let status::Status { node, watch_joins, .. } = status::load(&system.root);
        let watch_joins = watch_joins.is_some();
        let Some(node) = node else {
            tokio::time::sleep(SOON).await;
            continue;
        };
        let context = Context::new(node, &system.root, &system.environment, ANSWER)?;
        let daemons = rejoin::daemons(&context.node);
        let pools = daemons.iter().map(|daemon| Topic::Pool(*daemon));
        let topics = pools.chain([Topic::Gates, Topic::Ec2]);
        let board = Board::new(system, topics);
        // Each in its own time: a Nomad without leader holds its gate for seconds, and Consul's join cannot wait for that.
        let asking = Asking::new(system, &context, &board, watch_joins);
        let pools = daemons.iter().map(|daemon| asking.look_after(*daemon));
        let all = join(look_at_gates(system, &context, &board), join_all(pools));
        select(pin!(all), pin!(changed(system, &context.node, watch_joins))).await;
    }
}

/// Returns when an `apply` has made another node of this machine, or has found another Consul on it.
async fn changed(system: &System, node: &Identity, watch_joins: bool) {
    while is_still(system, node) && status::load(&system.root).watch_joins.is_some() == watch_joins
    {
        tokio::time::sleep(LOOK).await;
    }
}

/// Asks the gates for ever; a server that is a peer of a leader puts on record that its cluster has formed, whether or not
/// ACLs hide its vote from the gates.
async fn look_at_gates(system: &System, context: &Context, board: &Board<'_>) {
    let gates = checks::gates(context.node.role);
    let mut founding =
        context.node.quorum().map(|daemon| Founding::new(daemon, &context.node.instance));
    let mut backoff = Backoff::new(SOON, LOOK);
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
        board.put(Topic::Gates, Seen { problems, notes: Vec::new() }).await;
        let pause = if are_open {
            backoff = Backoff::new(SOON, LOOK);
            LOOK
        } else {
            backoff.delay()
        };
        tokio::time::sleep(pause).await;
    }
}
