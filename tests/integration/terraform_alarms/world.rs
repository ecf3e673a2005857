//! What AWS would report of the groups and targets of the example, minute by minute.

use super::cloudwatch::{Alarm, Metric, Series};
use super::state;
use crate::support::terraform::{list, resources, text};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// How long all was well before a play begins, in minutes: longer than any alarm looks back.
const BEFORE: usize = 120;

/// A group of nodes, and its state in one minute.
#[derive(Clone)]
pub(super) struct Group {
    /// Without the name of the cluster.
    pub(super) kind: String,
    pub(super) wanted: i64,
    /// For how many minutes the launch hook waits.
    pub(super) launch_timeout: usize,
    pub(super) in_service: i64,
    pub(super) pending: i64,
    pub(super) terminating: i64,
    /// How many of the targets fail their health check.
    pub(super) unhealthy: i64,
    /// Its target groups, as dimensions.
    pub(super) targets: Vec<BTreeSet<String>>,
}

/// The example while a play lasts.
pub(super) struct World {
    series: Series,
    minutes: usize,
}

/// Every group of the example as it is when all is well.
pub(super) fn groups() -> Vec<Group> {
    let minutes = |seconds: &Value| usize::try_from(seconds.as_u64().unwrap() / 60).unwrap();
    let of = |group: &Value| {
        let wanted = group["desired_capacity"].as_i64().unwrap();
        Group {
            kind: text(&group["name"]).strip_prefix("demo-").unwrap().to_owned(),
            wanted,
            launch_timeout: minutes(&group["initial_lifecycle_hook"][0]["heartbeat_timeout"]),
            in_service: wanted,
            pending: 0,
            terminating: 0,
            unhealthy: 0,
            targets: targets(text(&group["name"])),
        }
    };
    all("aws_autoscaling_group").map(of).collect()
}

/// The group of this kind.
pub(super) fn group(kind: &str) -> Group {
    groups().into_iter().find(|one| one.kind == kind).expect("a group of the example")
}

impl World {
    /// All is well, for this many minutes after a play begins.
    pub(super) fn healthy(minutes: usize) -> Self {
        let mut world = Self { series: Series::new(), minutes: BEFORE + minutes };
        for group in groups() {
            world.report(0..world.minutes, &group);
        }
        world
    }

    /// A group was so in these minutes of the play.
    pub(super) fn play(&mut self, minutes: Range<usize>, group: &Group) {
        self.report(BEFORE + minutes.start..BEFORE + minutes.end, group);
    }

    /// Nothing was reported of anything in these minutes of the play.
    pub(super) fn silence(&mut self, minutes: Range<usize>) {
        for series in self.series.values_mut() {
            series[BEFORE + minutes.start..BEFORE + minutes.end].fill(None);
        }
    }

    /// The alarms that ring, and after how many minutes of the play each does first.
    pub(super) fn rung(&self, further: usize) -> BTreeMap<String, usize> {
        let first = |alarm: &Alarm| {
            let rings = alarm.rings(&self.series, self.minutes, further);
            let minute = (BEFORE / 2..self.minutes).find(|minute| rings[*minute])?;
            Some(minute.checked_sub(BEFORE).expect("all was well before") + 1)
        };
        alarms().iter().filter_map(|alarm| Some((alarm.name.clone(), first(alarm)?))).collect()
    }

    fn report(&mut self, minutes: Range<usize>, group: &Group) {
        let mut set = |metric: Metric, value: Option<i64>| {
            let series = self.series.entry(metric).or_insert_with(|| vec![None; self.minutes]);
            series[minutes.clone()].fill(value);
        };
        let name = format!("AutoScalingGroupName=demo-{}", group.kind);
        let Group { wanted, in_service, pending, terminating, unhealthy, .. } = *group;
        for (metric, value) in [
            ("GroupDesiredCapacity", wanted),
            ("GroupInServiceInstances", in_service),
            ("GroupPendingInstances", pending),
            ("GroupTerminatingInstances", terminating),
            ("GroupTotalInstances", in_service + pending + terminating),
        ] {
            set(
                ("AWS/AutoScaling".to_owned(), metric.to_owned(), [name.clone()].into()),
                Some(value),
            );
        }
        // A node is a target while it is in service. Without targets AWS reports nothing.
        for dimensions in &group.targets {
            for (metric, value) in
                [("HealthyHostCount", in_service - unhealthy), ("UnHealthyHostCount", unhealthy)]
            {
                let value = (in_service > 0).then_some(value);
                set(
                    ("AWS/ApplicationELB".to_owned(), metric.to_owned(), dimensions.clone()),
                    value,
                );
            }
        }
    }
}

/// The alarms of the example.
pub(super) fn alarms() -> Vec<Alarm> {
    all("aws_cloudwatch_metric_alarm").map(Alarm::of).collect()
}

/// The alarm of this name.
pub(super) fn alarm(name: &str) -> Alarm {
    alarms().into_iter().find(|one| one.name == name).unwrap_or_else(|| panic!("no alarm {name}"))
}

fn all(kind: &str) -> impl Iterator<Item = &'static Value> {
    let of_kind = resources(state()).into_iter().filter(move |one| one["type"] == kind);
    of_kind.map(|one| &one["values"])
}

/// The dimensions of the target groups that a group is attached to, as alarms name them; another test holds them against listeners.
fn targets(group: &str) -> Vec<BTreeSet<String>> {
    let attached = all("aws_autoscaling_traffic_source_attachment")
        .filter(|one| one["autoscaling_group_name"] == group)
        .flat_map(|one| list(&one["traffic_source"]))
        .map(|source| &source["identifier"]);
    let suffix = |arn: &Value| {
        text(&all("aws_lb_target_group").find(|one| one["arn"] == *arn).unwrap()["arn_suffix"])
    };
    let target_groups: BTreeSet<&str> = attached.map(suffix).collect();
    let watched =
        all("aws_cloudwatch_metric_alarm").filter_map(|alarm| alarm["dimensions"].as_object());
    let watched = watched.filter(|one| target_groups.contains(text(&one["TargetGroup"])));
    let as_pairs = |one: &serde_json::Map<String, Value>| {
        one.iter().map(|(name, value)| format!("{name}={}", text(value))).collect()
    };
    let different: BTreeSet<BTreeSet<String>> = watched.map(as_pairs).collect();
    different.into_iter().collect()
}
