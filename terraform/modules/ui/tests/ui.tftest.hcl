provider "aws" {
  region = "eu-central-1"
}

variables {
  name                    = "demo"
  accept_no_acls          = true
  vpc_id                  = "vpc-0123456789abcdef0"
  subnet_ids              = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1", "subnet-0123456789abcdef2"]
  security_group_id       = "sg-0123456789abcdef0"
  autoscaling_group_names = { consul_server = "demo-consul-server", nomad_server = "demo-nomad-server" }
  certificate_arn         = "arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
}

run "nobody_accepted_that_there_are_no_acls" {
  command = plan
  variables {
    accept_no_acls = false
  }
  expect_failures = [var.accept_no_acls]
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
    certificate_arn = "ui.example.com"
  }
  expect_failures = [var.certificate_arn]
}

run "no_certificate" {
  command = plan
  variables {
    certificate_arn = null
  }
  expect_failures = [var.certificate_arn]
}

run "two_certificates" {
  command = plan
  variables {
    certificate = { body = "-----BEGIN CERTIFICATE-----", private_key = "-----BEGIN PRIVATE KEY-----" }
  }
  expect_failures = [var.certificate_arn]
}

run "a_file_name_for_a_key" {
  command = plan
  variables {
    certificate_arn = null
    certificate     = { body = "-----BEGIN CERTIFICATE-----", private_key = "key.pem" }
  }
  expect_failures = [var.certificate]
}

run "a_policy_of_old" {
  command = plan
  variables {
    ssl_policy = "ELBSecurityPolicy-2016-08"
  }
  expect_failures = [var.ssl_policy]
}

run "names_of_32_characters" {
  command = plan
  variables {
    name = "a-name-of-a-cluster-that-is-long"
  }
  assert {
    condition     = alltrue([for name in concat([aws_lb.this.name], [for group in aws_lb_target_group.this : group.name]) : length(name) == 32])
    error_message = "Expected names of 32 characters."
  }
  assert {
    condition     = length(toset([for group in aws_lb_target_group.this : group.name])) == 2
    error_message = "The target groups have one name."
  }
}

run "the_ports_and_the_health" {
  command = plan
  assert {
    condition = {
      for daemon, listener in aws_lb_listener.this : daemon => [
        listener.protocol, listener.port, aws_lb_target_group.this[daemon].port, aws_lb_target_group.this[daemon].health_check[0].path
      ]
      } == {
      consul = ["HTTPS", 8501, 8500, "/v1/catalog/service/consul"]
      nomad  = ["HTTPS", 4646, 4646, "/v1/agent/health?type=server"]
    }
    error_message = "Expected HTTPS on 8501 and 4646, and paths that fail without a leader."
  }
  assert {
    condition     = aws_lb.this.internal && aws_lb.this.idle_timeout > 319
    error_message = "Expected an internal load balancer that outlasts a blocking query."
  }
  assert {
    condition     = length(aws_acm_certificate.this) == 0
    error_message = "Nothing is to be imported."
  }
}

run "a_certificate_to_import" {
  variables {
    certificate_arn = null
    certificate     = { body = "-----BEGIN CERTIFICATE-----\nMIIB\n", private_key = "-----BEGIN PRIVATE KEY-----\nMIIE\n" }
  }
  assert {
    condition     = alltrue([for listener in aws_lb_listener.this : listener.certificate_arn == aws_acm_certificate.this[0].arn])
    error_message = "A listener has another certificate."
  }
  assert {
    condition     = issensitive(aws_acm_certificate.this[0].private_key)
    error_message = "The private key would be shown."
  }
  assert {
    condition     = output.urls.nomad == "https://${aws_lb.this.dns_name}:4646" && output.urls.consul == "https://${aws_lb.this.dns_name}:8501"
    error_message = "Expected the pages by the name of the load balancer."
  }
  assert {
    condition = alltrue([
      for daemon, source in aws_autoscaling_traffic_source_attachment.this :
      source.traffic_source[0].identifier == aws_lb_target_group.this[daemon].arn && source.autoscaling_group_name == "demo-${daemon}-server"
    ])
    error_message = "The servers are no targets."
  }
}
