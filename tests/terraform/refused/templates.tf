# refused: aws_launch_template.metadata_options.http_tokens: expected optional, required, found "requierd"
resource "aws_launch_template" "tokens" {
  metadata_options {
    http_tokens = "requierd"
  }
}

# refused: aws_launch_template.metadata_options.http_put_response_hop_limit: expected 1 to 64, found 65
resource "aws_launch_template" "hops" {
  metadata_options {
    http_put_response_hop_limit = 65
  }
}

# refused: aws_launch_template.name: expected 3 to 128 characters, found 2
resource "aws_launch_template" "name" {
  name = "ab"
}

# refused: because instance_metadata_tags is "enabled"; found "cos/role"
resource "aws_launch_template" "metadata_tags" {
  metadata_options {
    instance_metadata_tags = "enabled"
  }
  tag_specifications {
    resource_type = "instance"
    tags          = { "cos/role" = "nomad-client" }
  }
}

# refused: aws_launch_template.tag_specifications: expected at most 50 tags, found 51
resource "aws_launch_template" "many_tags" {
  tag_specifications {
    resource_type = "instance"
    tags          = local.many_tags
  }
}

# refused: aws_launch_template.tag_specifications.resource_type: expected instance, volume
resource "aws_launch_template" "tagged" {
  tag_specifications {
    resource_type = "instances"
    tags          = { a = "b" }
  }
}

# refused: aws_launch_template.user_data: expected base64, found
resource "aws_launch_template" "user_data" {
  user_data = "[consul]"
}

# refused: aws_launch_template.user_data: expected at most 16384 bytes
resource "aws_launch_template" "too_much_data" {
  user_data = base64encode(join("", [for index in range(1024) : "0123456789abcdef0"]))
}

# refused: aws_launch_template.image_id: expected an id such as ami-0123456789abcdef0
resource "aws_launch_template" "image" {
  image_id = "debian-12"
}

# refused: aws_launch_template.instance_type: expected a type such as t3.micro
resource "aws_launch_template" "type" {
  instance_type = "t3"
}

# refused: aws_launch_template.iam_instance_profile: expected exactly one of arn, name, found 2
resource "aws_launch_template" "profile" {
  iam_instance_profile {
    arn  = "arn:aws:iam::123456789012:instance-profile/a"
    name = "a"
  }
}

# refused: aws_launch_template: expected the security groups in network_interfaces
resource "aws_launch_template" "two_groups" {
  vpc_security_group_ids = ["sg-0123456789abcdef0"]
  network_interfaces {
    security_groups = ["sg-0123456789abcdef0"]
  }
}

# refused: aws_launch_template.block_device_mappings.ebs.volume_type: expected standard, gp2, gp3
resource "aws_launch_template" "volume" {
  block_device_mappings {
    ebs {
      volume_type = "gpx"
    }
  }
}

# refused: aws_launch_template.block_device_mappings.ebs: expected no throughput, because the type is gp2
resource "aws_launch_template" "throughput" {
  block_device_mappings {
    ebs {
      volume_type = "gp2"
      throughput  = 125
    }
  }
}

# refused: aws_ebs_volume: size: expected 4 to 16384, found 2
resource "aws_ebs_volume" "size" {
  availability_zone = "eu-central-1a"
  type              = "io1"
  iops              = 100
  size              = 2
}

# refused: aws_ebs_volume.availability_zone: expected a zone such as eu-central-1a
resource "aws_ebs_volume" "zone" {
  availability_zone = "eu-central-1"
  size              = 10
}
