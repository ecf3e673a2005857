# A VPC for one or more clusters: three kinds of subnet in three zones, and the endpoints that nodes without internet need.

locals {
  # In this order from the beginning of the VPC; the number is how many bits longer the prefix of a subnet is. Services get
  # half of what is used, and a third of the VPC stays free.
  kinds = { services = 3, backoffice = 5, content-connector = 5, public = 6 }
  blocks = cidrsubnets(var.cidr, flatten([
    for kind in ["services", "backoffice", "content-connector", "public"] : [for zone in var.zones : local.kinds[kind]]
  ])...)
  subnets = merge([
    for place, kind in ["services", "backoffice", "content-connector", "public"] : {
      for number, zone in var.zones : "${kind}-${zone}" => {
        kind = kind
        zone = zone
        cidr = local.blocks[place * length(var.zones) + number]
      }
    }
  ]...)
  # Backoffice and services share a table without any way out. Each zone of content-connector has its own NAT gateway, so
  # that the loss of a zone is the loss of that zone alone.
  private = concat(["isolated"], [for zone in var.zones : "content-connector-${zone}"])
  nat     = var.single_nat_gateway ? slice(var.zones, 0, 1) : var.zones
  # https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
  services = setunion(["autoscaling", "ec2", "ecr.api", "ecr.dkr", "ssm", "ssmmessages", "sts"], var.further_endpoints)
}

data "aws_region" "this" {}

resource "aws_vpc" "this" {
  cidr_block = var.cidr
  # Private DNS of endpoints needs both.
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = merge(var.tags, { Name = var.name })
}

# What nobody chose has no rules.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
  tags   = merge(var.tags, { Name = "${var.name}-default-unused" })
}

resource "aws_subnet" "this" {
  for_each          = local.subnets
  vpc_id            = aws_vpc.this.id
  availability_zone = each.value.zone
  cidr_block        = each.value.cidr
  tags              = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

# Routes.
resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = merge(var.tags, { Name = var.name })
}

resource "aws_route_table" "private" {
  for_each = toset(local.private)
  vpc_id   = aws_vpc.this.id
  tags     = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id
  tags   = merge(var.tags, { Name = "${var.name}-public" })
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route" "nat" {
  for_each               = toset(var.zones)
  route_table_id         = aws_route_table.private["content-connector-${each.key}"].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[contains(local.nat, each.key) ? each.key : local.nat[0]].id
}

resource "aws_route_table_association" "this" {
  for_each  = local.subnets
  subnet_id = aws_subnet.this[each.key].id
  route_table_id = (
    each.value.kind == "public" ? aws_route_table.public.id :
    each.value.kind == "content-connector" ? aws_route_table.private[each.key].id :
    aws_route_table.private["isolated"].id
  )
}

resource "aws_eip" "nat" {
  for_each = toset(local.nat)
  domain   = "vpc"
  tags     = merge(var.tags, { Name = "${var.name}-nat-${each.key}" })
}

resource "aws_nat_gateway" "this" {
  for_each      = toset(local.nat)
  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.this["public-${each.key}"].id
  tags          = merge(var.tags, { Name = "${var.name}-${each.key}" })
  depends_on    = [aws_internet_gateway.this]
}

# Endpoints. Who may call them is for each cluster to add.
resource "aws_security_group" "endpoints" {
  name        = "${var.name}-endpoints"
  description = "Endpoints of AWS services. Each cluster adds its nodes."
  vpc_id      = aws_vpc.this.id
  tags        = merge(var.tags, { Name = "${var.name}-endpoints" })
}

resource "aws_vpc_endpoint" "interface" {
  for_each            = local.services
  vpc_id              = aws_vpc.this.id
  vpc_endpoint_type   = "Interface"
  service_name        = "com.amazonaws.${data.aws_region.this.region}.${each.key}"
  subnet_ids          = [for zone in var.zones : aws_subnet.this["backoffice-${zone}"].id]
  security_group_ids  = [aws_security_group.endpoints.id]
  private_dns_enabled = true
  tags                = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

# The layers of images in ECR come from S3, so every node needs it.
resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  vpc_endpoint_type = "Gateway"
  service_name      = "com.amazonaws.${data.aws_region.this.region}.s3"
  route_table_ids   = concat([for table in aws_route_table.private : table.id], [aws_route_table.public.id])
  tags              = merge(var.tags, { Name = "${var.name}-s3" })
}
