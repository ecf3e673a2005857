provider "aws" {
  region = "eu-central-1"
}

variables {
  name       = "demo"
  groups     = { consul-server = { name = "demo-consul-server", minutes = 5 }, backoffice = { name = "demo-backoffice" } }
  topic_arns = ["arn:aws:sns:eu-central-1:123456789012:pager"]
  target_groups = {
    ui-nomad = {
      arn           = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/cos-demo-ui-nomad/0123456789abcdef"
      target_group  = "targetgroup/cos-demo-ui-nomad/0123456789abcdef"
      load_balancer = "app/cos-demo-ui/0123456789abcdef"
    }
  }
}

run "no_minutes" {
  command = plan
  variables {
    groups = { backoffice = { name = "demo-backoffice", minutes = 0 } }
  }
  expect_failures = [var.groups]
}

run "more_than_a_day" {
  command = plan
  variables {
    groups = { backoffice = { name = "demo-backoffice", minutes = 1441 } }
  }
  expect_failures = [var.groups]
}

run "more_than_the_launch_hook_takes" {
  command = plan
  variables {
    launch_timeout = 7201
  }
  expect_failures = [var.launch_timeout]
}

run "six_topics" {
  command = plan
  variables {
    topic_arns = [for number in range(6) : "arn:aws:sns:eu-central-1:123456789012:pager-${number}"]
  }
  expect_failures = [var.topic_arns]
}

run "two_for_each_group_and_two_for_each_target_group" {
  command = plan
  assert {
    condition = output.alarm_names == sort([
      "demo-backoffice-below-size", "demo-backoffice-standstill", "demo-consul-server-below-size", "demo-consul-server-standstill",
      "demo-ui-nomad-none-healthy", "demo-ui-nomad-unhealthy",
    ])
    error_message = "Expected other alarms."
  }
  assert {
    condition     = { for kind, alarm in aws_cloudwatch_metric_alarm.below_size : kind => alarm.evaluation_periods } == { backoffice = 15, consul-server = 5 }
    error_message = "Expected 5 minutes for servers, and 15 for clients."
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.below_size : alarm.treat_missing_data == "breaching" && alarm.alarm_actions == toset(var.topic_arns)])
    error_message = "A group that reports nothing is not seen, or nobody hears of it."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.none_healthy["ui-nomad"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.unhealthy["ui-nomad"].treat_missing_data == "notBreaching"
    error_message = "Expected one alarm for a target group without targets."
  }
  assert {
    condition = alltrue([
      for alarm in concat(
        values(aws_cloudwatch_metric_alarm.below_size), values(aws_cloudwatch_metric_alarm.standstill),
        values(aws_cloudwatch_metric_alarm.unhealthy), values(aws_cloudwatch_metric_alarm.none_healthy),
      ) : strcontains(alarm.alarm_description, "cos-agent doctor") && strcontains(alarm.alarm_description, "aws ")
    ])
    error_message = "A description does not say what to type."
  }
}

run "a_standstill_is_longer_than_two_launches" {
  command = plan
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.standstill : alarm.evaluation_periods == 10 && strcontains(alarm.alarm_description, "for 50 minutes:")])
    error_message = "Expected 10 times 5 minutes for a timeout of 15 minutes."
  }
}

run "a_refresh_takes_its_time_also_where_launches_are_short" {
  command = plan
  variables {
    launch_timeout = 30
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.standstill : alarm.evaluation_periods == 10])
    error_message = "Expected 10 times 5 minutes for a short timeout too."
  }
}

run "a_launch_of_two_hours" {
  command = plan
  variables {
    launch_timeout = 7200
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.standstill : alarm.evaluation_periods * 5 > 2 * 120 && alarm.evaluation_periods * 5 <= 1440])
    error_message = "Expected more than two launches, and at most a day."
  }
}

run "what_the_metrics_are_of" {
  command = plan
  assert {
    condition = toset(flatten([for query in aws_cloudwatch_metric_alarm.standstill["backoffice"].metric_query : [for metric in query.metric : "${query.id} ${metric.metric_name} ${metric.dimensions.AutoScalingGroupName}"]])) == toset([
      "launching GroupPendingInstances demo-backoffice", "total GroupTotalInstances demo-backoffice", "wanted GroupDesiredCapacity demo-backoffice"
    ])
    error_message = "Expected the metrics of the group."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.unhealthy["ui-nomad"].dimensions == tomap({ LoadBalancer = "app/cos-demo-ui/0123456789abcdef", TargetGroup = "targetgroup/cos-demo-ui-nomad/0123456789abcdef" })
    error_message = "Expected the target group at its load balancer."
  }
}
