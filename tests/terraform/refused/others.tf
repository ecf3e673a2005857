# refused: aws_ecr_repository.name: expected a name in lower case
resource "aws_ecr_repository" "name" {
  name = "Cos/web"
}

# refused: aws_ecr_repository.image_tag_mutability: expected MUTABLE, IMMUTABLE
resource "aws_ecr_repository" "mutability" {
  name                 = "cos/web"
  image_tag_mutability = "immutable"
}

# refused: aws_ecr_lifecycle_policy.policy: countType: expected imageCountMoreThan
resource "aws_ecr_lifecycle_policy" "count" {
  repository = "cos/web"
  policy = jsonencode({ rules = [{
    rulePriority = 1
    selection    = { tagStatus = "any", countType = "imageCount", countNumber = 1 }
    action       = { type = "expire" }
  }] })
}

# refused: aws_ecr_repository_policy.policy: statement 1 "": expected Principal or NotPrincipal
resource "aws_ecr_repository_policy" "no_principal" {
  repository = "cos/web"
  policy     = jsonencode({ Statement = [{ Effect = "Allow", Action = "ecr:BatchGetImage" }] })
}

# refused: aws_ecr_pull_through_cache_rule.ecr_repository_prefix: expected 2 to 30 characters
resource "aws_ecr_pull_through_cache_rule" "prefix" {
  ecr_repository_prefix = "a"
  upstream_registry_url = "quay.io"
}

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

# refused: aws_cloudwatch_log_group.retention_in_days: expected one of [0 1 3 5 7
resource "aws_cloudwatch_log_group" "retention" {
  name              = "/cos/a"
  retention_in_days = 10
}

# refused: aws_sns_topic.name: expected at most 256 letters
resource "aws_sns_topic" "name" {
  name = "cos.alarms"
}

# refused: aws_s3_bucket.bucket: expected lower case
resource "aws_s3_bucket" "name" {
  bucket = "Cos"
}
