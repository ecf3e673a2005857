# The servers of Consul or of Nomad: a fixed, odd number, over three zones.

locals {
  datacenter = { consul-server = {}, nomad-server = { "cos:datacenter" = "leader" } }
}

module "group" {
  source = "../group"

  name                 = "${var.name}-${var.role}"
  ami_id               = var.ami_id
  instance_type        = var.instance_type
  instance_profile_arn = var.instance_profile_arn
  security_group_ids   = var.security_group_ids
  subnet_ids           = var.subnet_ids
  settings             = var.settings
  root_volume          = var.root_volume
  launch_hook          = var.launch_hook
  tags                 = var.tags
  size                 = { min = var.servers, max = var.servers, desired = var.servers }

  wait_for_capacity_timeout = var.wait_for_capacity_timeout

  # The name of the cluster under the last key is what others find the servers by.
  node_tags = merge(local.datacenter[var.role], {
    "cos:cluster"     = var.name
    "cos:role"        = var.role
    "cos:servers"     = tostring(var.servers)
    "cos:${var.role}" = var.name
  })
}
