# refused: aws_ecr_repository.name: expected a name in lower case
resource "aws_ecr_repository" "name" {
  name = "Cos/web"
}

# refused: aws_ecr_repository.image_tag_mutability: expected MUTABLE, IMMUTABLE
resource "aws_ecr_repository" "mutability" {
  name                 = "cos/web"
  image_tag_mutability = "immutable"
}

# refused: aws_ecr_lifecycle_policy.policy: countType: expected imageCountMoreThan
resource "aws_ecr_lifecycle_policy" "count" {
  repository = "cos/web"
  policy = jsonencode({ rules = [{
    rulePriority = 1
    selection    = { tagStatus = "any", countType = "imageCount", countNumber = 1 }
    action       = { type = "expire" }
  }] })
}

# refused: aws_ecr_repository_policy.policy: statement 1 "": expected Principal or NotPrincipal
resource "aws_ecr_repository_policy" "no_principal" {
  repository = "cos/web"
  policy     = jsonencode({ Statement = [{ Effect = "Allow", Action = "ecr:BatchGetImage" }] })
}

# refused: aws_ecr_pull_through_cache_rule.ecr_repository_prefix: expected 2 to 30 characters
resource "aws_ecr_pull_through_cache_rule" "prefix" {
  ecr_repository_prefix = "a"
  upstream_registry_url = "quay.io"
}

# refused: aws_ecr_repository.name: expected a name in lower case
resource "aws_ecr_repository" "separators" {
  name = "a--b/web"
}

# refused: aws_ecr_repository.encryption_configuration.encryption_type: expected AES256, KMS
resource "aws_ecr_repository" "encryption" {
  name = "cos/web"
  encryption_configuration {
    encryption_type = "aws:kms"
  }
}

# refused: aws_ecr_lifecycle_policy.policy: expected one of tagPrefixList and tagPatternList
resource "aws_ecr_lifecycle_policy" "tagged" {
  repository = "cos/web"
  policy = jsonencode({ rules = [{
    rulePriority = 1
    selection    = { tagStatus = "tagged", countType = "imageCountMoreThan", countNumber = 1 }
    action       = { type = "expire" }
  }] })
}

# refused: aws_ecr_lifecycle_policy.policy: expected countUnit for an age
resource "aws_ecr_lifecycle_policy" "age" {
  repository = "cos/web"
  policy = jsonencode({ rules = [{
    rulePriority = 1
    selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countNumber = 1 }
    action       = { type = "expire" }
  }] })
}

# refused: aws_ecr_lifecycle_policy.policy: expected tagStatus any in the rule of the highest rulePriority
resource "aws_ecr_lifecycle_policy" "any_first" {
  repository = "cos/web"
  policy = jsonencode({ rules = [{
    rulePriority = 1
    selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 1 }
    action       = { type = "expire" }
    }, {
    rulePriority = 2
    selection    = { tagStatus = "untagged", countType = "imageCountMoreThan", countNumber = 1 }
    action       = { type = "expire" }
  }] })
}

# refused: aws_ecr_pull_through_cache_rule.upstream_registry_url: expected the host of a registry
resource "aws_ecr_pull_through_cache_rule" "url" {
  ecr_repository_prefix = "quay"
  upstream_registry_url = "https://quay.io"
}
