output "repository_urls" {
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
  description = "What jobs write before the tag of an image, for each repository."
}

output "repository_arns" {
  value       = [for repository in aws_ecr_repository.this : repository.arn]
  description = "The repositories, for rights."
}

output "pull_through_arns" {
  value = [
    for cache in local.caches : join(":", [
      "arn:${data.aws_partition.this.partition}:ecr", data.aws_region.this.region, data.aws_caller_identity.this.account_id, "repository/${cache.prefix}/*"
    ])
  ]
  description = "The repositories that caches make, for rights."
}
