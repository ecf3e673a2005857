# The Nomad clients of a datacenter.

module "group" {
  source = "../group"

  name                 = "${var.name}-${var.datacenter}"
  ami_id               = var.ami_id
  instance_type        = var.instance_type
  instance_profile_arn = var.instance_profile_arn
  security_group_ids   = var.security_group_ids
  subnet_ids           = var.subnet_ids
  settings             = var.settings
  root_volume          = var.root_volume
  hop_limit            = var.hop_limit
  launch_hook          = var.launch_hook
  terminate_hook       = var.terminate_hook
  tags                 = var.tags
  size                 = var.size

  wait_for_capacity_timeout = var.wait_for_capacity_timeout

  node_tags = {
    "cos:cluster"    = var.name
    "cos:role"       = "nomad-client"
    "cos:datacenter" = var.datacenter
  }
}

resource "aws_autoscaling_policy" "cpu" {
  count                  = var.cpu_target == null ? 0 : 1
  name                   = "${var.name}-${var.datacenter}-cpu"
  autoscaling_group_name = module.group.autoscaling_group_name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value = var.cpu_target
    # A client that goes takes its tasks with it: the agent does not drain yet.
    disable_scale_in = !var.terminate_hook
    predefined_metric_specification {
      predefined_metric_type = "ASGAverageCPUUtilization"
    }
  }
}
