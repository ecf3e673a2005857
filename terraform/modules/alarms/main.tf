# Alarms from metrics that AWS has by itself: of Auto Scaling groups, and of the targets of load balancers.

locals {
  tags = merge(var.tags, { "cos:cluster" = var.name })

  # AWS has no metric of an instance refresh. While one works, its group launches a node or has one more than it asks for, but not for
  # longer than a few nodes need. A group that does so in every five minutes of twice the launch timeout plus 20 minutes stands still:
  # new nodes end before they have joined, or old ones do not go. In five minutes, because AWS pauses between two nodes. Not less than
  # 50 minutes, because a few nodes need that however early one of them is given up. The README says what this does not see.
  spans  = ceil((max(var.launch_timeout, 900) / 60 * 2 + 20) / 5)
  window = local.spans * 5
}

resource "aws_cloudwatch_metric_alarm" "below_size" {
  for_each            = var.groups
  alarm_name          = "${var.name}-${each.key}-below-size"
  alarm_description   = <<-TEXT
    Fewer nodes of ${each.key} are in service than the group asks for, for ${each.value.minutes} minutes.
    1. On a node that is left: cos-agent doctor
    2. Why there is no new one: aws autoscaling describe-scaling-activities --auto-scaling-group-name ${each.value.name} --max-items 5
    3. On a new node that does not get into service: cos-agent doctor
  TEXT
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = each.value.minutes
  # Groups report each minute. Without data, nobody knows whether the nodes are there.
  treat_missing_data = "breaching"
  alarm_actions      = var.topic_arns
  ok_actions         = var.topic_arns
  tags               = local.tags

  metric_query {
    id          = "lacking"
    expression  = "wanted - there"
    label       = "nodes that are lacking"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { wanted = "GroupDesiredCapacity", there = "GroupInServiceInstances" }
    content {
      id = metric_query.key
      metric {
        namespace   = "AWS/AutoScaling"
        metric_name = metric_query.value
        dimensions  = { AutoScalingGroupName = each.value.name }
        period      = 60
        stat        = "Average"
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "standstill" {
  for_each            = var.groups
  alarm_name          = "${var.name}-${each.key}-standstill"
  alarm_description   = <<-TEXT
    The group of ${each.key} launches a node, or has more nodes than it asks for, for ${local.window} minutes: new nodes do not join, or old ones do not go. An instance refresh does not go on.
    1. Which node: aws autoscaling describe-instance-refreshes --auto-scaling-group-name ${each.value.name} --max-records 1
    2. On this node: cos-agent doctor
    3. To keep the old nodes: aws autoscaling cancel-instance-refresh --auto-scaling-group-name ${each.value.name}
  TEXT
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = local.spans
  # The other alarm of the group says that there is no data.
  treat_missing_data = "notBreaching"
  alarm_actions      = var.topic_arns
  ok_actions         = var.topic_arns
  tags               = local.tags

  metric_query {
    id          = "moving"
    expression  = "IF(launching > 0 OR total > wanted, 1, 0)"
    label       = "whether nodes come or go"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { launching = "GroupPendingInstances", total = "GroupTotalInstances", wanted = "GroupDesiredCapacity" }
    content {
      id = metric_query.key
      metric {
        namespace   = "AWS/AutoScaling"
        metric_name = metric_query.value
        dimensions  = { AutoScalingGroupName = each.value.name }
        period      = 300
        stat        = "Maximum"
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "unhealthy" {
  for_each            = var.target_groups
  alarm_name          = "${var.name}-${each.key}-unhealthy"
  alarm_description   = <<-TEXT
    A node fails the health check of ${each.key} for 10 minutes.
    1. Which node: aws elbv2 describe-target-health --target-group-arn ${each.value.arn}
    2. On this node: cos-agent doctor
  TEXT
  namespace           = "AWS/ApplicationELB"
  metric_name         = "UnHealthyHostCount"
  dimensions          = { LoadBalancer = each.value.load_balancer, TargetGroup = each.value.target_group }
  statistic           = "Maximum"
  period              = 60
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 10
  # Without targets there is no data, and the next alarm says so.
  treat_missing_data = "notBreaching"
  alarm_actions      = var.topic_arns
  ok_actions         = var.topic_arns
  tags               = local.tags
}

resource "aws_cloudwatch_metric_alarm" "none_healthy" {
  for_each            = var.target_groups
  alarm_name          = "${var.name}-${each.key}-none-healthy"
  alarm_description   = <<-TEXT
    No node passes the health check of ${each.key} for 3 minutes: the proxy does not run, or the servers have no leader.
    1. On a node of this group: cos-agent doctor
    2. What the load balancer sees: aws elbv2 describe-target-health --target-group-arn ${each.value.arn}
  TEXT
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HealthyHostCount"
  dimensions          = { LoadBalancer = each.value.load_balancer, TargetGroup = each.value.target_group }
  statistic           = "Maximum"
  period              = 60
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  evaluation_periods  = 3
  # Without targets there is no data.
  treat_missing_data = "breaching"
  alarm_actions      = var.topic_arns
  ok_actions         = var.topic_arns
  tags               = local.tags
}
