provider "aws" {
  region = "eu-central-1"
}

variables {
  name              = "demo"
  vpc_id            = "vpc-0123456789abcdef0"
  s3_prefix_list_id = "pl-0123456789abcdef0"
}

run "a_name_like_an_id" {
  command = plan
  variables {
    name = "sg-demo"
  }
  expect_failures = [var.name]
}

run "endpoints_everywhere" {
  command = plan
  variables {
    endpoint_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.endpoint_cidrs]
}

run "host_bits" {
  command = plan
  variables {
    endpoint_cidrs = ["10.0.0.1/24"]
  }
  expect_failures = [var.endpoint_cidrs]
}

run "resolvers_everywhere" {
  command = plan
  variables {
    dns_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.dns_cidrs]
}

run "a_resolver_without_a_prefix" {
  command = plan
  variables {
    dns_cidrs = ["10.0.0.53"]
  }
  expect_failures = [var.dns_cidrs]
}

run "proxies_everywhere" {
  command = plan
  variables {
    proxy_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.proxy_cidrs]
}

run "no_port" {
  command = plan
  variables {
    proxy_port = 0
  }
  expect_failures = [var.proxy_port]
}

run "what_a_site_has_of_its_own" {
  command = plan
  variables {
    endpoint_cidrs              = ["10.9.0.0/24"]
    endpoint_security_group_ids = ["sg-0123456789abcdef0"]
    dns_cidrs                   = ["10.9.1.53/32"]
    proxy_cidrs                 = ["10.9.1.80/32"]
  }
  assert {
    condition = alltrue([
      for row in ["cidr-10.9.0.0/24", "endpoints-0", "dns-udp-10.9.1.53/32", "dns-tcp-10.9.1.53/32", "proxy-10.9.1.80/32"] :
      contains(keys(aws_vpc_security_group_egress_rule.this), row)
    ])
    error_message = "A row of the site has no egress."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.this["endpoints-0"].security_group_id == "sg-0123456789abcdef0"
    error_message = "The group of the endpoints does not let the nodes in."
  }
}
