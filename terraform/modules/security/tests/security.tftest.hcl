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

run "the_ui_for_everybody" {
  command = plan
  variables {
    ui_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.ui_cidrs]
}

run "the_ui_for_half_of_everybody" {
  command = plan
  variables {
    ui_cidrs = ["0.0.0.0/1", "128.0.0.0/1"]
  }
  expect_failures = [var.ui_cidrs]
}

run "the_ui_for_an_address_with_host_bits" {
  command = plan
  variables {
    ui_cidrs = ["10.0.0.1/24"]
  }
  expect_failures = [var.ui_cidrs]
}

run "no_load_balancers" {
  command = plan
  assert {
    condition     = length(setintersection(keys(output.group_ids), ["public-alb", "ui-alb"])) == 0
    error_message = "A load balancer that nobody asked for has a group."
  }
  assert {
    condition     = [for name, flow in output.flows : name if startswith(name, "ui-") || strcontains(name, "ingress") || flow.from == "internet"] == []
    error_message = "A load balancer that nobody asked for has a row."
  }
}

run "the_ingress" {
  command = plan
  variables {
    ingress = true
  }
  assert {
    condition = alltrue([
      for row in ["ingress", "ingress-check"] :
      contains(keys(aws_vpc_security_group_egress_rule.this), row) && contains(keys(aws_vpc_security_group_ingress_rule.this), row)
    ])
    error_message = "The load balancer does not reach the proxy."
  }
  assert {
    condition     = [for name, rule in aws_vpc_security_group_ingress_rule.this : "${name} ${rule.from_port}" if rule.cidr_ipv4 == "0.0.0.0/0"] == ["internet-in 443"]
    error_message = "Expected one way in from the internet, by port 443."
  }
}

run "the_ui" {
  command = plan
  variables {
    ui_cidrs = ["10.9.0.0/16", "192.168.7.0/24"]
  }
  assert {
    condition = { for name, rule in aws_vpc_security_group_ingress_rule.this : name => rule.from_port if startswith(name, "ui-") } == {
      ui-consul                     = 8500
      ui-nomad                      = 4646
      "ui-in-consul-10.9.0.0/16"    = 8501
      "ui-in-consul-192.168.7.0/24" = 8501
      "ui-in-nomad-10.9.0.0/16"     = 4646
      "ui-in-nomad-192.168.7.0/24"  = 4646
    }
    error_message = "Expected the ports of the UIs for both networks, and those of the servers for the load balancer."
  }
  assert {
    condition     = [for name in keys(aws_vpc_security_group_egress_rule.this) : name if startswith(name, "ui-")] == ["ui-consul", "ui-nomad"]
    error_message = "Expected the egress of the load balancer to the servers, and no other."
  }
}
