provider "aws" {
  region = "eu-central-1"
}

variables {
  name         = "demo"
  repositories = ["web", "team/api"]
}

run "two_hyphens_in_the_name_of_the_cluster" {
  command = plan
  variables {
    name = "de--mo"
  }
  expect_failures = [var.name]
}

run "capitals" {
  command = plan
  variables {
    repositories = ["Web"]
  }
  expect_failures = [var.repositories]
}

run "a_tag" {
  command = plan
  variables {
    repositories = ["web:1"]
  }
  expect_failures = [var.repositories]
}

run "no_images" {
  command = plan
  variables {
    keep_tagged = 0
  }
  expect_failures = [var.keep_tagged]
}

run "half_a_day" {
  command = plan
  variables {
    untagged_days = 0.5
  }
  expect_failures = [var.untagged_days]
}

run "a_registry_with_a_scheme" {
  command = plan
  variables {
    pull_through = { quay = { registry = "https://quay.io" } }
  }
  expect_failures = [var.pull_through]
}

run "a_prefix_of_31_characters" {
  command = plan
  variables {
    name         = "a-cluster-with-a-name-of-26-ch"
    repositories = []
    pull_through = { quay = { registry = "quay.io" } }
  }
  expect_failures = [var.pull_through]
}

run "a_registry_that_wants_credentials" {
  command = plan
  variables {
    pull_through = { docker = { registry = "registry-1.docker.io" } }
  }
  expect_failures = [var.pull_through]
}

run "a_secret_that_ecr_does_not_read" {
  command = plan
  variables {
    pull_through = { docker = { registry = "registry-1.docker.io", credential_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:docker-a1b2c3" } }
  }
  expect_failures = [var.pull_through]
}

run "a_cache_over_a_repository" {
  command = plan
  variables {
    pull_through = { team = { registry = "quay.io" } }
  }
  expect_failures = [var.pull_through]
}

run "the_repositories" {
  assert {
    condition     = [for repository in aws_ecr_repository.this : repository.name] == ["demo/team/api", "demo/web"]
    error_message = "Expected the repositories below the name of the cluster."
  }
  assert {
    condition     = output.repository_urls.web == "123456789012.dkr.ecr.eu-central-1.amazonaws.com/demo/web"
    error_message = "Expected what a job writes before the tag."
  }
  assert {
    condition = alltrue([
      for repository in aws_ecr_repository.this :
      repository.image_tag_mutability == "IMMUTABLE" && repository.image_scanning_configuration[0].scan_on_push && repository.encryption_configuration[0].encryption_type == "KMS"
    ])
    error_message = "Expected tags that stay, a scan of each push, and encryption."
  }
  assert {
    condition = [for rule in jsondecode(aws_ecr_lifecycle_policy.this["web"].policy).rules : [rule.selection.tagStatus, rule.selection.countNumber]] == [
      ["untagged", 7], ["tagged", 30]
    ]
    error_message = "Expected 7 days for images without a tag, and 30 images with one."
  }
  assert {
    condition     = output.pull_through_arns == []
    error_message = "Nobody asked for a cache."
  }
}

run "a_cache" {
  variables {
    pull_through = {
      quay   = { registry = "quay.io" }
      docker = { registry = "registry-1.docker.io", credential_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:ecr-pullthroughcache/docker-a1b2c3" }
    }
  }
  assert {
    condition     = aws_ecr_pull_through_cache_rule.this["quay"].ecr_repository_prefix == "demo/quay"
    error_message = "Expected a cache below the name of the cluster."
  }
  assert {
    condition = output.pull_through_arns == [
      "arn:aws:ecr:eu-central-1:123456789012:repository/demo/docker/*", "arn:aws:ecr:eu-central-1:123456789012:repository/demo/quay/*"
    ]
    error_message = "Expected what is below each cache."
  }
}
