# The ten-node COS: three Consul servers, three Nomad servers, one client in each datacenter, and a VPC for them.
# It costs money: ten instances, three NAT gateways, and seven interface endpoints in three zones; with a certificate also two load
# balancers.

provider "aws" {
  region = var.region

  default_tags {
    tags = { "cos-example" = "complete" }
  }
}

data "aws_availability_zones" "this" {
  state = "available"
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

module "network" {
  source = "../../modules/network"

  name  = var.name
  cidr  = var.cidr
  zones = slice(data.aws_availability_zones.this.names, 0, 3)
}

module "cos" {
  source = "../.."

  name                        = var.name
  ami_id                      = var.ami_id
  vpc_id                      = module.network.vpc_id
  subnet_ids                  = module.network.subnet_ids
  s3_prefix_list_id           = module.network.s3_prefix_list_id
  endpoint_security_group_ids = module.network.endpoint_security_group_ids

  ingress = var.certificate_arn == null ? null : {
    certificate_arn = var.certificate_arn
    subnet_ids      = module.network.subnet_ids.public
    # So that `terraform destroy` works at once.
    deletion_protection = false
  }

  # There are no ACLs yet: who is in these networks can run jobs.
  ui = var.certificate_arn == null || length(var.ui_cidrs) == 0 ? null : {
    cidrs           = var.ui_cidrs
    subnet_ids      = module.network.subnet_ids.backoffice
    certificate_arn = var.certificate_arn
    accept_no_acls  = true
  }

  # Seen in CloudWatch alone; alarm_topic_arns tells somebody.
  alarms       = var.certificate_arn != null
  repositories = var.certificate_arn == null ? [] : ["haproxy", "prometheus", "grafana", "fabio"]
}
