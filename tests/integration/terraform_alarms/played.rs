//! Hours of a COS, played to its alarms: which of them ring, and when.

use super::world::{Group, World, alarm, alarms, group, groups};
use std::collections::{BTreeMap, BTreeSet};

/// Assumed: how many minutes a node of an image that is ready takes to join, and how many an instance takes to end.
const JOIN: usize = 4;
const END: usize = 2;
/// After how many minutes a group that does not come to rest rings: ten times five, the first of which has one such minute.
const STILL: usize = 46;
/// Both daemons of servers, with the UI that shows them.
const SERVERS: [(&str, &str); 2] = [("consul-server", "ui-consul"), ("nomad-server", "ui-nomad")];

#[test]
fn nothing_rings_while_all_is_well() {
    assert_eq!(World::healthy(60).rung(0), rung(&[]));
}

#[test]
fn a_node_that_is_lacking_rings_for_its_group_alone() {
    for well in groups() {
        let name = format!("demo-{}-below-size", well.kind);
        let patience = alarm(&name).periods;
        assert_eq!(patience, if well.kind.ends_with("-server") { 5 } else { 15 }, "{name}");
        // One is lost, and its successor does not get into service.
        let lacking = Group { in_service: well.wanted - 1, pending: 1, ..well.clone() };
        // A target group whose only node is lost is another matter.
        let mut others = rung(&[]);
        if well.kind == "public-services" {
            others.insert("demo-ingress-none-healthy".to_owned(), 3);
        }
        let played = |minutes: usize| {
            let mut world = World::healthy(60);
            world.play(0..minutes, &lacking);
            world.rung(0)
        };
        assert_eq!(played(patience - 1), others, "{name}");
        let mut expected = others;
        expected.insert(name, patience);
        assert_eq!(played(patience + 5), expected);
    }
}

#[test]
fn an_instance_refresh_that_works_is_quiet() {
    for group in groups() {
        assert_eq!(refresh(&group, group.wanted, JOIN, END), rung(&[]), "{}", group.kind);
    }
    // The five servers of a greater COS, one after the other.
    let five = Group { wanted: 5, in_service: 5, ..group("consul-server") };
    let mut world = World::healthy(120);
    world.play(0..120, &five);
    assert_eq!(played_refresh(world, &five, 5, JOIN, END), rung(&[]));
}

/// It looks like one that stands still when it takes as long: the README says so.
#[test]
fn an_instance_refresh_that_is_slow_rings() {
    for (kind, _) in SERVERS {
        let servers = group(kind);
        let standstill = format!("demo-{kind}-standstill");
        assert_eq!(refresh(&servers, servers.wanted, 13 - END, END), rung(&[]));
        assert_eq!(refresh(&servers, servers.wanted, 14 - END, END), rung(&[(&standstill, STILL)]));
        assert_eq!(refresh(&servers, 5, 8 - END, END), rung(&[]));
        assert_eq!(refresh(&servers, 5, 9 - END, END), rung(&[(&standstill, STILL)]));
    }
}

#[test]
fn an_instance_refresh_that_stands_still_rings() {
    for group in groups() {
        let standstill = format!("demo-{}-standstill", group.kind);
        // Nodes that are given up in the end, and nodes that do not get that far.
        for launch in [group.launch_timeout, 5, 1] {
            for (pause, after) in [(0, Some(STILL)), (2, Some(STILL)), (4, Some(STILL)), (10, None)]
            {
                let mut world = World::healthy(180);
                let mut now = 0;
                while now + launch + END + pause <= 180 {
                    world.play(now..now + launch, &Group { pending: 1, ..group.clone() });
                    now += launch;
                    world.play(now..now + END, &Group { terminating: 1, ..group.clone() });
                    now += END + pause;
                }
                let expected = after.map(|after| (standstill.clone(), after)).into_iter().collect();
                assert_eq!(world.rung(0), expected, "{launch} and {pause} minutes");
            }
        }
    }
}

#[test]
fn an_old_node_that_does_not_go_rings() {
    for group in groups() {
        let mut world = World::healthy(60);
        world.play(0..60, &Group { terminating: 1, ..group.clone() });
        let standstill = format!("demo-{}-standstill", group.kind);
        assert_eq!(world.rung(0), rung(&[(&standstill, STILL)]));
    }
}

#[test]
fn servers_without_a_leader_ring_after_three_minutes() {
    for (kind, ui) in SERVERS {
        let servers = group(kind);
        let played = |minutes: usize| {
            let mut world = World::healthy(60);
            world.play(0..minutes, &Group { unhealthy: servers.wanted, ..servers.clone() });
            world.rung(0)
        };
        let [none, some] = ["none-healthy", "unhealthy"].map(|end| format!("demo-{ui}-{end}"));
        // An election is over by then.
        assert_eq!(played(2), rung(&[]));
        assert_eq!(played(9), rung(&[(&none, 3)]));
        assert_eq!(played(10), rung(&[(&none, 3), (&some, 10)]));
    }
}

#[test]
fn one_server_that_is_unhealthy_rings_after_ten_minutes() {
    for (kind, ui) in SERVERS {
        let servers = group(kind);
        let played = |minutes: usize| {
            let mut world = World::healthy(60);
            world.play(0..minutes, &Group { unhealthy: 1, ..servers.clone() });
            world.rung(0)
        };
        assert_eq!(played(9), rung(&[]));
        assert_eq!(played(10), rung(&[(&format!("demo-{ui}-unhealthy"), 10)]));
    }
}

#[test]
fn without_data_one_alarm_of_each_thing_rings() {
    let mut world = World::healthy(60);
    world.silence(0..60);
    // How far CloudWatch looks back is not said, so an alarm may be some minutes late.
    for further in [0, 2, 5] {
        let ends = ["-below-size", "-none-healthy"];
        let expected: BTreeMap<String, usize> = alarms()
            .into_iter()
            .filter(|alarm| ends.iter().any(|end| alarm.name.ends_with(end)))
            .map(|alarm| (alarm.name, alarm.periods + further))
            .collect();
        assert_eq!(expected.len(), groups().len() + 3);
        assert_eq!(world.rung(further), expected);
    }
}

/// Data that lack for a moment are no trouble, wherever they lack.
#[test]
fn a_gap_of_two_minutes_is_quiet() {
    let mut world = World::healthy(60);
    world.silence(10..12);
    assert_eq!(world.rung(0), rung(&[]));
}

#[test]
fn every_kind_of_alarm_is_played() {
    let kinds: BTreeSet<String> = alarms()
        .iter()
        .map(|alarm| {
            let ends = ["-below-size", "-standstill", "-none-healthy", "-unhealthy"];
            let end = ends.into_iter().find(|end| alarm.name.ends_with(end));
            end.unwrap_or_else(|| panic!("{} has no play", alarm.name)).to_owned()
        })
        .collect();
    assert_eq!(kinds.len(), 4);
}

/// What rings during an instance refresh of a group, a node at a time: a new one first, then an old one goes.
fn refresh(group: &Group, nodes: i64, join: usize, end: usize) -> BTreeMap<String, usize> {
    played_refresh(World::healthy(120), group, nodes, join, end)
}

fn played_refresh(
    mut world: World,
    group: &Group,
    nodes: i64,
    join: usize,
    end: usize,
) -> BTreeMap<String, usize> {
    let mut now = 0;
    for _ in 0..nodes {
        world.play(now..now + join, &Group { pending: 1, ..group.clone() });
        now += join;
        world.play(now..now + end, &Group { terminating: 1, ..group.clone() });
        // A new target fails its checks at first; the other nodes, and it itself where it is alone, pass them in the same minute.
        if group.wanted > 1 {
            world.play(now..now + 1, &Group { terminating: 1, unhealthy: 1, ..group.clone() });
        }
        now += end;
    }
    world.rung(0)
}

fn rung(alarms: &[(&str, usize)]) -> BTreeMap<String, usize> {
    alarms.iter().map(|(name, after)| ((*name).to_owned(), *after)).collect()
}
