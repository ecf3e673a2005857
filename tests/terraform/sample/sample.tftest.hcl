run "plan" {
  command = plan

  assert {
    condition     = aws_vpc.this.tags_all["color"] == "blue"
    error_message = "The tag is missing."
  }
}

run "apply" {
  assert {
    condition     = startswith(output.vpc_id, "vpc-") && aws_subnet.this.vpc_id == output.vpc_id
    error_message = "The subnet is in another VPC."
  }
}

run "update" {
  variables {
    color = "red"
  }

  assert {
    condition     = aws_vpc.this.tags_all["color"] == "red"
    error_message = "The tag has its old value."
  }
}

run "refuse" {
  command = plan

  variables {
    color = "green"
  }

  expect_failures = [var.color]
}
