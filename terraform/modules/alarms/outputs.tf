output "alarm_names" {
  value = sort([
    for alarm in concat(
      values(aws_cloudwatch_metric_alarm.below_size), values(aws_cloudwatch_metric_alarm.standstill),
      values(aws_cloudwatch_metric_alarm.unhealthy), values(aws_cloudwatch_metric_alarm.none_healthy),
    ) : alarm.alarm_name
  ])
  description = "The alarms."
}
