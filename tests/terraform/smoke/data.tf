# One of each data source.
data "aws_availability_zones" "this" {
  state = "available"
}

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

data "aws_ami" "this" {
  most_recent = true
  owners      = ["self"]
  filter {
    name   = "name"
    values = ["cos-*"]
  }
  filter {
    name   = "architecture"
    values = ["arm64"]
  }
}

data "aws_vpc" "this" {
  tags = { Name = "other" }
}

data "aws_subnets" "this" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.this.id]
  }
}

data "aws_subnet" "this" {
  id = data.aws_subnets.this.ids[0]
}

data "aws_route_tables" "this" {
  vpc_id = data.aws_vpc.this.id
}

data "aws_ec2_managed_prefix_list" "this" {
  name = "com.amazonaws.${data.aws_region.this.region}.s3"
}

data "aws_prefix_list" "this" {
  name = "com.amazonaws.${data.aws_region.this.region}.s3"
}

data "aws_ssm_parameter" "this" {
  name = "/aws/service/debian/release/12/latest/amd64"
}

data "aws_vpc_endpoint_service" "this" {
  service = "ssm"
}

data "aws_security_group" "this" {
  vpc_id = data.aws_vpc.this.id
  name   = "default"
}

data "aws_ec2_instance_type" "this" {
  instance_type = "c7gn.large"
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "Find"
    actions   = ["ec2:DescribeInstances", "ec2:DescribeTags"]
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [data.aws_region.this.region]
    }
  }
}

output "found" {
  description = "What the data sources found."
  value = {
    account      = data.aws_caller_identity.this.account_id
    partition    = data.aws_partition.this.partition
    region       = data.aws_region.this.region
    zones        = data.aws_availability_zones.this.names
    architecture = data.aws_ami.this.architecture
    type         = one(data.aws_ec2_instance_type.this.supported_architectures)
    policy       = data.aws_iam_policy_document.this.json
    subnet       = data.aws_subnet.this.id
    group        = data.aws_security_group.this.id
    lists        = [data.aws_ec2_managed_prefix_list.this.id, data.aws_prefix_list.this.id]
    tables       = length(data.aws_route_tables.this.ids)
    parameter    = nonsensitive(data.aws_ssm_parameter.this.value)
  }
}
