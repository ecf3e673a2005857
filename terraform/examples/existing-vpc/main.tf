# A COS in a VPC that exists, with subnets, routes and endpoints of AWS services.

provider "aws" {
  region = var.region
}

data "aws_ec2_managed_prefix_list" "s3" {
  name = "com.amazonaws.${var.region}.s3"
}

module "cos" {
  source = "../.."

  name                        = var.name
  ami_id                      = var.ami_id
  vpc_id                      = var.vpc_id
  subnet_ids                  = var.subnet_ids
  s3_prefix_list_id           = data.aws_ec2_managed_prefix_list.s3.id
  endpoint_security_group_ids = var.endpoint_security_group_ids
  dns_cidrs                   = var.dns_cidrs
  ingress                     = var.ingress
  ui                          = var.ui
  repositories                = var.repositories
  alarm_topic_arns            = var.alarm_topic_arns
}
