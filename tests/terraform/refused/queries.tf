# refused: aws_cloudwatch_metric_alarm: expected no period beside metric_query
resource "aws_cloudwatch_metric_alarm" "both" {
  alarm_name          = "alarm"
  comparison_operator = "LessThanThreshold"
  evaluation_periods  = 1
  period              = 60
  threshold           = 1
  metric_query {
    id          = "m1"
    return_data = true
    metric {
      namespace   = "AWS/AutoScaling"
      metric_name = "GroupInServiceInstances"
      period      = 60
      stat        = "Minimum"
    }
  }
}

# refused: aws_cloudwatch_metric_alarm: expected at most 20 queries, one of them with return_data = true, found 2 and 0
resource "aws_cloudwatch_metric_alarm" "returned" {
  alarm_name          = "alarm"
  comparison_operator = "LessThanThreshold"
  evaluation_periods  = 1
  threshold           = 1
  metric_query {
    id = "m1"
    metric {
      namespace   = "AWS/AutoScaling"
      metric_name = "GroupInServiceInstances"
      period      = 60
      stat        = "Minimum"
    }
  }
  metric_query {
    id = "m2"
    metric {
      namespace   = "AWS/AutoScaling"
      metric_name = "GroupInServiceInstances"
      period      = 60
      stat        = "Minimum"
    }
  }
}

# refused: aws_cloudwatch_metric_alarm: expected queries with an id of their own, found m1 twice
resource "aws_cloudwatch_metric_alarm" "ids" {
  alarm_name          = "alarm"
  comparison_operator = "LessThanThreshold"
  evaluation_periods  = 1
  threshold           = 1
  metric_query {
    id          = "m1"
    return_data = true
    metric {
      namespace   = "AWS/AutoScaling"
      metric_name = "GroupInServiceInstances"
      period      = 60
      stat        = "Minimum"
    }
  }
  metric_query {
    id         = "m1"
    expression = "m1 - m2"
  }
}

# refused: aws_cloudwatch_metric_alarm.metric_query: expected exactly one of expression, metric
resource "aws_cloudwatch_metric_alarm" "query" {
  alarm_name          = "alarm"
  comparison_operator = "LessThanThreshold"
  evaluation_periods  = 1
  threshold           = 1
  metric_query {
    id          = "m1"
    return_data = true
    metric {
      namespace   = "AWS/AutoScaling"
      metric_name = "GroupInServiceInstances"
      period      = 60
      stat        = "Minimum"
    }
    expression = "m1 - m2"
  }
}

# refused: aws_cloudwatch_metric_alarm.metric_query.id: expected an id that begins with a lower-case letter
resource "aws_cloudwatch_metric_alarm" "id" {
  alarm_name          = "alarm"
  comparison_operator = "LessThanThreshold"
  evaluation_periods  = 1
  threshold           = 1
  metric_query {
    id          = "M1"
    return_data = true
    metric {
      namespace   = "AWS/AutoScaling"
      metric_name = "GroupInServiceInstances"
      period      = 60
      stat        = "Minimum"
    }
  }
}

# refused: aws_cloudwatch_metric_alarm.metric_query.metric: period: expected 10, 20, 30 or a multiple of 60
resource "aws_cloudwatch_metric_alarm" "query_period" {
  alarm_name          = "alarm"
  comparison_operator = "LessThanThreshold"
  evaluation_periods  = 1
  threshold           = 1
  metric_query {
    id          = "m1"
    return_data = true
    metric {
      namespace   = "AWS/AutoScaling"
      metric_name = "GroupInServiceInstances"
      period      = 90
      stat        = "Minimum"
    }
  }
}

# refused: aws_cloudwatch_metric_alarm.metric_query.metric.stat: expected a statistic such as Maximum
resource "aws_cloudwatch_metric_alarm" "stat" {
  alarm_name          = "alarm"
  comparison_operator = "LessThanThreshold"
  evaluation_periods  = 1
  threshold           = 1
  metric_query {
    id          = "m1"
    return_data = true
    metric {
      namespace   = "AWS/AutoScaling"
      metric_name = "GroupInServiceInstances"
      period      = 60
      stat        = "Min"
    }
  }
}

# refused: aws_cloudwatch_metric_alarm.metric_query.metric: expected namespace beside metric_name
resource "aws_cloudwatch_metric_alarm" "namespace" {
  alarm_name          = "alarm"
  comparison_operator = "LessThanThreshold"
  evaluation_periods  = 1
  threshold           = 1
  metric_query {
    id          = "m1"
    return_data = true
    metric {
      metric_name = "GroupInServiceInstances"
      period      = 60
      stat        = "Minimum"
    }
  }
}
