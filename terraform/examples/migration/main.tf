# A COS whose servers join those of the reference system and then replace them, in the VPC of that system.

provider "aws" {
  region = var.region
}

data "aws_ec2_managed_prefix_list" "s3" {
  name = "com.amazonaws.${var.region}.s3"
}

module "cos" {
  source = "../.."

  name                        = var.name
  servers_exist               = true
  ami_id                      = var.ami_id
  vpc_id                      = var.vpc_id
  subnet_ids                  = var.subnet_ids
  s3_prefix_list_id           = data.aws_ec2_managed_prefix_list.s3.id
  endpoint_security_group_ids = var.endpoint_security_group_ids
  dns_cidrs                   = var.dns_cidrs
  clients                     = var.clients
  ingress                     = var.ingress
  repository_arns             = var.repository_arns
  settings                    = local.settings
}

# `servers_exist` counts only when the parameters are created. If they were there before with `no`, new servers that do not find the
# old ones would form a second cluster. So Terraform reads the parameters, and launches nothing if one says `no`.
#
# The output is known once the parameters exist: Terraform reads them after it has created them, and at each later plan.
resource "terraform_data" "formed" {
  input = module.cos.formed_parameters
}

data "aws_ssm_parameter" "formed" {
  for_each = toset(["consul", "nomad"])
  name     = terraform_data.formed.output[each.key]

  lifecycle {
    postcondition {
      condition     = trimspace(self.insecure_value) != "no"
      error_message = "${self.name} is `no`, so new servers could form a second cluster. Run `aws ssm put-parameter --overwrite --name ${self.name} --value formed`, then apply again."
    }
  }
}

locals {
  # Every launch template has the settings, so none is made before the parameters were read.
  checked  = [for parameter in data.aws_ssm_parameter.formed : parameter.name]
  settings = length(local.checked) == 2 ? var.settings : null
}
