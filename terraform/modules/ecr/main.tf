# Repositories below the name of the cluster, and caches of other registries below it if a site wants them.

locals {
  tags         = merge(var.tags, { "cos:cluster" = var.name })
  repositories = { for repository in var.repositories : repository => "${var.name}/${repository}" }
  caches       = { for name, cache in var.pull_through : name => merge(cache, { prefix = "${var.name}/${name}" }) }
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

resource "aws_ecr_repository" "this" {
  for_each = local.repositories
  name     = each.value
  # A tag that moves would give two clients of one job different images.
  image_tag_mutability = "IMMUTABLE"
  tags                 = merge(local.tags, { Name = each.value })

  image_scanning_configuration {
    scan_on_push = true
  }

  # Null is AWS's own key for ECR. ECR decrypts by itself, so nodes need no right on a key.
  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = var.kms_key_arn
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each   = aws_ecr_repository.this
  repository = each.value.name
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Images without a tag go after ${var.untagged_days} days"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = var.untagged_days }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "The newest ${var.keep_tagged} images with a tag stay"
        selection    = { tagStatus = "tagged", tagPatternList = ["*"], countType = "imageCountMoreThan", countNumber = var.keep_tagged }
        action       = { type = "expire" }
      },
    ]
  })
}

# ECR fetches what is missing from the other registry itself.
resource "aws_ecr_pull_through_cache_rule" "this" {
  for_each              = local.caches
  ecr_repository_prefix = each.value.prefix
  upstream_registry_url = each.value.registry
  credential_arn        = each.value.credential_arn
}
