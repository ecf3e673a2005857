terraform {
  required_version = ">= 1.5.7"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

provider "aws" {
  region = "eu-central-1"
  default_tags {
    tags = { "owner" = "tests" }
  }
}

# Changing it updates what has tags, and the template with its groups.
variable "color" {
  type        = string
  description = "The value of a tag."
  default     = "blue"
}
