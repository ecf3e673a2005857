provider "aws" {
  region = "eu-central-1"
}

variables {
  name  = "demo"
  cidr  = "10.20.0.0/16"
  zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
}

run "a_capital_in_the_name" {
  command = plan
  variables {
    name = "Demo"
  }
  expect_failures = [var.name]
}

run "a_vpc_that_is_too_small" {
  command = plan
  variables {
    cidr = "10.20.0.0/22"
  }
  expect_failures = [var.cidr]
}

run "host_bits" {
  command = plan
  variables {
    cidr = "10.20.1.0/16"
  }
  expect_failures = [var.cidr]
}

run "no_network" {
  command = plan
  variables {
    cidr = "10.20.0.0"
  }
  expect_failures = [var.cidr]
}

run "two_zones" {
  command = plan
  variables {
    zones = ["eu-central-1a", "eu-central-1b"]
  }
  expect_failures = [var.zones]
}

run "a_zone_twice" {
  command = plan
  variables {
    zones = ["eu-central-1a", "eu-central-1a", "eu-central-1b"]
  }
  expect_failures = [var.zones]
}

run "the_smallest_vpc" {
  command = plan
  variables {
    cidr = "10.20.0.0/21"
  }
  assert {
    condition     = alltrue([for subnet in aws_subnet.this : tonumber(split("/", subnet.cidr_block)[1]) <= 27])
    error_message = "A load balancer needs a /27."
  }
  assert {
    condition     = length(distinct([for subnet in aws_subnet.this : subnet.cidr_block])) == 12
    error_message = "Subnets have the same addresses."
  }
}

run "one_nat_gateway" {
  command = plan
  variables {
    single_nat_gateway = true
  }
  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.nat) == 3
    error_message = "Expected one gateway and a route to it in each zone."
  }
}
