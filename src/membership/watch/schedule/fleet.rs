//! When a fleet of clients asks.

use super::tests::{after, view};
use super::*;

const FLEET: usize = 500;

fn node() -> Schedule {
    let mut schedule = Schedule::new(false);
    schedule.count(FLEET);
    schedule
}

fn fleet() -> Vec<Schedule> {
    (0..FLEET).map(|_| node()).collect()
}

/// Gives all nodes the same view, then lets them ask for some seconds. Returns how many asked in each second.
fn run(
    fleet: &mut [Schedule],
    seen: Option<View>,
    from: Instant,
    seconds: u64,
    outcome: Outcome,
) -> Vec<usize> {
    let asks = |schedule: &mut Schedule, now| {
        schedule.see(Daemon::Consul, seen, now);
        let asks = schedule.begin(Daemon::Consul, now);
        if asks {
            schedule.asked(outcome, now);
        }
        asks
    };
    let moments = (0..seconds).map(|second| from + after(second));
    moments
        .map(|now| fleet.iter_mut().filter_map(|one| asks(one, now).then_some(())).count())
        .collect()
}

#[test]
fn clients_that_have_a_leader_never_ask_whatever_else_is_missing() {
    let (mut clients, now) = (fleet(), Instant::now());
    assert_eq!(run(&mut clients, view(false, true, 3), now, 30, Outcome::Answered), [0; 30]);
    let away = run(&mut clients, view(false, true, 2), now + after(30), 120, Outcome::Answered);
    assert_eq!(away, [0; 120]);
}

#[test]
fn an_election_makes_no_client_ask() {
    let (mut clients, now) = (fleet(), Instant::now());
    run(&mut clients, view(false, true, 3), now, 1, Outcome::Answered);
    let none = run(&mut clients, view(false, false, 2), now + after(1), 10, Outcome::Answered);
    let next = run(&mut clients, view(false, true, 2), now + after(11), 60, Outcome::Answered);
    assert_eq!((none.iter().sum::<usize>(), next.iter().sum::<usize>()), (0, 0));
}

#[test]
fn clients_that_lost_all_servers_ask_no_faster_than_ec2_refills_and_go_on_for_ever() {
    for outcome in [Outcome::Answered, Outcome::Failed, Outcome::Busy] {
        let (mut clients, now) = (fleet(), Instant::now());
        run(&mut clients, view(false, true, 3), now, 1, outcome);
        let asked = run(&mut clients, view(false, false, 0), now + after(1), 1200, outcome);
        let most = asked.windows(10).map(|ten| ten.iter().sum::<usize>()).max().unwrap();
        assert!(most <= 260, "{outcome:?}: {most} in 10 s");
        assert!(asked[..40].iter().sum::<usize>() >= FLEET, "each has asked in 40 s");
        assert!(asked[600..].iter().sum::<usize>() >= FLEET, "{outcome:?}: they gave up");
        assert!(asked[600..].iter().sum::<usize>() <= 5 * 600, "{outcome:?}: they go on");
    }
}

#[test]
fn servers_do_not_wait_for_the_size_of_the_fleet() {
    for (has_leader, known, longest) in [(true, 2, 6), (false, 1, 2)] {
        let (mut server, now) = (node(), Instant::now());
        server.see(Daemon::Consul, view(true, true, 3), now);
        server.see(Daemon::Consul, view(true, has_leader, known), now);
        assert!(server.next().unwrap() <= now + after(longest), "{known}");
    }
}

#[test]
fn what_changes_while_servers_are_missing_puts_no_question_off() {
    let (mut schedule, now) = (node(), Instant::now());
    schedule.see(Daemon::Consul, view(false, false, 0), now);
    for second in 1..=60 {
        let known = usize::from(second % 2 == 0);
        let now = now + after(second);
        schedule.see(Daemon::Consul, view(false, false, known), now);
        if schedule.begin(Daemon::Consul, now) {
            return;
        }
    }
    panic!("it never asked");
}

/// All nodes boot at the same moment and know no server, as if the daemons could not ask EC2. A node that gets an
/// answer has joined.
#[test]
fn a_fleet_that_boots_at_once_is_answered_soon_although_ec2_throttles_it() {
    for is_helpless in [false, true] {
        let mut waiting: Vec<Schedule> = (0..FLEET).map(|_| Schedule::new(is_helpless)).collect();
        let (start, mut tokens, mut calls, mut seconds) = (Instant::now(), 100, 0, 0);
        while !waiting.is_empty() {
            seconds += 1;
            let now = start + after(seconds);
            tokens = (tokens + 20).min(100);
            waiting.retain_mut(|node| {
                node.see(Daemon::Consul, view(false, false, 0), now);
                if !node.begin(Daemon::Consul, now) {
                    return true;
                }
                calls += 1;
                let is_served = tokens > 0;
                tokens -= i32::from(is_served);
                node.asked(if is_served { Outcome::Answered } else { Outcome::Busy }, now);
                !is_served
            });
            assert!(seconds < 120, "{} nodes wait", waiting.len());
        }
        assert!(calls <= 5 * FLEET, "{calls} calls in {seconds} s");
    }
}
