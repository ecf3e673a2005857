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

# refused: aws_acm_certificate.domain_name: expected a name such as example.com
resource "aws_acm_certificate" "domain" {
  domain_name       = "example_1.com"
  validation_method = "DNS"
}
