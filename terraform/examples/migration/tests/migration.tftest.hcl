provider "aws" {
  region = "eu-central-1"
}

variables {
  vpc_id = "vpc-0123456789abcdef0"
  subnet_ids = {
    backoffice        = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1", "subnet-0123456789abcdef2"]
    services          = ["subnet-0123456789abcdef3", "subnet-0123456789abcdef4", "subnet-0123456789abcdef5"]
    content_connector = ["subnet-0123456789abcdef6", "subnet-0123456789abcdef7", "subnet-0123456789abcdef8"]
  }
  endpoint_security_group_ids = ["sg-0123456789abcdef0"]
  ami_id                      = { consul_server = "ami-0123456789abcdef0", nomad_server = "ami-0123456789abcdef1", nomad_client = "ami-0123456789abcdef2" }
}

run "a_parameter_that_says_no" {
  override_data {
    target = data.aws_ssm_parameter.formed
    values = { insecure_value = "no" }
  }
  expect_failures = [data.aws_ssm_parameter.formed]
}

run "parameters_that_say_formed" {
  override_data {
    target = data.aws_ssm_parameter.formed
    values = { insecure_value = "formed" }
  }
  assert {
    condition     = alltrue([for name in ["demo-consul-server", "demo-nomad-server"] : contains(values(output.autoscaling_group_names), name)])
    error_message = "Expected the groups of the servers."
  }
  assert {
    condition     = length(output.autoscaling_group_names) == 2
    error_message = "Expected no clients."
  }
}
