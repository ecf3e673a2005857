provider "aws" {
  region = "eu-central-1"
}

variables {
  name                 = "demo"
  role                 = "consul-server"
  ami_id               = "ami-0123456789abcdef0"
  instance_profile_arn = "arn:aws:iam::123456789012:instance-profile/demo"
  security_group_ids   = ["sg-0123456789abcdef0"]
  subnet_ids           = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1", "subnet-0123456789abcdef2"]
}

run "an_even_number" {
  command = plan
  variables {
    servers = 4
  }
  expect_failures = [var.servers]
}

run "no_servers" {
  command = plan
  variables {
    servers = 0
  }
  expect_failures = [var.servers]
}

run "a_role_of_clients" {
  command = plan
  variables {
    role = "nomad-client"
  }
  expect_failures = [var.role]
}
