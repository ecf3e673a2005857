# A COS: three Consul servers, three Nomad servers, and the clients of four datacenters, in a VPC that exists.

locals {
  # Where each datacenter runs.
  subnets = {
    backoffice        = var.subnet_ids.backoffice
    public-services   = var.subnet_ids.services
    private-services  = var.subnet_ids.services
    content-connector = var.subnet_ids.content_connector
  }
  ami_ids = var.ami_id != null ? var.ami_id : {
    consul_server = data.aws_ami.this[0].id
    nomad_server  = data.aws_ami.this[0].id
    nomad_client  = data.aws_ami.this[0].id
  }
  alarms = var.alarms || length(var.alarm_topic_arns) > 0
  # Only the certificate to import has a secret.
  ui = nonsensitive(var.ui == null) ? null : {
    cidrs           = nonsensitive(var.ui.cidrs)
    subnet_ids      = nonsensitive(var.ui.subnet_ids)
    certificate_arn = nonsensitive(var.ui.certificate_arn)
    accept_no_acls  = nonsensitive(var.ui.accept_no_acls)
    ssl_policy      = nonsensitive(var.ui.ssl_policy)
  }
}

# By its exact name and owner: the newest of a pattern would replace nodes whenever somebody builds an image.
data "aws_ami" "this" {
  count  = var.ami_id == null ? 1 : 0
  owners = [var.ami.owner]
  filter {
    name   = "name"
    values = [var.ami.name]
  }
}

module "security" {
  source = "./modules/security"

  name                        = var.name
  vpc_id                      = var.vpc_id
  s3_prefix_list_id           = var.s3_prefix_list_id
  endpoint_security_group_ids = var.endpoint_security_group_ids
  endpoint_cidrs              = var.endpoint_cidrs
  dns_cidrs                   = var.dns_cidrs
  proxy_cidrs                 = var.proxy_cidrs
  proxy_port                  = var.proxy_port
  ingress                     = var.ingress != null
  ui_cidrs                    = local.ui == null ? [] : local.ui.cidrs
  tags                        = var.tags
}

module "identity" {
  source = "./modules/identity"

  name                     = var.name
  servers_exist            = var.servers_exist
  session_manager          = var.session_manager
  repository_arns          = concat(var.repository_arns, flatten(module.ecr[*].repository_arns))
  pull_through_arns        = flatten(module.ecr[*].pull_through_arns)
  permissions_boundary_arn = var.permissions_boundary_arn
  additional_policy_arns   = var.additional_policy_arns
  tags                     = var.tags
}

module "servers" {
  source   = "./modules/servers"
  for_each = { consul-server = var.consul_servers, nomad-server = var.nomad_servers }

  name                      = var.name
  role                      = each.key
  servers                   = each.value.count
  instance_type             = each.value.instance_type
  ami_id                    = local.ami_ids[replace(each.key, "-", "_")]
  instance_profile_arn      = module.identity.instance_profile_arns[each.key]
  security_group_ids        = module.security.node_group_ids[each.key]
  subnet_ids                = var.subnet_ids.backoffice
  settings                  = var.settings
  root_volume               = { device_name = var.root_device_name, kms_key_id = var.kms_key_id, size = each.value.volume_size }
  launch_hook               = var.launch_hook
  wait_for_capacity_timeout = var.wait_for_capacity_timeout
  tags                      = var.tags
}

module "clients" {
  source   = "./modules/clients"
  for_each = var.clients

  name                      = var.name
  datacenter                = each.key
  size                      = each.value.size
  instance_type             = each.value.instance_type
  cpu_target                = each.value.cpu_target
  hop_limit                 = each.value.hop_limit
  ami_id                    = local.ami_ids.nomad_client
  instance_profile_arn      = module.identity.instance_profile_arns[each.key]
  security_group_ids        = module.security.node_group_ids[each.key]
  subnet_ids                = local.subnets[each.key]
  settings                  = var.settings
  root_volume               = { device_name = var.root_device_name, kms_key_id = var.kms_key_id, size = each.value.volume_size }
  launch_hook               = var.launch_hook
  wait_for_capacity_timeout = var.wait_for_capacity_timeout
  tags                      = var.tags
}

# The ways in.
module "ingress" {
  source = "./modules/ingress"
  count  = var.ingress == null ? 0 : 1

  name                   = var.name
  vpc_id                 = var.vpc_id
  subnet_ids             = var.ingress.subnet_ids
  security_group_id      = module.security.group_ids["public-alb"]
  autoscaling_group_name = module.clients["public-services"].autoscaling_group_name
  certificate_arn        = var.ingress.certificate_arn
  ssl_policy             = var.ingress.ssl_policy
  hosts                  = var.ingress.hosts
  deregistration_delay   = var.ingress.deregistration_delay
  deletion_protection    = var.ingress.deletion_protection
  access_logs_bucket     = var.ingress.access_logs_bucket
  tags                   = var.tags
}

module "ui" {
  source = "./modules/ui"
  count  = local.ui == null ? 0 : 1

  name              = var.name
  accept_no_acls    = local.ui.accept_no_acls
  vpc_id            = var.vpc_id
  subnet_ids        = local.ui.subnet_ids
  security_group_id = module.security.group_ids["ui-alb"]
  certificate_arn   = local.ui.certificate_arn
  certificate       = var.ui.certificate
  ssl_policy        = local.ui.ssl_policy
  tags              = var.tags

  autoscaling_group_names = {
    consul_server = module.servers["consul-server"].autoscaling_group_name
    nomad_server  = module.servers["nomad-server"].autoscaling_group_name
  }
}

# What the clients pull.
module "ecr" {
  source = "./modules/ecr"
  count  = length(var.repositories) + length(var.pull_through) > 0 ? 1 : 0

  name          = var.name
  repositories  = var.repositories
  keep_tagged   = var.repository_images.keep_tagged
  untagged_days = var.repository_images.untagged_days
  pull_through  = var.pull_through
  tags          = var.tags
}

module "alarms" {
  source = "./modules/alarms"
  count  = local.alarms ? 1 : 0

  name = var.name
  # Another loss of a server can cost the quorum; clients may take their time to grow.
  groups = merge(
    { for role, servers in module.servers : role => { name = servers.autoscaling_group_name, minutes = 5 } },
    { for datacenter, clients in module.clients : datacenter => { name = clients.autoscaling_group_name, minutes = 15 } },
  )
  target_groups  = merge(concat(module.ingress[*].target_groups, module.ui[*].target_groups)...)
  launch_timeout = var.launch_hook.timeout
  topic_arns     = var.alarm_topic_arns
  tags           = var.tags
}
