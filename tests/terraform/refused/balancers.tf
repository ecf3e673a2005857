# refused: aws_lb.name: expected 1 to 32 characters, found 33
resource "aws_lb" "name" {
  name    = "a-name-of-a-cluster-that-is-long-"
  subnets = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
}

# refused: aws_lb.name: expected letters, digits and hyphens
resource "aws_lb" "characters" {
  name    = "cos_public"
  subnets = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
}

# refused: aws_lb.name: expected a name without the prefix internal-
resource "aws_lb" "internal" {
  name    = "internal-cos"
  subnets = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
}

# refused: aws_lb.name_prefix: expected 1 to 6 characters
resource "aws_lb" "prefix" {
  name_prefix = "public-"
  subnets     = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
}

# refused: aws_lb: expected subnets in at least two zones, found 1 subnet
resource "aws_lb" "one_zone" {
  subnets = ["subnet-0123456789abcdef0"]
}

# refused: aws_lb.security_groups: expected an id such as sg-0123456789abcdef0
resource "aws_lb" "groups" {
  subnets         = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
  security_groups = ["web"]
}

# refused: aws_lb_target_group.name: expected 1 to 32 characters
resource "aws_lb_target_group" "name" {
  name     = "a-name-of-a-cluster-that-is-too-long"
  port     = 80
  protocol = "HTTP"
  vpc_id   = "vpc-0123456789abcdef0"
}

# refused: aws_lb_target_group.port: expected 1 to 65535, found 70000
resource "aws_lb_target_group" "port" {
  port     = 70000
  protocol = "HTTP"
  vpc_id   = "vpc-0123456789abcdef0"
}

# refused: aws_lb_target_group: expected vpc_id, because target_type is "instance"
resource "aws_lb_target_group" "no_vpc" {
  port     = 80
  protocol = "HTTP"
}

# refused: aws_lb_target_group.health_check: expected timeout < interval, found 10 and 10
resource "aws_lb_target_group" "timeout" {
  port     = 80
  protocol = "HTTP"
  vpc_id   = "vpc-0123456789abcdef0"
  health_check {
    interval = 10
    timeout  = 10
  }
}

# refused: aws_lb_listener: expected certificate_arn, because protocol is "HTTPS"
resource "aws_lb_listener" "no_certificate" {
  load_balancer_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/a/0123456789abcdef"
  port              = 443
  protocol          = "HTTPS"
  default_action {
    type             = "forward"
    target_group_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/a/0123456789abcdef"
  }
}

# refused: aws_lb_listener.default_action: expected a block redirect, because type is "redirect"
resource "aws_lb_listener" "no_redirect" {
  load_balancer_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/a/0123456789abcdef"
  port              = 80
  protocol          = "HTTP"
  default_action {
    type = "redirect"
  }
}

# refused: aws_lb_listener_rule.condition: expected exactly one of host_header
resource "aws_lb_listener_rule" "no_condition" {
  listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/a/0123456789abcdef/0123456789abcdef"
  action {
    type             = "forward"
    target_group_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/a/0123456789abcdef"
  }
  condition {}
}

# refused: aws_lb.idle_timeout: expected 1 to 4000, found 4001
resource "aws_lb" "idle" {
  subnets      = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
  idle_timeout = 4001
}

# refused: aws_lb_target_group.health_check.interval: expected 5 to 300, found 4
resource "aws_lb_target_group" "interval" {
  port     = 80
  protocol = "HTTP"
  vpc_id   = "vpc-0123456789abcdef0"
  health_check {
    interval = 4
    timeout  = 3
  }
}

# refused: aws_lb_target_group.health_check.path: expected a path such as /health
resource "aws_lb_target_group" "path" {
  port     = 80
  protocol = "HTTP"
  vpc_id   = "vpc-0123456789abcdef0"
  health_check {
    path = "health"
  }
}

# refused: aws_lb_target_group.deregistration_delay: expected 0 to 3600, found 3601
resource "aws_lb_target_group" "delay" {
  port                 = 80
  protocol             = "HTTP"
  vpc_id               = "vpc-0123456789abcdef0"
  deregistration_delay = 3601
}

# refused: aws_lb_listener.load_balancer_arn: expected the ARN of a load balancer
resource "aws_lb_listener" "balancer" {
  load_balancer_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/a/0123456789abcdef"
  port              = 443
  protocol          = "HTTPS"
  certificate_arn   = "arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
  default_action {
    type             = "forward"
    target_group_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/a/0123456789abcdef"
  }
}

# refused: aws_lb_listener.certificate_arn: expected the ARN of a certificate
resource "aws_lb_listener" "certificate" {
  load_balancer_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/a/0123456789abcdef"
  port              = 443
  protocol          = "HTTPS"
  certificate_arn   = "arn:aws:kms:eu-central-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
  default_action {
    type             = "forward"
    target_group_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/a/0123456789abcdef"
  }
}

# refused: aws_lb_listener.default_action.target_group_arn: expected the ARN of a target group
resource "aws_lb_listener" "target" {
  load_balancer_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/a/0123456789abcdef"
  port              = 443
  protocol          = "HTTPS"
  certificate_arn   = "arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
  default_action {
    type             = "forward"
    target_group_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/a/0123456789abcdef"
  }
}

# refused: aws_lb_listener.ssl_policy: expected a policy such as
resource "aws_lb_listener" "tls" {
  load_balancer_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/a/0123456789abcdef"
  port              = 443
  protocol          = "HTTPS"
  certificate_arn   = "arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
  ssl_policy        = "TLS-1-2"
  default_action {
    type             = "forward"
    target_group_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/a/0123456789abcdef"
  }
}

# refused: aws_lb_listener_rule.listener_arn: expected the ARN of a listener
resource "aws_lb_listener_rule" "listener" {
  listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/a/0123456789abcdef"
  action {
    type             = "forward"
    target_group_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/a/0123456789abcdef"
  }
  condition {
    path_pattern {
      values = ["/*"]
    }
  }
}

# refused: aws_lb_listener_rule.action.target_group_arn: expected the ARN of a target group
resource "aws_lb_listener_rule" "target" {
  listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/a/0123456789abcdef/0123456789abcdef"
  action {
    type             = "forward"
    target_group_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/a/0123456789abcdef"
  }
  condition {
    path_pattern {
      values = ["/*"]
    }
  }
}

# refused: aws_lb_listener_rule.condition.host_header.values: expected a host such as
resource "aws_lb_listener_rule" "host" {
  listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/a/0123456789abcdef/0123456789abcdef"
  action {
    type             = "forward"
    target_group_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/a/0123456789abcdef"
  }
  condition {
    host_header {
      values = ["localhost"]
    }
  }
}

# refused: aws_lb_listener_rule: expected at most 5 values in the conditions of a rule, found 6
resource "aws_lb_listener_rule" "values" {
  listener_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/a/0123456789abcdef/0123456789abcdef"
  action {
    type             = "forward"
    target_group_arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/a/0123456789abcdef"
  }
  condition {
    host_header {
      values = ["a.example.com", "b.example.com", "c.example.com", "d.example.com", "e.example.com", "f.example.com"]
    }
  }
}
