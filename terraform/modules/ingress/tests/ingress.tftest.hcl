provider "aws" {
  region = "eu-central-1"
}

variables {
  name                   = "demo"
  vpc_id                 = "vpc-0123456789abcdef0"
  subnet_ids             = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1", "subnet-0123456789abcdef2"]
  security_group_id      = "sg-0123456789abcdef0"
  autoscaling_group_name = "demo-public-services"
  certificate_arn        = "arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
}

run "two_subnets" {
  command = plan
  variables {
    subnet_ids = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
  }
  expect_failures = [var.subnet_ids]
}

run "a_certificate_by_its_name" {
  command = plan
  variables {
    certificate_arn = "www.example.com"
  }
  expect_failures = [var.certificate_arn]
}

run "a_policy_of_old" {
  command = plan
  variables {
    ssl_policy = "ELBSecurityPolicy-TLS13-1-1-2021-06"
  }
  expect_failures = [var.ssl_policy]
}

run "a_host_twice" {
  command = plan
  variables {
    hosts = ["www.example.com", "www.example.com"]
  }
  expect_failures = [var.hosts]
}

run "a_host_with_a_port" {
  command = plan
  variables {
    hosts = ["www.example.com:443"]
  }
  expect_failures = [var.hosts]
}

run "every_host" {
  command = plan
  variables {
    hosts = ["*"]
  }
  expect_failures = [var.hosts]
}

run "more_than_an_hour" {
  command = plan
  variables {
    deregistration_delay = 3601
  }
  expect_failures = [var.deregistration_delay]
}

run "a_name_of_32_characters" {
  command = plan
  variables {
    name = "a-name-of-a-cluster-that-is-long"
  }
  assert {
    condition     = length(aws_lb.this.name) == 32 && aws_lb_target_group.this.name == aws_lb.this.name
    error_message = "Expected names of 32 characters."
  }
}

run "a_cluster_called_internal" {
  command = plan
  variables {
    name = "internal"
  }
  assert {
    condition     = aws_lb.this.name == "cos-internal-ingress"
    error_message = "AWS takes no name that begins with internal-."
  }
}

run "without_hosts_every_path" {
  command = plan
  assert {
    condition     = length(aws_lb_listener_rule.this) == 1 && one(aws_lb_listener_rule.this[0].condition).path_pattern[0].values == toset(["/*"])
    error_message = "Expected one rule, for every path."
  }
  assert {
    condition     = aws_lb_listener.this.default_action[0].fixed_response[0].status_code == "404"
    error_message = "Expected 404 for what no rule wants."
  }
}

run "with_hosts_no_others" {
  command = plan
  variables {
    hosts = ["a.example.com", "b.example.com", "c.example.com", "d.example.com", "e.example.com", "*.example.org"]
  }
  assert {
    condition = [for rule in aws_lb_listener_rule.this : one(rule.condition).host_header[0].values] == [
      toset(["a.example.com", "b.example.com", "c.example.com", "d.example.com", "e.example.com"]), toset(["*.example.org"])
    ]
    error_message = "Expected five hosts in a rule, the rest in the next."
  }
  assert {
    condition     = alltrue([for rule in aws_lb_listener_rule.this : length(one(rule.condition).path_pattern) == 0])
    error_message = "A rule lets other hosts in."
  }
}

run "the_group_of_public_services" {
  assert {
    condition     = aws_autoscaling_traffic_source_attachment.this.traffic_source[0].identifier == aws_lb_target_group.this.arn
    error_message = "The clients are no targets."
  }
  assert {
    condition     = aws_lb_listener_rule.this[0].action[0].target_group_arn == aws_lb_target_group.this.arn
    error_message = "Requests go elsewhere."
  }
  assert {
    condition     = !aws_lb.this.internal && aws_lb.this.enable_deletion_protection && aws_lb.this.drop_invalid_header_fields
    error_message = "Expected a load balancer for the internet that is protected."
  }
}

run "access_logs" {
  command = plan
  variables {
    access_logs_bucket = "logs"
  }
  assert {
    condition     = aws_lb.this.access_logs[0].enabled && aws_lb.this.access_logs[0].prefix == "demo"
    error_message = "Nobody keeps the logs."
  }
}
