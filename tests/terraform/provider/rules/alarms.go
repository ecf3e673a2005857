package rules

import (
	"fmt"
)

const watchAPI = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/"

var alarmRules = []rule{
	{"aws_cloudwatch_metric_alarm.alarm_name", length(1, 255), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm.comparison_operator", oneOf("GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold",
		"LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold"), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm.statistic", oneOf("SampleCount", "Average", "Sum", "Minimum", "Maximum"), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm.treat_missing_data", oneOf("missing", "ignore", "breaching", "notBreaching"), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm.evaluation_periods", between(1, 1<<31), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm", block(alarmPeriod), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm", exactlyOne("metric_name", "metric_query"), docs + "resources/cloudwatch_metric_alarm"},
	{"aws_cloudwatch_metric_alarm", needs("metric_name", "namespace", "period"), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm", atMostOne("statistic", "extended_statistic", "metric_query"), docs + "resources/cloudwatch_metric_alarm"},
	{"aws_cloudwatch_metric_alarm", exactlyOne("threshold", "threshold_metric_id"), docs + "resources/cloudwatch_metric_alarm"},
	{"aws_cloudwatch_metric_alarm.alarm_actions", each(isARN), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm.ok_actions", each(isARN), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm.alarm_actions", atMost(5), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm.ok_actions", atMost(5), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm.alarm_description", length(0, 1024), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm", ascending("datapoints_to_alarm", "evaluation_periods"), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm", block(oneStatistic), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm", block(alarmWindow), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm", block(alarmQueries), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm.metric_query", exactlyOne("expression", "metric"), watchAPI + "API_MetricDataQuery.html"},
	{"aws_cloudwatch_metric_alarm.metric_query.id", both(length(1, 255), matches(`^[a-z][A-Za-z0-9_]*$`, "an id that begins with a lower-case letter, such as m1")), watchAPI + "API_MetricDataQuery.html"},
	{"aws_cloudwatch_metric_alarm.metric_query.expression", length(1, 2048), watchAPI + "API_MetricDataQuery.html"},
	{"aws_cloudwatch_metric_alarm.metric_query.metric", block(alarmPeriod), watchAPI + "API_MetricStat.html"},
	{"aws_cloudwatch_metric_alarm.metric_query.metric", needs("metric_name", "namespace"), watchAPI + "API_Metric.html"},
	{"aws_cloudwatch_metric_alarm.metric_query.metric.stat", matches(`^(SampleCount|Average|Sum|Minimum|Maximum|(p|tm|tc|ts|wm)\d+(\.\d+)?|IQM|(PR|TM|TC|TS|WM)\(.+\))$`, "a statistic such as Maximum"), watchAPI + "API_MetricStat.html"},
}

// alarmPeriod is 10, 20, 30 or whole minutes.
func alarmPeriod(alarm map[string]any) string {
	seconds, is := number(alarm, "period")
	if is && seconds != 10 && seconds != 20 && seconds != 30 && (seconds <= 0 || seconds%60 != 0) {
		return fmt.Sprintf("period: expected 10, 20, 30 or a multiple of 60, found %d", seconds)
	}
	return ""
}

// oneStatistic of a metric that is named.
func oneStatistic(alarm map[string]any) string {
	if has(alarm, "metric_name") && lacks(alarm, "statistic") && lacks(alarm, "extended_statistic") {
		return "expected statistic or extended_statistic beside metric_name, found none"
	}
	return ""
}

// alarmWindow: an alarm looks back a day, and a week with periods of an hour or more.
func alarmWindow(alarm map[string]any) string {
	periods, hasPeriods := number(alarm, "evaluation_periods")
	for _, metric := range append(find(alarm, "metric_query.metric"), alarm) {
		members, _ := metric.(map[string]any)
		seconds, hasPeriod := number(members, "period")
		most := int64(86400)
		if seconds >= 3600 {
			most = 604800
		}
		if hasPeriods && hasPeriod && periods*seconds > most {
			return fmt.Sprintf("expected evaluation_periods times period of at most %d seconds, found %d", most, periods*seconds)
		}
	}
	return ""
}

// alarmQueries: one of them is what the threshold is for, and what belongs to a single metric is not there.
func alarmQueries(alarm map[string]any) string {
	queries := find(alarm, "metric_query")
	if len(queries) == 0 {
		return ""
	}
	for _, name := range []string{"namespace", "period", "dimensions", "unit"} {
		if has(alarm, name) {
			return "expected no " + name + " beside metric_query"
		}
	}
	returned, ids := 0, map[any]bool{}
	for _, query := range queries {
		members, _ := query.(map[string]any)
		if members["return_data"] == true {
			returned++
		}
		if ids[members["id"]] {
			return fmt.Sprintf("expected queries with an id of their own, found %v twice", members["id"])
		}
		ids[members["id"]] = true
	}
	if returned != 1 || len(queries) > 20 {
		return fmt.Sprintf("expected at most 20 queries, one of them with return_data = true, found %d and %d", len(queries), returned)
	}
	return ""
}

// atMost accepts lists of so many elements.
func atMost(most int) func(any) string {
	return func(value any) string {
		if list, is := value.([]any); is && len(list) > most {
			return fmt.Sprintf("expected at most %d, found %d", most, len(list))
		}
		return ""
	}
}
