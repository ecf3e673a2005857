# Nodes that are all alike: a launch template, and the Auto Scaling group that launches them.

locals {
  launch_hook    = "joined"
  terminate_hook = "drained"
  hooks = merge(
    { "cos:launch-hook" = local.launch_hook },
    var.terminate_hook ? { "cos:terminate-hook" = local.terminate_hook } : {},
  )
  # A node reads its tags from its metadata, where keys have no spaces and slashes:
  # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html
  node_tags = merge(local.tags, var.node_tags, local.hooks)
  tags      = merge(var.tags, { Name = var.name, "cos:cluster" = var.node_tags["cos:cluster"] })
}

resource "aws_launch_template" "this" {
  name                   = var.name
  description            = "Nodes of ${var.name}"
  image_id               = var.ami_id
  instance_type          = var.instance_type
  vpc_security_group_ids = var.security_group_ids
  ebs_optimized          = true
  # The agent reads settings from it. Identity is in tags.
  user_data = var.settings == null ? null : base64encode(var.settings)
  tags      = local.tags

  iam_instance_profile {
    arn = var.instance_profile_arn
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = var.hop_limit
    instance_metadata_tags      = "enabled"
  }

  block_device_mappings {
    device_name = var.root_volume.device_name
    ebs {
      volume_type           = "gp3"
      volume_size           = var.root_volume.size
      encrypted             = true
      kms_key_id            = var.root_volume.kms_key_id
      delete_on_termination = true
    }
  }

  dynamic "tag_specifications" {
    for_each = ["instance", "volume"]
    content {
      resource_type = tag_specifications.value
      tags          = local.node_tags
    }
  }
}

resource "aws_autoscaling_group" "this" {
  name                = var.name
  vpc_zone_identifier = var.subnet_ids
  min_size            = var.size.min
  max_size            = var.size.max
  desired_capacity    = var.size.desired
  # A node that has not joined is no node. An instance counts when its hook is completed.
  health_check_type         = "EC2"
  health_check_grace_period = 0
  default_instance_warmup   = 0
  wait_for_capacity_timeout = var.wait_for_capacity_timeout
  # It ends instances that work, and the agent does not drain them yet.
  suspended_processes = ["AZRebalance"]
  # The alarms are made of them.
  metrics_granularity = "1Minute"
  enabled_metrics     = ["GroupDesiredCapacity", "GroupInServiceInstances", "GroupPendingInstances", "GroupTerminatingInstances", "GroupTotalInstances"]

  launch_template {
    id      = aws_launch_template.this.id
    version = aws_launch_template.this.latest_version
  }

  # A hook of its own would come after the first instances.
  initial_lifecycle_hook {
    name                 = local.launch_hook
    lifecycle_transition = "autoscaling:EC2_INSTANCE_LAUNCHING"
    heartbeat_timeout    = var.launch_hook.timeout
    default_result       = var.launch_hook.default_result
  }

  # A new node first, then an old one goes. 134 % of three is four.
  instance_maintenance_policy {
    min_healthy_percentage = 100
    max_healthy_percentage = 134
  }

  instance_refresh {
    strategy = "Rolling"
    preferences {
      min_healthy_percentage = 100
      max_healthy_percentage = 134
      skip_matching          = true
    }
  }

  dynamic "tag" {
    for_each = local.tags
    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = false
    }
  }

  lifecycle {
    # Scaling policies change the first. Other modules attach load balancers to the group.
    ignore_changes = [desired_capacity, load_balancers, target_group_arns, traffic_source]
  }
}

# Off until the agent drains a node that is terminated.
resource "aws_autoscaling_lifecycle_hook" "terminate" {
  count                  = var.terminate_hook ? 1 : 0
  name                   = local.terminate_hook
  autoscaling_group_name = aws_autoscaling_group.this.name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
  heartbeat_timeout      = 3600
  default_result         = "CONTINUE"
}
