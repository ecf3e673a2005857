# Roles, templates, groups, volumes and keys.
resource "aws_iam_role" "this" {
  name_prefix        = "smoke-"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "this" {
  role   = aws_iam_role.this.name
  policy = data.aws_iam_policy_document.this.json
}

resource "aws_iam_policy" "this" {
  name = "smoke"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["ec2:DescribeInstances"], Resource = "*" }]
  })
}

resource "aws_iam_role_policy_attachment" "this" {
  role       = aws_iam_role.this.name
  policy_arn = aws_iam_policy.this.arn
}

resource "aws_iam_instance_profile" "this" {
  name_prefix = "smoke-"
  role        = aws_iam_role.this.name
}

resource "aws_kms_key" "this" {
  description             = "of the smoke test"
  deletion_window_in_days = 7
}

resource "aws_kms_alias" "this" {
  name          = "alias/smoke"
  target_key_id = aws_kms_key.this.key_id
}

resource "aws_launch_template" "this" {
  name                   = "smoke"
  image_id               = data.aws_ami.this.id
  instance_type          = "t3.micro"
  user_data              = base64encode("region = \"${data.aws_region.this.region}\"")
  vpc_security_group_ids = [aws_security_group.this.id]
  iam_instance_profile {
    arn = aws_iam_instance_profile.this.arn
  }
  metadata_options {
    http_tokens            = "required"
    instance_metadata_tags = "enabled"
  }
  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_type = "gp3"
      volume_size = 20
      encrypted   = true
    }
  }
  tag_specifications {
    resource_type = "instance"
    tags          = { "cos:role" = "nomad-client", color = var.color }
  }
}

resource "aws_autoscaling_group" "this" {
  name_prefix         = "smoke-"
  min_size            = 1
  max_size            = 3
  vpc_zone_identifier = aws_subnet.this[*].id
  launch_template {
    id      = aws_launch_template.this.id
    version = aws_launch_template.this.latest_version
  }
  initial_lifecycle_hook {
    name                 = "launch"
    lifecycle_transition = "autoscaling:EC2_INSTANCE_LAUNCHING"
  }
  instance_refresh {
    strategy = "Rolling"
    preferences {
      min_healthy_percentage = 100
      max_healthy_percentage = 134
    }
  }
  tag {
    key                 = "cos:cluster"
    value               = "smoke"
    propagate_at_launch = true
  }
}

resource "aws_autoscaling_group" "mixed" {
  name                = "smoke-mixed"
  min_size            = 0
  max_size            = 1
  vpc_zone_identifier = aws_subnet.this[*].id
  mixed_instances_policy {
    launch_template {
      launch_template_specification {
        launch_template_id = aws_launch_template.this.id
      }
      override {
        instance_type = "t3.small"
      }
    }
  }
}

resource "aws_autoscaling_lifecycle_hook" "this" {
  name                   = "terminate"
  autoscaling_group_name = aws_autoscaling_group.this.name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
  heartbeat_timeout      = 300
}

resource "aws_autoscaling_policy" "this" {
  name                   = "smoke"
  autoscaling_group_name = aws_autoscaling_group.this.name
  policy_type            = "TargetTrackingScaling"
  target_tracking_configuration {
    target_value = 50
    predefined_metric_specification {
      predefined_metric_type = "ASGAverageCPUUtilization"
    }
  }
}

resource "aws_autoscaling_traffic_source_attachment" "this" {
  autoscaling_group_name = aws_autoscaling_group.this.name
  traffic_source {
    identifier = aws_lb_target_group.this.arn
    type       = "elbv2"
  }
}

resource "aws_autoscaling_attachment" "this" {
  autoscaling_group_name = aws_autoscaling_group.mixed.name
  lb_target_group_arn    = aws_lb_target_group.this.arn
}

resource "aws_ebs_volume" "this" {
  availability_zone = data.aws_availability_zones.this.names[0]
  size              = 10
  type              = "gp3"
}
