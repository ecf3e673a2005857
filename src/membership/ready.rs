//! What `cos-agent-ready.service` is: the wait for the gates, systemd told when they are open, and the launch hook
//! held until then.

use super::launch_hook::{self, Hook};
use super::wait::{self, Goal, Joined, WaitError};
use crate::facts;
use crate::node;
use crate::record::boots::Stopwatch;
use crate::record::status;
use crate::system::System;
use crate::system::notify;
use crate::system::retry::Deadline;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Waits until this node has joined, and then until its launch hook is done with. A hook that cannot be completed keeps
/// nobody from being ready.
pub async fn ready(
    system: &System,
    deadline: Deadline,
    keep_waiting: bool,
) -> Result<Joined, WaitError> {
    let (say, joined) = oneshot::channel();
    let gates = async {
        let mut stopwatch = Stopwatch::start();
        let joined =
            wait::wait(system, Goal::Ready, deadline, keep_waiting, &mut stopwatch).await?;
        wait::record(system, stopwatch).await;
        notify::ready(system.environment.notify_socket.as_deref());
        // A hook that is done with already does not listen any more.
        let _ = say.send(());
        Ok::<_, WaitError>(joined)
    };
    let hook = async {
        hold(system, joined).await;
        Ok(())
    };
    Ok(futures_util::future::try_join(gates, hook).await?.0)
}

/// Holds the launch hook of this node, if it has one, and keeps the status up to date with it.
async fn hold(system: &System, joined: oneshot::Receiver<()>) {
    let Some(hook) = hook(system).await else { return };
    let (tell, mut told) = mpsc::unbounded_channel();
    let joined = async {
        if joined.await.is_err() {
            // The gates did not open: whoever waits for them ends, and this with it.
            std::future::pending().await
        }
    };
    let running = async {
        // Moved in, so that the channel ends with the hook.
        let tell = tell;
        launch_hook::run(system, &hook, joined, |outcome| {
            let _ = tell.send(format!("{}: {outcome}", hook.name));
        })
        .await
    };
    let recording = async {
        while let Some(words) = told.recv().await {
            let written =
                status::update(&system.root, |status| status.launch_hook = Some(words.clone()));
            if let Err(error) = written.await {
                tracing::warn!("not on record: {error}: {}", error.source);
            }
        }
    };
    futures_util::future::join(running, recording).await;
}

/// The hook that the tags of this node name. They are in the facts of the `apply` that made the node, which writes them
/// when it ends: a little later than it starts this.
async fn hook(system: &System) -> Option<Hook> {
    loop {
        if status::read(&system.root).applied.is_some()
            && let Some(facts) = facts::remembered(&system.root)
        {
            return Hook::of(&node::resolve(&facts).ok()?);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
