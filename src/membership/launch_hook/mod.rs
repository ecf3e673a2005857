//! The launch hook of the Auto Scaling group: the instance goes into service once its node has joined, not before.
//!
//! While the node joins, heartbeats keep the action alive; once its gates are open, the action is completed. Nothing
//! here can fail the node: a failure is logged, and retried until the caller stops.
//!
//! <https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks.html>; the role needs
//! `autoscaling:CompleteLifecycleAction` and `autoscaling:RecordLifecycleActionHeartbeat` on its group, and
//! `autoscaling:DescribeAutoScalingInstances` on `*`.

mod calls;
mod machine;
mod outcome;

use crate::facts::instance::Instance;
use crate::facts::{self, FREEZE};
use crate::node::Node;
use crate::system::System;
use crate::system::aws::autoscaling::Verdict;
use calls::Caller;
use machine::{Call, Event, Machine, Step};
pub use outcome::{Outcome, load};
use std::pin::pin;
use std::time::Duration;

/// How often to check whether a node that should be abandoned is still frozen.
const FROZEN: Duration = Duration::from_secs(15);

/// The launch hook of a node.
#[derive(Debug, Clone)]
pub struct Hook {
    /// Its name.
    pub name: String,
    /// The instance that it holds.
    pub instance: Instance,
    /// The time between two heartbeats.
    pub heartbeat: Duration,
    /// After how long the instance is abandoned, counted from the start of [`run`].
    pub abandon_after: Option<Duration>,
}

impl Hook {
    /// The hook that the tag of this node names; `None` without the tag.
    pub fn of(node: &Node) -> Option<Self> {
        let settings = &node.settings.launch_hook;
        Some(Self {
            name: node.launch_hook.clone()?,
            instance: node.instance.clone(),
            heartbeat: Duration::from_secs(settings.heartbeat.seconds()),
            abandon_after: settings.abandon_after.map(|time| Duration::from_secs(time.seconds())),
        })
    }
}

/// Holds the hook until `joined` resolves, then completes it. Returns when nothing is left to do: before `joined` if
/// the hook does not hold the instance, and never if AWS does not accept the completion; drop the future to stop. Each
/// new outcome is logged and passed to `report`.
///
/// The outcome is saved in [`crate::store::launch_hook`]; if an outcome for this instance and hook is there already, no
/// call is made.
pub async fn run(
    system: &System,
    hook: &Hook,
    joined: impl Future<Output = ()>,
    mut report: impl FnMut(&Outcome),
) -> Outcome {
    if let Some(outcome) = load(&system.root, hook) {
        report(&outcome);
        return outcome;
    }
    let mut last = None;
    let mut tell = |outcome: Outcome| {
        if last.as_ref() != Some(&outcome) {
            match &outcome {
                Outcome::StillTrying { .. } => {
                    tracing::warn!("launch hook {}: {outcome}", hook.name)
                }
                _ => tracing::info!("launch hook {}: {outcome}", hook.name),
            }
            report(&outcome);
            last = Some(outcome);
        }
    };
    let caller = Caller::new(system, hook);
    let mut machine = Machine::new(hook.heartbeat);
    let mut joined = pin!(joined);
    let mut overdue = pin!(overdue(system, hook.abandon_after));
    let mut heartbeats = 0;
    tell(Outcome::Holding { heartbeats });
    let mut step = machine.start();
    loop {
        if let Step::End(outcome) = step {
            tell(outcome.clone());
            if !caller.comes_again() {
                save(system, hook, &outcome).await;
            }
            return outcome;
        }
        if step == Step::Call(Call::Complete(Verdict::Abandon)) && is_frozen(system) {
            step = machine.next(Event::Frozen);
            overdue.set(self::overdue(system, Some(Duration::ZERO)));
        }
        // A verdict that is being sent cannot be taken back; a heartbeat can be interrupted.
        let may_join = machine.holds() || matches!(step, Step::Wait(_)) && !machine.continues();
        let (event, why) = tokio::select! {
            biased;
            () = &mut joined, if may_join => (Event::Joined, None),
            () = &mut overdue, if machine.holds() => (Event::Overdue, None),
            result = caller.does(&step) => result,
        };
        if event == Event::Taken && machine.holds() {
            heartbeats += 1;
            tell(Outcome::Holding { heartbeats });
        }
        step = machine.next(event);
        if let (Step::Wait(_), Some(why)) = (&step, why) {
            tell(Outcome::StillTrying { why });
        }
    }
}

/// Resolves once the node should be abandoned. A frozen node is not abandoned, because an operator examines it.
async fn overdue(system: &System, time: Option<Duration>) {
    let Some(time) = time else { return std::future::pending().await };
    tokio::time::sleep(time).await;
    let mut said = false;
    while is_frozen(system) {
        if !said {
            tracing::warn!(
                "the agent is frozen ({FREEZE} exists), so the launch hook is not abandoned"
            );
            said = true;
        }
        tokio::time::sleep(FROZEN).await;
    }
}

/// Whether the agent is frozen; `true` if that cannot be verified, so that no instance is abandoned by mistake.
fn is_frozen(system: &System) -> bool {
    facts::is_frozen(&system.root).unwrap_or(true)
}

/// If the file cannot be written, the next boot makes one more call.
async fn save(system: &System, hook: &Hook, outcome: &Outcome) {
    if let Err(error) = outcome::save(&system.root, hook, outcome).await {
        tracing::warn!("{error}: {}; the next boot calls Auto Scaling again", error.source);
    }
}
