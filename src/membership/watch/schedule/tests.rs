//! When a single node asks.

use super::*;

pub(super) fn view(is_server: bool, has_leader: bool, known: usize) -> Option<View> {
    Some(View { is_server, has_leader, known, expected: 3 })
}

pub(super) fn after(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_node_that_boots_alone_asks_soon_and_one_that_lost_its_leader_waits_for_an_election() {
    let now = Instant::now();
    let mut alone = Schedule::new(false);
    alone.see(Daemon::Consul, view(false, false, 0), now);
    assert!(alone.next().unwrap() <= now + after(2));
    let mut lost = Schedule::new(false);
    lost.see(Daemon::Consul, view(false, true, 3), now);
    assert_eq!(lost.next(), None);
    lost.see(Daemon::Consul, view(false, false, 3), now);
    assert!(lost.next().unwrap() >= now + ELECTION);
}

#[test]
fn a_node_whose_consul_is_helpless_asks_at_once_as_long_as_it_knows_nobody() {
    let now = Instant::now();
    for (is_server, known) in [(false, 0), (true, 1)] {
        let mut helpless = Schedule::new(true);
        // Many nodes exist, but this one knows of none.
        helpless.count(1);
        helpless.see(Daemon::Consul, view(is_server, false, known), now);
        assert!(helpless.next().unwrap() <= now + AT_ONCE);
    }
    let mut knows = Schedule::new(true);
    knows.count(500);
    knows.see(Daemon::Consul, view(false, true, 3), now);
    knows.see(Daemon::Consul, view(false, false, 1), now);
    assert!(knows.next().unwrap() >= now + ELECTION, "it was a member");
}

#[test]
fn one_question_is_for_all_pools_and_the_pool_that_is_most_in_need_asks_it() {
    let (mut schedule, now) = (Schedule::new(false), Instant::now());
    schedule.see(Daemon::Consul, view(false, true, 3), now);
    schedule.see(Daemon::Nomad, view(false, false, 0), now);
    let then = schedule.next().unwrap();
    assert!(!schedule.begin(Daemon::Consul, then), "Consul has a leader");
    assert!(schedule.begin(Daemon::Nomad, then));
    assert!(!schedule.begin(Daemon::Nomad, then + after(60)), "a question is on its way");
    schedule.asked(Outcome::Answered, then);
    assert!(schedule.next().unwrap() > then);
    schedule.see(Daemon::Nomad, view(false, true, 3), then);
    assert_eq!((schedule.next(), schedule.is_idle()), (None, true));
}

#[test]
fn a_trouble_is_asked_about_again_soon_after_the_daemon_joined_by_itself() {
    let (mut server, mut now) = (Schedule::new(false), Instant::now());
    server.see(Daemon::Consul, view(true, false, 1), now);
    for _ in 0..12 {
        now = server.next().unwrap();
        assert!(server.begin(Daemon::Consul, now));
        server.asked(Outcome::Failed, now);
    }
    assert!(server.next().unwrap() >= now + LOST.1 / 2, "the pauses grow");
    server.see(Daemon::Consul, view(true, true, 3), now);
    assert!(server.next().unwrap() <= now + SHORT.0);
}

#[test]
fn where_nothing_is_wrong_a_server_asks_once_an_hour() {
    let (mut server, now) = (Schedule::new(false), Instant::now());
    server.see(Daemon::Consul, view(true, true, 3), now);
    let first = server.next().unwrap();
    assert!(first <= now + FIRST_AUDIT);
    server.see(Daemon::Consul, view(true, true, 3), now);
    assert_eq!(server.next(), Some(first));
    assert!(server.begin(Daemon::Consul, first));
    server.asked(Outcome::Answered, first);
    assert!(server.next().unwrap() >= first + AUDIT.mul_f64(0.75));
}

#[test]
fn who_is_told_that_ec2_is_busy_comes_back_later_than_who_is_answered() {
    let (mut alone, now) = (Schedule::new(false), Instant::now());
    alone.see(Daemon::Consul, view(false, false, 0), now);
    let then = alone.next().unwrap();
    assert!(alone.begin(Daemon::Consul, then));
    alone.asked(Outcome::Busy, then);
    assert!(alone.next().unwrap() >= then + BUSY / 2);
}

#[test]
fn a_daemon_that_hangs_now_and_then_puts_no_question_off_and_is_asked_for_by_nobody_else() {
    let (mut schedule, now) = (Schedule::new(false), Instant::now());
    schedule.see(Daemon::Consul, view(false, true, 3), now);
    schedule.see(Daemon::Nomad, view(false, false, 0), now);
    let first = schedule.next().unwrap();
    for second in 0..30 {
        schedule.see(Daemon::Nomad, None, now + after(second));
        assert!(!schedule.begin(Daemon::Consul, now + after(second)), "it has a leader");
        schedule.see(Daemon::Nomad, view(false, false, 0), now + after(second));
    }
    assert_eq!(schedule.next(), Some(first));
    schedule.see(Daemon::Nomad, None, first);
    schedule.see(Daemon::Consul, view(false, false, 3), first);
    assert!(schedule.begin(Daemon::Consul, first), "the other one does not answer");
}
