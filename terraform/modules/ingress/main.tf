# The way in from the internet: a load balancer in public subnets, and the ingress proxy on the clients of public-services.

locals {
  # Load balancers and target groups have names of at most 32 characters, and none may begin with `internal-`.
  full = "cos-${var.name}-ingress"
  name = length(local.full) <= 32 ? local.full : "${substr(local.full, 0, 32 - 7)}-${substr(sha1(local.full), 0, 6)}"
  tags = merge(var.tags, { Name = local.full, "cos:cluster" = var.name })
  # A rule has at most five hosts: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
  rules = length(var.hosts) > 0 ? chunklist(var.hosts, 5) : [[]]
}

resource "aws_lb" "this" {
  name                       = local.name
  internal                   = false
  load_balancer_type         = "application"
  subnets                    = var.subnet_ids
  security_groups            = [var.security_group_id]
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "defensive"
  enable_deletion_protection = var.deletion_protection
  tags                       = local.tags

  dynamic "access_logs" {
    for_each = var.access_logs_bucket == null ? [] : [var.access_logs_bucket]
    content {
      bucket  = access_logs.value
      prefix  = var.name
      enabled = true
    }
  }
}

# The proxy listens on 9999, and answers for its health on 9998: https://fabiolb.net/ref/ui.addr/
resource "aws_lb_target_group" "this" {
  #checkov:skip=CKV_AWS_378:The proxy has no certificate; TLS ends at the load balancer.
  name                 = local.name
  vpc_id               = var.vpc_id
  target_type          = "instance"
  protocol             = "HTTP"
  port                 = 9999
  deregistration_delay = var.deregistration_delay
  tags                 = local.tags

  health_check {
    protocol            = "HTTP"
    port                = "9998"
    path                = "/health"
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_lb_listener" "this" {
  load_balancer_arn = aws_lb.this.arn
  protocol          = "HTTPS"
  port              = 443
  certificate_arn   = var.certificate_arn
  ssl_policy        = var.ssl_policy
  tags              = local.tags

  # What no rule wants reaches no node.
  default_action {
    type = "fixed-response"
    fixed_response {
      content_type = "text/plain"
      message_body = "Not found"
      status_code  = "404"
    }
  }
}

# Priorities below 100 are free for rules of the site.
resource "aws_lb_listener_rule" "this" {
  count        = length(local.rules)
  listener_arn = aws_lb_listener.this.arn
  priority     = 100 + count.index
  tags         = local.tags

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }

  dynamic "condition" {
    for_each = length(local.rules[count.index]) > 0 ? [local.rules[count.index]] : []
    content {
      host_header {
        values = condition.value
      }
    }
  }

  dynamic "condition" {
    for_each = length(local.rules[count.index]) > 0 ? [] : ["/*"]
    content {
      path_pattern {
        values = [condition.value]
      }
    }
  }
}

resource "aws_autoscaling_traffic_source_attachment" "this" {
  autoscaling_group_name = var.autoscaling_group_name

  traffic_source {
    identifier = aws_lb_target_group.this.arn
    type       = "elbv2"
  }
}
