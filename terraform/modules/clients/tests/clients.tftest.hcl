provider "aws" {
  region = "eu-central-1"
}

variables {
  name                 = "demo"
  datacenter           = "backoffice"
  ami_id               = "ami-0123456789abcdef0"
  instance_profile_arn = "arn:aws:iam::123456789012:instance-profile/demo"
  security_group_ids   = ["sg-0123456789abcdef0"]
  subnet_ids           = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1", "subnet-0123456789abcdef2"]
}

run "a_datacenter_of_servers" {
  command = plan
  variables {
    datacenter = "leader"
  }
  expect_failures = [var.datacenter]
}

run "a_target_above_100" {
  command = plan
  variables {
    cpu_target = 101
  }
  expect_failures = [var.cpu_target]
}

run "scaling_adds_and_does_not_remove" {
  command = plan
  variables {
    cpu_target = 60
  }
  assert {
    condition     = aws_autoscaling_policy.cpu[0].target_tracking_configuration[0].disable_scale_in
    error_message = "A client would take its tasks with it."
  }
}
