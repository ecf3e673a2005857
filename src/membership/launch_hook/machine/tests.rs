//! What follows an event, and how the machine ends.

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
            assert_eq!(machine.next(Event::Waited), Step::Call(Call::Complete(Verdict::Continue)));
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
