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

run "an_ingress_without_its_clients" {
  command = plan
  variables {
    clients = { backoffice = {} }
    ingress = {
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
      subnet_ids      = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1", "subnet-0123456789abcdef2"]
    }
  }
  expect_failures = [var.ingress]
}

run "the_ui_for_nobody" {
  command = plan
  variables {
    ui = {
      cidrs           = []
      subnet_ids      = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1", "subnet-0123456789abcdef2"]
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
      accept_no_acls  = true
    }
  }
  expect_failures = [var.ui]
}

run "the_ui_without_acls" {
  command = plan
  variables {
    ui = {
      cidrs           = ["10.0.0.0/16"]
      subnet_ids      = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1", "subnet-0123456789abcdef2"]
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
    }
  }
  expect_failures = [var.ui]
}

run "the_ui_without_a_certificate" {
  command = plan
  variables {
    ui = {
      cidrs          = ["10.0.0.0/16"]
      subnet_ids     = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1", "subnet-0123456789abcdef2"]
      accept_no_acls = true
    }
  }
  expect_failures = [var.ui]
}

run "no_load_balancers" {
  command = plan
  assert {
    condition     = output.ingress == null && output.ui == null
    error_message = "Nobody asked for a load balancer."
  }
  assert {
    condition     = !contains(keys(output.flows), "internet-in") && !contains(keys(output.flows), "ui-nomad")
    error_message = "The matrix has rows for load balancers that do not exist."
  }
}

run "both_load_balancers" {
  variables {
    ingress = {
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
      subnet_ids      = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1", "subnet-0123456789abcdef2"]
    }
    ui = {
      cidrs          = ["10.0.0.0/16"]
      subnet_ids     = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1", "subnet-0123456789abcdef2"]
      certificate    = { body = "-----BEGIN CERTIFICATE-----", private_key = "-----BEGIN PRIVATE KEY-----" }
      accept_no_acls = true
    }
  }
  assert {
    condition     = startswith(output.ui.urls.nomad, "https://internal-") && !startswith(output.ingress.dns_name, "internal-")
    error_message = "Expected an internal load balancer for the UIs, and one for the internet."
  }
  assert {
    condition     = contains(keys(output.flows), "ui-in-nomad-10.0.0.0/16") && !issensitive(output.flows) && !issensitive(output.ui)
    error_message = "Only the certificate of the UIs is a secret."
  }
}

run "no_repositories_and_no_alarms" {
  command = plan
  assert {
    condition     = length(output.repository_urls) == 0 && length(module.alarms) == 0 && length(module.ecr) == 0
    error_message = "Nobody asked for them."
  }
}

run "repositories_that_clients_pull" {
  variables {
    repositories    = ["web"]
    repository_arns = ["arn:aws:ecr:eu-central-1:210987654321:repository/base"]
    pull_through    = { quay = { registry = "quay.io" } }
  }
  assert {
    condition     = output.repository_urls == { web = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/demo/web" }
    error_message = "Expected what a job writes before the tag."
  }
}

run "alarms_without_a_topic" {
  variables {
    alarms = true
  }
  assert {
    condition     = length(module.alarms[0].alarm_names) == 12
    error_message = "Expected two alarms for each of six groups."
  }
}

run "a_topic_makes_alarms" {
  variables {
    alarm_topic_arns = ["arn:aws:sns:eu-central-1:123456789012:pager"]
    clients          = { public-services = {} }
    ingress = {
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
      subnet_ids      = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1", "subnet-0123456789abcdef2"]
    }
  }
  assert {
    condition     = length(module.alarms[0].alarm_names) == 8 && contains(module.alarms[0].alarm_names, "demo-ingress-none-healthy")
    error_message = "Expected two alarms for each of three groups, and two for the ingress."
  }
}
