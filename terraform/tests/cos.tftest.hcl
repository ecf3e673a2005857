provider "aws" {
  region = "eu-central-1"
}

variables {
  name   = "demo"
  vpc_id = "vpc-0123456789abcdef0"
  subnet_ids = {
    backoffice        = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1", "subnet-0123456789abcdef2"]
    services          = ["subnet-0123456789abcdef3", "subnet-0123456789abcdef4", "subnet-0123456789abcdef5"]
    content_connector = ["subnet-0123456789abcdef6", "subnet-0123456789abcdef7", "subnet-0123456789abcdef8"]
  }
  s3_prefix_list_id           = "pl-0123456789abcdef0"
  endpoint_security_group_ids = ["sg-0123456789abcdef0"]
  ami_id                      = { consul_server = "ami-0123456789abcdef0", nomad_server = "ami-0123456789abcdef1", nomad_client = "ami-0123456789abcdef2" }
}

run "an_underscore" {
  command = plan
  variables {
    name = "de_mo"
  }
  expect_failures = [var.name]
}

run "two_subnets_of_a_kind" {
  command = plan
  variables {
    subnet_ids = { backoffice = ["subnet-0123456789abcdef0"], services = [], content_connector = [] }
  }
  expect_failures = [var.subnet_ids]
}

run "no_endpoints" {
  command = plan
  variables {
    endpoint_security_group_ids = []
  }
  expect_failures = [var.endpoint_cidrs]
}

run "two_ways_to_an_ami" {
  command = plan
  variables {
    ami = { name = "cos", owner = "123456789012" }
  }
  expect_failures = [var.ami_id]
}

run "no_ami" {
  command = plan
  variables {
    ami_id = null
  }
  expect_failures = [var.ami_id]
}

run "a_pattern_for_an_ami" {
  command = plan
  variables {
    ami_id = null
    ami    = { name = "cos-*", owner = "123456789012" }
  }
  expect_failures = [var.ami]
}

run "a_datacenter_of_nobody" {
  command = plan
  variables {
    clients = { "dmz" = {} }
  }
  expect_failures = [var.clients]
}

run "an_ami_by_its_name" {
  command = plan
  variables {
    ami_id = null
    ami    = { name = "cos-1.0.0-debian-12", owner = "123456789012" }
  }
  assert {
    condition     = length(data.aws_ami.this) == 1
    error_message = "Expected one AMI."
  }
}

run "one_datacenter" {
  command = plan
  variables {
    clients = { public-services = { size = { min = 3, max = 9, desired = 3 } } }
  }
  assert {
    condition     = length(output.autoscaling_group_names) == 3
    error_message = "Expected two groups of servers and one of clients."
  }
}
