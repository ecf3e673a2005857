# Each resource here is wrong in one way. The line above it says how the provider refuses it.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

# What several of them need.
locals {
  trust = jsonencode({
    Statement = [{ Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
  many_tags = { for index in range(51) : "key-${index}" => "value" }
}
