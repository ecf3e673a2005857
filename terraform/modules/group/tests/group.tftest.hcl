provider "aws" {
  region = "eu-central-1"
}

variables {
  name                 = "demo-backoffice"
  ami_id               = "ami-0123456789abcdef0"
  instance_type        = "t3.large"
  instance_profile_arn = "arn:aws:iam::123456789012:instance-profile/demo"
  security_group_ids   = ["sg-0123456789abcdef0"]
  subnet_ids           = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1", "subnet-0123456789abcdef2"]
  node_tags            = { "cos:cluster" = "demo" }
  size                 = { min = 1, max = 3 }
}

run "no_id_of_an_ami" {
  command = plan
  variables {
    ami_id = "debian-12"
  }
  expect_failures = [var.ami_id]
}

run "min_above_max" {
  command = plan
  variables {
    size = { min = 4, max = 3 }
  }
  expect_failures = [var.size]
}

run "desired_above_max" {
  command = plan
  variables {
    size = { min = 1, max = 3, desired = 4 }
  }
  expect_failures = [var.size]
}

run "two_subnets" {
  command = plan
  variables {
    subnet_ids = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
  }
  expect_failures = [var.subnet_ids]
}

run "three_hops" {
  command = plan
  variables {
    hop_limit = 3
  }
  expect_failures = [var.hop_limit]
}

run "an_hour_and_more" {
  command = plan
  variables {
    launch_hook = { timeout = 7201 }
  }
  expect_failures = [var.launch_hook]
}

run "another_result" {
  command = plan
  variables {
    launch_hook = { default_result = "RETRY" }
  }
  expect_failures = [var.launch_hook]
}

run "a_slash_in_a_tag" {
  command = plan
  variables {
    tags = { "team/name" = "core" }
  }
  expect_failures = [var.tags]
}

run "a_tag_of_ours" {
  command = plan
  variables {
    tags = { "cos:role" = "consul-server" }
  }
  expect_failures = [var.tags]
}

run "a_tag_of_aws" {
  command = plan
  variables {
    tags = { "aws:name" = "x" }
  }
  expect_failures = [var.tags]
}

run "settings_are_user_data" {
  command = plan
  variables {
    settings = "[nomad]\nlog_level = \"debug\"\n"
  }
  assert {
    condition     = base64decode(aws_launch_template.this.user_data) == var.settings
    error_message = "The settings do not reach the node."
  }
}

run "a_hook_for_the_end_is_off" {
  command = plan
  assert {
    condition     = length(aws_autoscaling_lifecycle_hook.terminate) == 0 && !contains(keys(aws_launch_template.this.tag_specifications[0].tags), "cos:terminate-hook")
    error_message = "Nobody would complete it."
  }
}

run "a_hook_for_the_end" {
  command = plan
  variables {
    terminate_hook = true
  }
  assert {
    condition     = aws_autoscaling_lifecycle_hook.terminate[0].name == aws_launch_template.this.tag_specifications[0].tags["cos:terminate-hook"]
    error_message = "The node does not know the name of its hook."
  }
}
