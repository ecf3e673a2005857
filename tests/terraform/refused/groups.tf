# refused: aws_security_group.name: expected a name without the prefix sg-
resource "aws_security_group" "name" {
  name = "sg-web"
}

# refused: aws_security_group.description: expected letters, digits, spaces
resource "aws_security_group" "description" {
  description = "not <here>"
}

# refused: aws_security_group.ingress: from_port: expected 0 to 65535, found 70000
resource "aws_security_group" "port" {
  ingress {
    from_port   = 70000
    to_port     = 70000
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/8"]
  }
}

# refused: aws_vpc_security_group_ingress_rule: expected exactly one of cidr_ipv4, cidr_ipv6, prefix_list_id, referenced_security_group_id, found 2
resource "aws_vpc_security_group_ingress_rule" "two_targets" {
  security_group_id            = "sg-0123456789abcdef0"
  referenced_security_group_id = "sg-0123456789abcdef0"
  cidr_ipv4                    = "10.0.0.0/8"
  ip_protocol                  = "-1"
}

# refused: aws_vpc_security_group_ingress_rule: expected to_port, because ip_protocol is "tcp"
resource "aws_vpc_security_group_ingress_rule" "one_port" {
  security_group_id = "sg-0123456789abcdef0"
  cidr_ipv4         = "10.0.0.0/8"
  ip_protocol       = "tcp"
  from_port         = 80
}

# refused: aws_vpc_security_group_egress_rule: expected no from_port, because ip_protocol is "-1"
resource "aws_vpc_security_group_egress_rule" "ports" {
  security_group_id = "sg-0123456789abcdef0"
  cidr_ipv4         = "10.0.0.0/8"
  ip_protocol       = "-1"
  from_port         = 80
}

# refused: aws_vpc_security_group_egress_rule: expected from_port <= to_port, found 90 and 80
resource "aws_vpc_security_group_egress_rule" "descending" {
  security_group_id = "sg-0123456789abcdef0"
  cidr_ipv4         = "10.0.0.0/8"
  ip_protocol       = "tcp"
  from_port         = 90
  to_port           = 80
}

# refused: aws_vpc_security_group_egress_rule: expected tcp, udp, icmp
resource "aws_vpc_security_group_egress_rule" "protocol" {
  security_group_id = "sg-0123456789abcdef0"
  cidr_ipv4         = "10.0.0.0/8"
  ip_protocol       = "http"
}
