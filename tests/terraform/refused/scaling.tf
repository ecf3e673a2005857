# refused: aws_autoscaling_group: expected exactly one of launch_template, launch_configuration, mixed_instances_policy, found 0
resource "aws_autoscaling_group" "no_template" {
  min_size            = 1
  max_size            = 1
  vpc_zone_identifier = ["subnet-0123456789abcdef0"]
}

# refused: aws_autoscaling_group: expected min_size <= max_size, found 5 and 1
resource "aws_autoscaling_group" "sizes" {
  min_size            = 5
  max_size            = 1
  vpc_zone_identifier = ["subnet-0123456789abcdef0"]
  launch_template {
    name = "a"
  }
}

# refused: aws_autoscaling_group: expected desired_capacity <= max_size, found 3 and 2
resource "aws_autoscaling_group" "desired" {
  min_size            = 1
  desired_capacity    = 3
  max_size            = 2
  vpc_zone_identifier = ["subnet-0123456789abcdef0"]
  launch_template {
    name = "a"
  }
}

# refused: aws_autoscaling_group: expected at least one of availability_zones, vpc_zone_identifier
resource "aws_autoscaling_group" "nowhere" {
  min_size = 1
  max_size = 1
  launch_template {
    name = "a"
  }
}

# refused: aws_autoscaling_group.launch_template: expected exactly one of id, name, found 0
resource "aws_autoscaling_group" "template" {
  min_size            = 1
  max_size            = 1
  vpc_zone_identifier = ["subnet-0123456789abcdef0"]
  launch_template {
    version = "1"
  }
}

# refused: aws_autoscaling_group.launch_template.version: expected a number, $Latest or $Default
resource "aws_autoscaling_group" "version" {
  min_size            = 1
  max_size            = 1
  vpc_zone_identifier = ["subnet-0123456789abcdef0"]
  launch_template {
    name    = "a"
    version = "latest"
  }
}

# refused: aws_autoscaling_group.health_check_type: expected EC2, EBS, ELB
resource "aws_autoscaling_group" "health" {
  min_size            = 1
  max_size            = 1
  vpc_zone_identifier = ["subnet-0123456789abcdef0"]
  health_check_type   = "ALB"
  launch_template {
    name = "a"
  }
}

# refused: aws_autoscaling_group.instance_refresh.preferences: expected min_healthy_percentage and max_healthy_percentage at most 100 apart, found 134
resource "aws_autoscaling_group" "refresh" {
  min_size            = 1
  max_size            = 1
  vpc_zone_identifier = ["subnet-0123456789abcdef0"]
  launch_template {
    name = "a"
  }
  instance_refresh {
    strategy = "Rolling"
    preferences {
      min_healthy_percentage = 0
      max_healthy_percentage = 134
    }
  }
}

# refused: min_healthy_percentage: expected 0 to 100, found 101
resource "aws_autoscaling_group" "too_many" {
  min_size            = 1
  max_size            = 1
  vpc_zone_identifier = ["subnet-0123456789abcdef0"]
  launch_template {
    name = "a"
  }
  instance_refresh {
    strategy = "Rolling"
    preferences {
      min_healthy_percentage = 101
      max_healthy_percentage = 150
    }
  }
}

# refused: aws_autoscaling_group.instance_refresh.triggers: expected tag
resource "aws_autoscaling_group" "triggers" {
  min_size            = 1
  max_size            = 1
  vpc_zone_identifier = ["subnet-0123456789abcdef0"]
  launch_template {
    name = "a"
  }
  instance_refresh {
    strategy = "Rolling"
    triggers = ["tags"]
  }
}

# refused: the tag cos:cluster is there twice
resource "aws_autoscaling_group" "tags" {
  min_size            = 1
  max_size            = 1
  vpc_zone_identifier = ["subnet-0123456789abcdef0"]
  launch_template {
    name = "a"
  }
  tag {
    key                 = "cos:cluster"
    value               = "a"
    propagate_at_launch = true
  }
  tag {
    key                 = "cos:cluster"
    value               = "b"
    propagate_at_launch = true
  }
}

# refused: aws_autoscaling_group.initial_lifecycle_hook.lifecycle_transition: expected autoscaling:EC2_INSTANCE_LAUNCHING
resource "aws_autoscaling_group" "hook" {
  min_size            = 1
  max_size            = 1
  vpc_zone_identifier = ["subnet-0123456789abcdef0"]
  launch_template {
    name = "a"
  }
  initial_lifecycle_hook {
    name                 = "launch"
    lifecycle_transition = "autoscaling:EC2_INSTANCE_LAUNCH"
  }
}

# refused: aws_autoscaling_lifecycle_hook.heartbeat_timeout: expected 30 to 7200, found 29
resource "aws_autoscaling_lifecycle_hook" "timeout" {
  name                   = "launch"
  autoscaling_group_name = "group"
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_LAUNCHING"
  heartbeat_timeout      = 29
}

# refused: aws_autoscaling_lifecycle_hook.default_result: expected CONTINUE, ABANDON
resource "aws_autoscaling_lifecycle_hook" "result" {
  name                   = "launch"
  autoscaling_group_name = "group"
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_LAUNCHING"
  default_result         = "STOP"
}

# refused: aws_autoscaling_policy: expected target_tracking_configuration, because policy_type is "TargetTrackingScaling"
resource "aws_autoscaling_policy" "no_target" {
  name                   = "policy"
  autoscaling_group_name = "group"
  policy_type            = "TargetTrackingScaling"
}

# refused: aws_autoscaling_attachment: expected exactly one of elb, lb_target_group_arn
resource "aws_autoscaling_attachment" "nothing" {
  autoscaling_group_name = "group"
}

# refused: aws_autoscaling_traffic_source_attachment.traffic_source: expected the ARN of a target group
resource "aws_autoscaling_traffic_source_attachment" "target" {
  autoscaling_group_name = "a"
  traffic_source {
    identifier = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/a/0123456789abcdef"
    type       = "elbv2"
  }
}

# refused: aws_autoscaling_traffic_source_attachment.traffic_source.type: expected elb, elbv2, vpc-lattice
resource "aws_autoscaling_traffic_source_attachment" "type" {
  autoscaling_group_name = "a"
  traffic_source {
    identifier = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/a/0123456789abcdef"
    type       = "alb"
  }
}

# refused: aws_autoscaling_group.enabled_metrics: expected a metric such as
resource "aws_autoscaling_group" "metric" {
  min_size            = 1
  max_size            = 1
  vpc_zone_identifier = ["subnet-0123456789abcdef0"]
  enabled_metrics     = ["GroupUnhealthyInstances"]
  launch_template {
    id = "lt-0123456789abcdef0"
  }
}
