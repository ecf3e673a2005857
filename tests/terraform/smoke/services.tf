# Load balancers, registries, parameters, logs, alarms.
resource "aws_lb" "this" {
  name            = "smoke"
  internal        = true
  subnets         = aws_subnet.this[*].id
  security_groups = [aws_security_group.this.id]
}

resource "aws_lb_target_group" "this" {
  name     = "smoke"
  port     = 8080
  protocol = "HTTP"
  vpc_id   = aws_vpc.this.id
  health_check {
    path = "/health"
  }
}

resource "aws_acm_certificate" "this" {
  count             = 2
  domain_name       = "${count.index}.example.com"
  validation_method = "DNS"
}

resource "aws_acm_certificate" "imported" {
  certificate_body = "-----BEGIN CERTIFICATE-----"
  private_key      = "-----BEGIN PRIVATE KEY-----"
}

resource "aws_lb_listener" "this" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  certificate_arn   = aws_acm_certificate.this[0].arn
  default_action {
    type = "fixed-response"
    fixed_response {
      content_type = "text/plain"
      status_code  = "404"
    }
  }
}

resource "aws_lb_listener_certificate" "this" {
  listener_arn    = aws_lb_listener.this.arn
  certificate_arn = aws_acm_certificate.this[1].arn
}

resource "aws_lb_listener_rule" "this" {
  listener_arn = aws_lb_listener.this.arn
  priority     = 10
  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
  condition {
    path_pattern {
      values = ["/web/*"]
    }
  }
}

resource "aws_ecr_repository" "this" {
  name                 = "smoke/web"
  image_tag_mutability = "IMMUTABLE"
  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  repository = aws_ecr_repository.this.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 10 }
      action       = { type = "expire" }
    }]
  })
}

resource "aws_ecr_repository_policy" "this" {
  repository = aws_ecr_repository.this.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:${data.aws_partition.this.partition}:iam::${data.aws_caller_identity.this.account_id}:root" }
      Action    = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    }]
  })
}

resource "aws_ecr_pull_through_cache_rule" "this" {
  ecr_repository_prefix = "quay"
  upstream_registry_url = "quay.io"
}

resource "aws_ssm_parameter" "this" {
  name  = "/smoke/formed"
  type  = "String"
  value = var.color
}

resource "aws_ssm_parameter" "secret" {
  name             = "/smoke/secret"
  type             = "SecureString"
  value_wo         = "never in the state"
  value_wo_version = 1
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/smoke/flow"
  retention_in_days = 7
}

resource "aws_cloudwatch_metric_alarm" "this" {
  alarm_name          = "smoke"
  comparison_operator = "LessThanThreshold"
  evaluation_periods  = 2
  namespace           = "AWS/AutoScaling"
  metric_name         = "GroupInServiceInstances"
  period              = 60
  statistic           = "Minimum"
  threshold           = 1
  alarm_actions       = [aws_sns_topic.this.arn]
  dimensions          = { AutoScalingGroupName = aws_autoscaling_group.this.name }
}

resource "aws_cloudwatch_metric_alarm" "math" {
  alarm_name          = "smoke-math"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 2
  threshold           = 0
  metric_query {
    id          = "lacks"
    expression  = "wanted - there"
    return_data = true
  }
  dynamic "metric_query" {
    for_each = { wanted = "GroupDesiredCapacity", there = "GroupInServiceInstances" }
    content {
      id = metric_query.key
      metric {
        namespace   = "AWS/AutoScaling"
        metric_name = metric_query.value
        period      = 60
        stat        = "Minimum"
        dimensions  = { AutoScalingGroupName = aws_autoscaling_group.this.name }
      }
    }
  }
}

resource "aws_sns_topic" "this" {
  name = "smoke"
}

resource "aws_s3_bucket" "this" {
  bucket_prefix = "smoke-"
}
