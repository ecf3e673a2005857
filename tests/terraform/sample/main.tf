# A small configuration that is right. The tests spoil copies of it, and each copy has to be refused.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

provider "aws" {
  region = "eu-central-1"
}

variable "color" {
  type        = string
  description = "The value of a tag."
  default     = "blue"

  validation {
    condition     = contains(["blue", "red"], var.color)
    error_message = "Expected blue or red."
  }
}

resource "aws_vpc" "this" {
  cidr_block = "10.0.0.0/16"
  tags       = { color = var.color }
}

resource "aws_subnet" "this" {
  vpc_id     = aws_vpc.this.id
  cidr_block = cidrsubnet(aws_vpc.this.cidr_block, 4, 0)
}

resource "aws_launch_template" "this" {
  name_prefix = "sample-"
  image_id    = "ami-0123456789abcdef0"
  metadata_options {
    http_tokens = "required"
  }
}

resource "aws_autoscaling_group" "this" {
  min_size            = 1
  max_size            = 3
  vpc_zone_identifier = [aws_subnet.this.id]
  launch_template {
    id      = aws_launch_template.this.id
    version = aws_launch_template.this.latest_version
  }
  instance_refresh {
    strategy = "Rolling"
  }
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  security_group_id = "sg-0123456789abcdef0"
  cidr_ipv4         = aws_vpc.this.cidr_block
  ip_protocol       = "tcp"
  from_port         = 8300
  to_port           = 8302
}

output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}
