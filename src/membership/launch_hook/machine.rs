//! What is done next about a launch hook: pure, and all of what is decided.
//!
//! ```text
//! hold ──(gates open)──▶ continue        a call ──taken──▶ end, or the next heartbeat
//!   └──(given up)──▶ abandon ─(frozen)▶ hold│ ──no active action──▶ ask for the state
//!                      └(gates open)▶ continue                         │ past the hook ──▶ end
//!                                           │                          └ it waits ──▶ again in 5 s
//!                                           └──failed──▶ again after a back-off
//! ```

use super::Outcome;
use crate::system::aws::autoscaling::Verdict;
use crate::system::retry::Backoff;
use std::time::Duration;

/// The pause where the state says that the instance waits, but no action is active yet: the two are not updated at once.
const RACE: Duration = Duration::from_secs(5);
/// How often the pause is that short. What lasts longer is no race, but a hook of another name.
const RACE_TRIES: u32 = 24;
/// The pause from then on.
const SLOW: Duration = Duration::from_secs(30);
/// The range of pauses after a denial, from which each takes the upper half: somebody may be adding the permission.
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

/// What there is to do.
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
    /// The time that the settings give a node has passed.
    Overdue,
    /// The agent is frozen, and what would be given up is under examination.
    Frozen,
    /// The wait is over.
    Waited,
    /// The group took the heartbeat or the verdict.
    Taken,
    /// No lifecycle action is active.
    NotActive,
    /// The group sees the instance in this state; `None` where nobody tells.
    State(Option<String>),
    /// The role may not make the call.
    Denied,
    /// The call failed for any other reason.
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goal {
    Hold,
    End(Verdict),
}

/// What is known of the hook.
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

    /// Whether the node has not been waited for long enough, nor has it joined.
    pub(super) fn holds(&self) -> bool {
        self.goal == Goal::Hold
    }

    /// Whether the node has joined.
    pub(super) fn continues(&self) -> bool {
        self.goal == Goal::End(Verdict::Continue)
    }

    /// The action has its whole timeout at first.
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

    /// No action is active, and the state does not say that none will be.
    fn race(&mut self, waits: bool) -> Step {
        self.tries += 1;
        if self.tries <= RACE_TRIES {
            return Step::Wait(RACE);
        }
        match self.goal {
            // An instance of which nobody knows the state goes by what is certain: there has been no action for long.
            Goal::End(_) if !waits => Step::End(Outcome::NotActive { state: None }),
            Goal::Hold if !waits => Step::Wait(self.heartbeat),
            _ => Step::Wait(SLOW),
        }
    }
}

/// Whether a launch hook may still hold an instance in this state, or be about to. `Terminating:Wait` belongs to
/// another hook; `Pending:Proceed` is past this one.
fn is_before_service(state: &str) -> bool {
    let state = state.strip_prefix("Warmed:").unwrap_or(state);
    matches!(state, "Pending" | "Pending:Wait")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEARTBEAT: Duration = Duration::from_secs(300);

    fn state(state: &str) -> Event {
        Event::State(Some(state.to_owned()))
    }

    fn joined() -> Machine {
        let mut machine = Machine::new(HEARTBEAT);
        assert_eq!(machine.next(Event::Joined), Step::Call(Call::Complete(Verdict::Continue)));
        machine
    }

    #[test]
    fn heartbeats_until_the_node_has_joined() {
        let mut machine = Machine::new(HEARTBEAT);
        assert_eq!(machine.start(), Step::Wait(HEARTBEAT));
        assert_eq!(machine.next(Event::Waited), Step::Call(Call::Heartbeat));
        assert_eq!(machine.next(Event::Taken), Step::Wait(HEARTBEAT));
        assert_eq!(machine.next(Event::Joined), Step::Call(Call::Complete(Verdict::Continue)));
        assert_eq!(machine.next(Event::Taken), Step::End(Outcome::Completed));
    }

    #[test]
    fn a_node_that_joins_before_it_is_abandoned_goes_into_service() {
        let mut machine = Machine::new(HEARTBEAT);
        assert_eq!(machine.next(Event::Overdue), Step::Call(Call::Complete(Verdict::Abandon)));
        assert!(matches!(machine.next(Event::Failed), Step::Wait(_)));
        assert!(!machine.holds() && !machine.continues());
        assert_eq!(machine.next(Event::Joined), Step::Call(Call::Complete(Verdict::Continue)));
        assert_eq!(machine.next(Event::Taken), Step::End(Outcome::Completed));
    }

    #[test]
    fn a_node_that_is_frozen_before_it_is_abandoned_is_held_again() {
        let mut machine = Machine::new(HEARTBEAT);
        machine.next(Event::Overdue);
        assert_eq!(machine.next(Event::Frozen), Step::Call(Call::Heartbeat));
        assert!(machine.holds());
        assert_eq!(machine.next(Event::Taken), Step::Wait(HEARTBEAT));
    }

    #[test]
    fn what_no_action_means_is_in_the_state() {
        for (name, is_over) in [
            ("Pending", false),
            ("Pending:Wait", false),
            ("Warmed:Pending:Wait", false),
            ("Pending:Proceed", true),
            ("InService", true),
            ("Terminating:Wait", true),
            ("Warmed:Stopped", true),
            ("Standby", true),
        ] {
            let mut machine = joined();
            assert_eq!(machine.next(Event::NotActive), Step::Call(Call::State));
            let step = machine.next(state(name));
            if is_over {
                assert_eq!(step, Step::End(Outcome::NotActive { state: Some(name.to_owned()) }));
            } else {
                assert_eq!(step, Step::Wait(RACE), "{name}");
                assert_eq!(
                    machine.next(Event::Waited),
                    Step::Call(Call::Complete(Verdict::Continue))
                );
            }
        }
    }

    #[test]
    fn an_instance_that_waits_is_never_given_up_and_one_of_unknown_state_is() {
        let mut waits = joined();
        let mut unknown = joined();
        for _ in 0..RACE_TRIES {
            assert_eq!(waits.next(state("Pending:Wait")), Step::Wait(RACE));
            assert_eq!(unknown.next(Event::State(None)), Step::Wait(RACE));
        }
        assert_eq!(waits.next(state("Pending:Wait")), Step::Wait(SLOW));
        assert_eq!(unknown.next(Event::State(None)), Step::End(Outcome::NotActive { state: None }));
    }

    #[test]
    fn a_node_that_has_not_joined_concludes_nothing_from_silence() {
        let mut machine = Machine::new(HEARTBEAT);
        for _ in 0..RACE_TRIES {
            assert_eq!(machine.next(Event::State(None)), Step::Wait(RACE));
        }
        assert_eq!(machine.next(Event::State(None)), Step::Wait(HEARTBEAT));
        assert_eq!(machine.next(Event::Waited), Step::Call(Call::Heartbeat));
    }

    #[test]
    fn a_denial_is_tried_again_after_a_minute_or_more_and_a_failure_sooner() {
        let mut machine = joined();
        for _ in 0..5 {
            let Step::Wait(wait) = machine.next(Event::Denied) else { panic!("no wait") };
            assert!((60..=240).contains(&wait.as_secs()), "{wait:?}");
        }
        let Step::Wait(first) = machine.next(Event::Failed) else { panic!("no wait") };
        assert!(first <= Duration::from_secs(5), "{first:?}");
    }
}
