//! PURE: what to do next about a launch hook. All decisions are here.
//!
//! ```text
//! hold ──(gates open)──▶ continue        a call ──taken──▶ end, or the next heartbeat
//!   └──(overdue)───▶ abandon ─(frozen)▶ hold│ ──no active action──▶ ask for the state
//!                      └(gates open)▶ continue                         │ past the hook ──▶ end
//!                                           │                          └ still held ──▶ again in 5 s
//!                                           └──failed──▶ again after a back-off
//! ```

use super::Outcome;
use crate::system::aws::autoscaling::Verdict;
use crate::system::retry::Backoff;
use std::time::Duration;

/// The pause if the state is `Pending:Wait` but no action is active yet: AWS does not update the two together.
const RACE: Duration = Duration::from_secs(5);
/// How often the pause is that short. If it lasts longer, the cause is not a race but a hook with another name.
const RACE_TRIES: u32 = 24;
/// The pause after that.
const SLOW: Duration = Duration::from_secs(30);
/// The first and the longest pause after a denial: an operator may be adding the permission.
const DENIED: [Duration; 2] = [Duration::from_secs(120), Duration::from_secs(240)];
/// The same after any other failure.
const FAILED: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(60)];

/// A call to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Heartbeat,
    Complete(Verdict),
    State,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Wait(Duration),
    Call(Call),
    End(Outcome),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// The gates of the node are open.
    Joined,
    /// The time of `launch_hook.abandon_after` has passed.
    Overdue,
    /// The agent is frozen, so the instance must not be abandoned.
    Frozen,
    /// The wait is over.
    Waited,
    /// Auto Scaling accepted the heartbeat or the verdict.
    Taken,
    /// No lifecycle action is active.
    NotActive,
    /// The lifecycle state of the instance; `None` if it is unknown.
    State(Option<String>),
    /// The instance role may not make the call.
    Denied,
    /// The call failed for any other reason.
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goal {
    Hold,
    End(Verdict),
}

/// The state of the calls about one hook.
pub(super) struct Machine {
    heartbeat: Duration,
    goal: Goal,
    tries: u32,
    denied: Backoff,
    failed: Backoff,
}

impl Machine {
    pub(super) fn new(heartbeat: Duration) -> Self {
        let backoff = |[first, cap]: [Duration; 2]| Backoff::new(first, cap);
        Self {
            heartbeat,
            goal: Goal::Hold,
            tries: 0,
            denied: backoff(DENIED),
            failed: backoff(FAILED),
        }
    }

    /// Whether the hook must still be held: the node has not joined, and its time is not over.
    pub(super) fn holds(&self) -> bool {
        self.goal == Goal::Hold
    }

    /// Whether the node has joined.
    pub(super) fn continues(&self) -> bool {
        self.goal == Goal::End(Verdict::Continue)
    }

    /// The first step. The action has its whole timeout at first.
    pub(super) fn start(&self) -> Step {
        Step::Wait(self.heartbeat)
    }

    pub(super) fn next(&mut self, event: Event) -> Step {
        match event {
            Event::Joined => self.ends(Verdict::Continue),
            Event::Overdue => self.ends(Verdict::Abandon),
            Event::Frozen => {
                *self = Self::new(self.heartbeat);
                Step::Call(Call::Heartbeat)
            }
            Event::Waited => Step::Call(match self.goal {
                Goal::Hold => Call::Heartbeat,
                Goal::End(verdict) => Call::Complete(verdict),
            }),
            Event::Taken => match self.goal {
                Goal::Hold => {
                    *self = Self::new(self.heartbeat);
                    self.start()
                }
                Goal::End(Verdict::Continue) => Step::End(Outcome::Completed),
                Goal::End(Verdict::Abandon) => Step::End(Outcome::Abandoned),
            },
            Event::NotActive => Step::Call(Call::State),
            Event::State(Some(state)) if !is_before_service(&state) => {
                Step::End(Outcome::NotActive { state: Some(state) })
            }
            Event::State(state) => self.race(state.is_some()),
            Event::Denied => Step::Wait(self.denied.delay()),
            Event::Failed => Step::Wait(self.failed.delay()),
        }
    }

    fn ends(&mut self, verdict: Verdict) -> Step {
        *self = Self { goal: Goal::End(verdict), ..Self::new(self.heartbeat) };
        Step::Call(Call::Complete(verdict))
    }

    /// No action is active, but the state does not rule out that one will be.
    fn race(&mut self, waits: bool) -> Step {
        self.tries += 1;
        if self.tries <= RACE_TRIES {
            return Step::Wait(RACE);
        }
        match self.goal {
            // The state is unknown, so the only evidence is that no action has been active for minutes.
            Goal::End(_) if !waits => Step::End(Outcome::NotActive { state: None }),
            Goal::Hold if !waits => Step::Wait(self.heartbeat),
            _ => Step::Wait(SLOW),
        }
    }
}

/// Whether a launch hook holds an instance in this state, or may soon. `Terminating:Wait` belongs to another hook; in
/// `Pending:Proceed` the launch hook is over.
fn is_before_service(state: &str) -> bool {
    let state = state.strip_prefix("Warmed:").unwrap_or(state);
    matches!(state, "Pending" | "Pending:Wait")
}

#[cfg(test)]
mod tests;
