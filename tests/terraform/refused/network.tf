# refused: aws_vpc.cidr_block: expected an IPv4 range such as 10.0.0.0/16, found "10.0.0.0/33"
resource "aws_vpc" "no_range" {
  cidr_block = "10.0.0.0/33"
}

# refused: aws_vpc.cidr_block: expected a range of /16 to /28
resource "aws_vpc" "too_large" {
  cidr_block = "10.0.0.0/8"
}

# refused: aws_vpc.cidr_block: expected an IPv4 range such as 10.0.0.0/16, found "10.0.0.1/16", which is an address in it
resource "aws_vpc" "address" {
  cidr_block = "10.0.0.1/16"
}

# refused: aws_vpc.instance_tenancy: expected default, dedicated, found "dedicatd"
resource "aws_vpc" "tenancy" {
  cidr_block       = "10.0.0.0/16"
  instance_tenancy = "dedicatd"
}

# refused: aws_vpc.arn: cannot set it
resource "aws_vpc" "read_only" {
  cidr_block = "10.0.0.0/16"
  arn        = "arn:aws:ec2:eu-central-1:123456789012:vpc/vpc-0123456789abcdef0"
}

# refused: expected at most 50 tags, found 51
resource "aws_vpc" "many_tags" {
  cidr_block = "10.0.0.0/16"
  tags       = local.many_tags
}

# refused: tags: expected 1 to 128 characters
resource "aws_vpc" "tag_key" {
  cidr_block = "10.0.0.0/16"
  tags       = { (join("", [for index in range(129) : "k"])) = "value" }
}

# refused: tags: name: expected 0 to 256 characters
resource "aws_vpc" "tag_value" {
  cidr_block = "10.0.0.0/16"
  tags       = { name = join("", [for index in range(257) : "v"]) }
}

# refused: expected a key without the prefix aws:
resource "aws_vpc" "reserved_tag" {
  cidr_block = "10.0.0.0/16"
  tags       = { "aws:name" = "value" }
}

# refused: tags: name: expected letters, digits, spaces and _.:/=+-@
resource "aws_vpc" "tag_characters" {
  cidr_block = "10.0.0.0/16"
  tags       = { name = "a*" }
}

# refused: aws_subnet.vpc_id: expected an id such as vpc-0123456789abcdef0, found "subnet-
resource "aws_subnet" "other_id" {
  vpc_id     = "subnet-0123456789abcdef0"
  cidr_block = "10.0.0.0/24"
}

# refused: aws_subnet: expected at most one of availability_zone, availability_zone_id
resource "aws_subnet" "two_zones" {
  vpc_id               = "vpc-0123456789abcdef0"
  cidr_block           = "10.0.0.0/24"
  availability_zone    = "eu-central-1a"
  availability_zone_id = "euc1-az2"
}

# refused: expected allocation_id, because connectivity_type is "public"
resource "aws_nat_gateway" "no_address" {
  subnet_id = "subnet-0123456789abcdef0"
}

# refused: aws_route: expected exactly one of carrier_gateway_id
resource "aws_route" "no_target" {
  route_table_id         = "rtb-0123456789abcdef0"
  destination_cidr_block = "0.0.0.0/0"
}

# refused: aws_route: expected exactly one of destination_cidr_block
resource "aws_route" "no_destination" {
  route_table_id = "rtb-0123456789abcdef0"
  gateway_id     = "igw-0123456789abcdef0"
}

# refused: aws_route_table_association: expected exactly one of subnet_id, gateway_id
resource "aws_route_table_association" "nothing" {
  route_table_id = "rtb-0123456789abcdef0"
}

# refused: aws_vpc_endpoint: expected no subnet_ids, because vpc_endpoint_type is "Gateway"
resource "aws_vpc_endpoint" "gateway" {
  vpc_id       = "vpc-0123456789abcdef0"
  service_name = "com.amazonaws.eu-central-1.s3"
  subnet_ids   = ["subnet-0123456789abcdef0"]
}

# refused: aws_vpc_endpoint.vpc_endpoint_type: expected Gateway, GatewayLoadBalancer, Interface
resource "aws_vpc_endpoint" "unknown_type" {
  vpc_id            = "vpc-0123456789abcdef0"
  service_name      = "com.amazonaws.eu-central-1.ssm"
  vpc_endpoint_type = "interface"
}

# refused: aws_vpc_dhcp_options: expected at least one of domain_name
resource "aws_vpc_dhcp_options" "nothing" {}

# refused: aws_flow_log: expected iam_role_arn, because log_destination_type is "cloud-watch-logs"
resource "aws_flow_log" "no_role" {
  vpc_id          = "vpc-0123456789abcdef0"
  traffic_type    = "ALL"
  log_destination = "arn:aws:logs:eu-central-1:123456789012:log-group:flow"
}

# refused: aws_flow_log.max_aggregation_interval: expected one of [60 600]
resource "aws_flow_log" "interval" {
  vpc_id                   = "vpc-0123456789abcdef0"
  traffic_type             = "ALL"
  log_destination          = "arn:aws:logs:eu-central-1:123456789012:log-group:flow"
  iam_role_arn             = "arn:aws:iam::123456789012:role/flow"
  max_aggregation_interval = 61
}

# refused: aws_ec2_managed_prefix_list: expected at most 1 entries, found 2
resource "aws_ec2_managed_prefix_list" "too_many" {
  name           = "list"
  address_family = "IPv4"
  max_entries    = 1
  entry {
    cidr = "10.0.0.0/8"
  }
  entry {
    cidr = "11.0.0.0/8"
  }
}

# refused: aws_network_acl.ingress: expected 1 to 32766, found 0
resource "aws_network_acl" "number" {
  vpc_id = "vpc-0123456789abcdef0"
  ingress {
    rule_no    = 0
    action     = "allow"
    protocol   = "-1"
    from_port  = 0
    to_port    = 0
    cidr_block = "0.0.0.0/0"
  }
}
