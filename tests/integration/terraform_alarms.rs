//! The alarms of `terraform/examples/complete`: each looks at metrics that something in AWS reports, says what to type, and rings when
//! it should.

mod cloudwatch;
mod math;
mod played;
mod world;

use crate::support::terraform::{Terraform, WHOLE, list, resources, text, tree};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// The example with everything that it can have, applied once.
fn state() -> &'static Value {
    static STATE: OnceLock<Value> = OnceLock::new();
    STATE.get_or_init(|| {
        let example = Terraform::prepared(&tree(), "examples/complete");
        example.apply(&WHOLE).unwrap()
    })
}

#[test]
fn an_alarm_looks_at_metrics_that_are_reported() {
    let of_type = |kind: &'static str| {
        resources(state())
            .into_iter()
            .filter(move |one| one["type"] == kind)
            .map(|one| &one["values"])
    };
    let groups: BTreeMap<&str, BTreeSet<&str>> = of_type("aws_autoscaling_group")
        .map(|group| (text(&group["name"]), list(&group["enabled_metrics"]).map(text).collect()))
        .collect();
    // AWS reports on a target group for the load balancer whose listener sends requests to it.
    let suffix = |kind: &'static str, arn: &Value| {
        text(&of_type(kind).find(|one| one["arn"] == *arn).unwrap()["arn_suffix"])
    };
    let listeners: BTreeMap<&str, &Value> =
        of_type("aws_lb_listener").map(|one| (text(&one["arn"]), one)).collect();
    let forwards = listeners.values().map(|one| (*one, &one["default_action"][0]));
    let by_rule = of_type("aws_lb_listener_rule")
        .map(|rule| (listeners[text(&rule["listener_arn"])], &rule["action"][0]));
    let reported: BTreeSet<(&str, &str)> = forwards
        .chain(by_rule)
        .filter(|(_, action)| action["type"] == "forward")
        .map(|(listener, action)| {
            let balancer = suffix("aws_lb", &listener["load_balancer_arn"]);
            (balancer, suffix("aws_lb_target_group", &action["target_group_arn"]))
        })
        .collect();

    let mut alarms: BTreeSet<&str> = BTreeSet::new();
    for alarm in of_type("aws_cloudwatch_metric_alarm") {
        let name = text(&alarm["alarm_name"]);
        for metric in metrics(alarm) {
            let dimensions = &metric["dimensions"];
            if metric["namespace"] == "AWS/AutoScaling" {
                let enabled = &groups[text(&dimensions["AutoScalingGroupName"])];
                let wanted = text(&metric["metric_name"]);
                assert!(enabled.contains(wanted), "{name}: no group reports {wanted}");
            } else {
                assert_eq!(metric["namespace"], "AWS/ApplicationELB", "{name}");
                let target = (text(&dimensions["LoadBalancer"]), text(&dimensions["TargetGroup"]));
                assert!(reported.contains(&target), "{name}: nobody reports {target:?}");
            }
        }
        let words = text(&alarm["alarm_description"]);
        assert!(words.contains(": cos-agent doctor\n"), "{name}: {words}");
        alarms.insert(name);
    }
    let of = |names: &[&str], ends: [&str; 2]| -> BTreeSet<String> {
        names.iter().flat_map(|name| ends.map(|end| format!("{name}-{end}"))).collect()
    };
    let names: Vec<&str> = groups.keys().copied().collect();
    let targets = ["demo-ingress", "demo-ui-consul", "demo-ui-nomad"];
    let mut expected = of(&names, ["below-size", "standstill"]);
    expected.extend(of(&targets, ["unhealthy", "none-healthy"]));
    assert_eq!(alarms, expected.iter().map(String::as_str).collect());
}

/// The metrics of an alarm: one, or those that its expression names.
fn metrics(alarm: &Value) -> Vec<&Value> {
    let queries: Vec<&Value> = list(&alarm["metric_query"]).collect();
    let is_metric = |query: &&&Value| list(&query["metric"]).count() == 1;
    let expressions: Vec<&str> =
        queries.iter().filter(|one| !is_metric(one)).map(|one| text(&one["expression"])).collect();
    let named: Vec<&Value> = queries.iter().filter(is_metric).copied().collect();
    for query in &named {
        assert!(expressions[0].contains(text(&query["id"])), "{alarm}");
    }
    if named.is_empty() { vec![alarm] } else { named.iter().map(|one| &one["metric"][0]).collect() }
}
