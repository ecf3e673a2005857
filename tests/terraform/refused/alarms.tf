# refused: aws_cloudwatch_metric_alarm.comparison_operator: expected GreaterThanOrEqualToThreshold
resource "aws_cloudwatch_metric_alarm" "operator" {
  alarm_name          = "alarm"
  comparison_operator = "LessThan"
  evaluation_periods  = 1
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed"
  period              = 60
  statistic           = "Maximum"
  threshold           = 1
}

# refused: aws_cloudwatch_metric_alarm: period: expected 10, 20, 30 or a multiple of 60, found 61
resource "aws_cloudwatch_metric_alarm" "period" {
  alarm_name          = "alarm"
  comparison_operator = "LessThanThreshold"
  evaluation_periods  = 1
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed"
  period              = 61
  statistic           = "Maximum"
  threshold           = 1
}

# refused: aws_cloudwatch_metric_alarm.alarm_name: expected 1 to 255 characters
resource "aws_cloudwatch_metric_alarm" "name" {
  alarm_name          = ""
  comparison_operator = "LessThanThreshold"
  evaluation_periods  = 1
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed"
  period              = 60
  statistic           = "Maximum"
  threshold           = 1
}

# refused: aws_cloudwatch_metric_alarm.alarm_description: expected 0 to 1024 characters
resource "aws_cloudwatch_metric_alarm" "description" {
  alarm_name          = "alarm"
  comparison_operator = "LessThanThreshold"
  evaluation_periods  = 1
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed"
  period              = 60
  statistic           = "Maximum"
  threshold           = 1
  alarm_description   = join("", [for number in range(205) : "words"])
}

# refused: aws_cloudwatch_metric_alarm.alarm_actions: expected at most 5, found 6
resource "aws_cloudwatch_metric_alarm" "actions" {
  alarm_name          = "alarm"
  comparison_operator = "LessThanThreshold"
  evaluation_periods  = 1
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed"
  period              = 60
  statistic           = "Maximum"
  threshold           = 1
  alarm_actions       = [for number in range(6) : "arn:aws:sns:eu-central-1:123456789012:topic-${number}"]
}

# refused: aws_cloudwatch_metric_alarm: expected datapoints_to_alarm <= evaluation_periods
resource "aws_cloudwatch_metric_alarm" "datapoints" {
  alarm_name          = "alarm"
  comparison_operator = "LessThanThreshold"
  evaluation_periods  = 1
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed"
  period              = 60
  statistic           = "Maximum"
  threshold           = 1
  datapoints_to_alarm = 2
}

# refused: aws_cloudwatch_metric_alarm: expected statistic or extended_statistic
resource "aws_cloudwatch_metric_alarm" "statistic" {
  alarm_name          = "alarm"
  comparison_operator = "LessThanThreshold"
  evaluation_periods  = 1
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed"
  period              = 60
  threshold           = 1
}

# refused: aws_cloudwatch_metric_alarm: expected evaluation_periods times period of at most 86400 seconds, found 86460
resource "aws_cloudwatch_metric_alarm" "window" {
  alarm_name          = "alarm"
  comparison_operator = "LessThanThreshold"
  evaluation_periods  = 1441
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed"
  period              = 60
  statistic           = "Maximum"
  threshold           = 1
}
