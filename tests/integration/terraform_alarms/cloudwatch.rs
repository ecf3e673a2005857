//! CloudWatch's way to evaluate an alarm, as far as the alarms of this project use it. Anything else fails the test. From
//! https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html and
//! https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html

use super::math::Math;
use crate::support::terraform::{list, text};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A metric by its namespace, its name, and the dimensions as `name=value`.
pub(super) type Metric = (String, String, BTreeSet<String>);
/// What each metric was in each minute, where it was reported. Within a minute it does not change, so that average, minimum and
/// maximum are the same.
pub(super) type Series = BTreeMap<Metric, Vec<Option<i64>>>;

/// An alarm.
pub(super) struct Alarm {
    pub(super) name: String,
    metrics: BTreeMap<String, Metric>,
    math: Math,
    breaches: fn(i64, i64) -> bool,
    threshold: i64,
    /// How many minutes a data point is of.
    pub(super) period: usize,
    /// How many data points count.
    pub(super) periods: usize,
    /// How many of them have to breach.
    pub(super) datapoints: usize,
    missing_breaches: bool,
}

impl Alarm {
    /// As the state of Terraform has it.
    pub(super) fn of(alarm: &Value) -> Self {
        let name = text(&alarm["alarm_name"]).to_owned();
        for unused in [
            "extended_statistic",
            "threshold_metric_id",
            "evaluate_low_sample_count_percentiles",
            "unit",
        ] {
            assert!(is_empty(&alarm[unused]), "{name}: {unused} is not played");
        }
        assert_eq!(alarm["actions_enabled"], true, "{name}");
        let (metrics, math, period) = watched(&name, alarm);
        assert_eq!(math.ids(), metrics.keys().map(String::as_str).collect(), "{name}");
        let number =
            |key: &str| alarm[key].as_u64().and_then(|number| usize::try_from(number).ok());
        let periods = number("evaluation_periods").unwrap();
        Self {
            metrics,
            math,
            period,
            breaches: match text(&alarm["comparison_operator"]) {
                "GreaterThanThreshold" => |value, threshold| value > threshold,
                "LessThanThreshold" => |value, threshold| value < threshold,
                other => panic!("{name}: {other} is not played"),
            },
            threshold: alarm["threshold"].as_i64().unwrap_or_else(|| panic!("{name}: no integer")),
            periods,
            // Without a number, all of them.
            datapoints: number("datapoints_to_alarm").unwrap_or(periods),
            missing_breaches: match text(&alarm["treat_missing_data"]) {
                "breaching" => true,
                "notBreaching" => false,
                other => panic!("{name}: {other} is not played"),
            },
            name,
        }
    }

    /// Whether it rings at the end of each minute.
    ///
    /// CloudWatch evaluates it each minute, also where its periods are longer. It looks at more periods than the alarm names, and does
    /// not say at how many: `further` of them here. The newest data points among them count. Only if there are fewer than the alarm
    /// asks for, the treatment of missing data fills up.
    pub(super) fn rings(&self, series: &Series, minutes: usize, further: usize) -> Vec<bool> {
        let values: Vec<_> = (0..minutes).map(|minute| self.value(series, minute)).collect();
        let breach = |value: &&i64| (self.breaches)(**value, self.threshold);
        let rings = |minute: usize| {
            let ends = (0..=minute).rev().step_by(self.period).take(self.periods + further);
            let counted: Vec<i64> = ends.filter_map(|end| values[end]).take(self.periods).collect();
            let missing = if self.missing_breaches { self.periods - counted.len() } else { 0 };
            counted.iter().filter(breach).count() + missing >= self.datapoints
        };
        (0..minutes).map(rings).collect()
    }

    /// The data point of the period that ends with a minute.
    fn value(&self, series: &Series, minute: usize) -> Option<i64> {
        let from = (minute + 1).saturating_sub(self.period);
        let values = self.metrics.iter().map(|(id, metric)| {
            let series = series.get(metric);
            let series =
                series.unwrap_or_else(|| panic!("{}: nobody reports {metric:?}", self.name));
            // The only statistic of more than a minute that is played.
            (id.as_str(), series[from..=minute].iter().copied().flatten().max())
        });
        let values: BTreeMap<&str, Option<i64>> = values.collect();
        let known: BTreeMap<&str, i64> =
            values.iter().filter_map(|(id, value)| Some((*id, (*value)?))).collect();
        // What math does with a part of its metrics is not played.
        assert!(known.is_empty() || known.len() == values.len(), "{}: {values:?}", self.name);
        (!known.is_empty()).then(|| self.math.at(&known))
    }
}

/// The metrics that an alarm looks at, what it does with them, and their period.
fn watched(name: &str, alarm: &Value) -> (BTreeMap<String, Metric>, Math, usize) {
    if list(&alarm["metric_query"]).count() == 0 {
        let alone = metric(name, alarm, &alarm["statistic"]);
        let it = "it".to_owned();
        return (BTreeMap::from([(it.clone(), alone)]), Math::Id(it), minutes(name, alarm));
    }
    let mut metrics = BTreeMap::new();
    let mut periods = BTreeSet::new();
    let mut results = Vec::new();
    for query in list(&alarm["metric_query"]) {
        assert!(is_empty(&query["account_id"]) && is_empty(&query["period"]), "{name}: {query}");
        if let Some(one) = list(&query["metric"]).next() {
            assert!(
                query["return_data"] != true && query["expression"].is_null(),
                "{name}: {query}"
            );
            periods.insert(minutes(name, one));
            metrics.insert(text(&query["id"]).to_owned(), metric(name, one, &one["stat"]));
        } else {
            assert_eq!(query["return_data"], true, "{name}: {query}");
            results.push(Math::parse(text(&query["expression"])));
        }
    }
    assert_eq!((results.len(), periods.len()), (1, 1), "{name}: one result and one period");
    (metrics, results.remove(0), periods.into_iter().next().unwrap())
}

fn metric(name: &str, of: &Value, statistic: &Value) -> Metric {
    assert!(is_empty(&of["unit"]), "{name}: units are not played");
    let played = match minutes(name, of) {
        1 => ["Average", "Minimum", "Maximum"].contains(&text(statistic)),
        _ => statistic == "Maximum",
    };
    assert!(played, "{name}: {statistic} is not played");
    let dimensions = of["dimensions"].as_object().unwrap().iter();
    let dimensions = dimensions.map(|(name, value)| format!("{name}={}", text(value))).collect();
    (text(&of["namespace"]).to_owned(), text(&of["metric_name"]).to_owned(), dimensions)
}

/// The period of a metric in minutes.
fn minutes(name: &str, of: &Value) -> usize {
    match of["period"].as_u64() {
        Some(60) => 1,
        Some(300) => 5,
        _ => panic!("{name}: a period of {} is not played", of["period"]),
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value == ""
}
