//! `cos-agent-ready.service`: waits for the gates, holds the launch hook until they are open, and notifies systemd.

use super::launch_hook::{self, Hook};
use super::wait::{self, Goal, Joined, OnFailure, WaitError};
use crate::facts::last_good::LAST_GOOD;
use crate::node;
use crate::store::boots::Stopwatch;
use crate::store::status;
use crate::system::System;
use crate::system::retry::Deadline;
use crate::system::systemd::notify;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// How long to wait for the facts before a warning: `apply` may be about to write them.
const WITHOUT_FACTS: Duration = Duration::from_secs(15);
/// How often the facts are read for another hook.
const ANOTHER: Duration = Duration::from_secs(5);

/// Waits until this node has joined, and then until nothing is left to do about its launch hook. A hook that cannot be
/// completed does not keep the service from being ready.
pub async fn ready(
    system: &System,
    deadline: Deadline,
    on_failure: OnFailure,
) -> Result<Joined, WaitError> {
    let (say, joined) = watch::channel(false);
    let gates = async {
        let mut stopwatch = Stopwatch::start();
        let joined = wait::wait(system, Goal::Ready, deadline, on_failure, &mut stopwatch).await?;
        wait::save(system, stopwatch).await;
        notify::ready(system.environment.notify_socket.as_deref());
        // The receiver is gone if nothing is left to do about the hook.
        let _ = say.send(true);
        Ok::<_, WaitError>(joined)
    };
    let hook = async {
        hold(system, joined).await;
        Ok(())
    };
    Ok(futures_util::future::try_join(gates, hook).await?.0)
}

/// Holds the launch hook of this node until nothing is left to do, and follows a change of the tag that names it.
async fn hold(system: &System, joined: watch::Receiver<bool>) {
    loop {
        let hook = hook(system).await;
        tokio::select! {
            () = until_done(system, hook.as_ref(), joined.clone()) => return,
            () = until_another(system, hook.as_ref()) => {}
        }
    }
}

/// Runs the hook and records its state in the status. Without a hook, only waits for the join.
async fn until_done(system: &System, hook: Option<&Hook>, mut joined: watch::Receiver<bool>) {
    let joined = async move {
        if joined.wait_for(|joined| *joined).await.is_err() {
            // The gates did not open. The wait for them ends with an error, which ends this future too.
            std::future::pending().await
        }
    };
    let Some(hook) = hook else { return joined.await };
    let (tell, mut told) = mpsc::unbounded_channel();
    let running = async {
        // Moved in, so that the channel ends with the hook.
        let tell = tell;
        launch_hook::run(system, hook, joined, |outcome| {
            let _ = tell.send(format!("{}: {outcome}", hook.name));
        })
        .await
    };
    let recording = async {
        while let Some(words) = told.recv().await {
            let written =
                status::update(&system.root, |status| status.launch_hook = Some(words.clone()));
            if let Err(error) = written.await {
                tracing::warn!("cannot save the status: {error}: {}", error.source);
            }
        }
    };
    futures_util::future::join(running, recording).await;
}

/// The hook that the tags of this node name. The tags are in the facts, which `apply` writes when it ends, a little
/// after it has started this unit. An `apply` in which one action failed counts too.
async fn hook(system: &System) -> Option<Hook> {
    let (since, mut said) = (Instant::now(), false);
    loop {
        let record = status::load(&system.root);
        let facts = LAST_GOOD.known(&system.root).filter(|facts| {
            record.node.as_ref().is_some_and(|node| node.instance == facts.instance.id)
        });
        if let Some(Ok(node)) = facts.map(|facts| node::resolve(&facts))
            && (record.applied.is_some() || record.problem.is_some())
        {
            return Hook::of(&node);
        }
        if !said && since.elapsed() > WITHOUT_FACTS && record.node.is_some() {
            tracing::warn!(
                "cannot read the facts of this instance in {}, so the launch hook is unknown; run `cos-agent apply`",
                LAST_GOOD.path()
            );
            said = true;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Returns when the tags name another hook.
async fn until_another(system: &System, known: Option<&Hook>) {
    loop {
        tokio::time::sleep(ANOTHER).await;
        let found = hook(system).await;
        if found.as_ref().map(|hook| &hook.name) != known.map(|hook| &hook.name) {
            return;
        }
    }
}
