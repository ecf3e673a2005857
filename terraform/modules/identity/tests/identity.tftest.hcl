provider "aws" {
  region = "eu-central-1"
}

variables {
  name = "demo"
}

run "a_hyphen_at_the_end" {
  command = plan
  variables {
    name = "demo-"
  }
  expect_failures = [var.name]
}

run "too_many_policies" {
  command = plan
  variables {
    additional_policy_arns = [for number in range(11) : "arn:aws:iam::aws:policy/Policy${number}"]
  }
  expect_failures = [var.additional_policy_arns]
}

run "the_longest_name" {
  command = plan
  variables {
    name = "a23456789012345678901234567890-2"
  }
  assert {
    condition     = alltrue([for role in aws_iam_role.this : length(role.name) <= 64])
    error_message = "AWS takes names of roles up to 64 characters."
  }
  assert {
    condition     = length(distinct([for role in aws_iam_role.this : role.name])) == 6
    error_message = "Two kinds of node have one role."
  }
}

run "servers_that_exist" {
  command = plan
  variables {
    servers_exist = true
  }
  assert {
    condition     = alltrue([for parameter in aws_ssm_parameter.formed : parameter.value == "formed"])
    error_message = "New servers may form a second cluster."
  }
}

run "without_the_session_manager" {
  command = plan
  variables {
    session_manager = false
  }
  assert {
    condition     = alltrue([for policy in aws_iam_role_policy.this : !strcontains(policy.policy, "ssmmessages")])
    error_message = "Sessions are allowed."
  }
}

run "what_a_site_adds" {
  command = plan
  variables {
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
    additional_policy_arns   = ["arn:aws:iam::123456789012:policy/logs"]
  }
  assert {
    condition     = length(aws_iam_role_policy_attachment.additional) == 6 && alltrue([for role in aws_iam_role.this : role.permissions_boundary != null])
    error_message = "A role lacks the boundary or the policy."
  }
}

run "every_repository" {
  command = plan
  assert {
    condition     = one([for statement in jsondecode(aws_iam_role_policy.this["backoffice"].policy).Statement : statement.Resource if statement.Sid == "RegistryPull"]) == ["arn:aws:ecr:eu-central-1:123456789012:repository/*"]
    error_message = "Expected the repositories of this account and region, and no others."
  }
  assert {
    condition     = alltrue([for policy in aws_iam_role_policy.this : !strcontains(policy.policy, "CreateRepository")])
    error_message = "Somebody may make repositories without a cache."
  }
}

run "some_repositories_and_a_cache" {
  command = plan
  variables {
    repository_arns   = ["arn:aws:ecr:eu-central-1:123456789012:repository/demo/web"]
    pull_through_arns = ["arn:aws:ecr:eu-central-1:123456789012:repository/demo/quay/*"]
  }
  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.this["backoffice"].policy).Statement : statement.Sid => statement.Resource if startswith(statement.Sid, "RegistryPull")
      } == {
      RegistryPull        = ["arn:aws:ecr:eu-central-1:123456789012:repository/demo/web", "arn:aws:ecr:eu-central-1:123456789012:repository/demo/quay/*"]
      RegistryPullThrough = ["arn:aws:ecr:eu-central-1:123456789012:repository/demo/quay/*"]
    }
    error_message = "Expected pulls of both, and the making of repositories for the cache alone."
  }
  assert {
    condition     = alltrue([for kind in ["consul-server", "nomad-server"] : !strcontains(aws_iam_role_policy.this[kind].policy, "ecr:")])
    error_message = "A server pulls."
  }
}
