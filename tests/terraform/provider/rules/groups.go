package rules

import (
	"cos-agent/tests/terraform/provider/values"
)

// What a security group and its rules accept as text:
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
var groupText = matches(`^[A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-]*$`, "letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*")

var groupRules = []rule{
	{"aws_security_group.name", both(length(1, 255), groupText, not("^(?i)sg-", "expected a name without the prefix sg-")), ec2API + "API_CreateSecurityGroup.html"},
	{"aws_security_group.name_prefix", both(length(1, 229), groupText, not("^(?i)sg-", "expected a name without the prefix sg-")), ec2API + "API_CreateSecurityGroup.html"},
	{"aws_security_group", atMostOne("name", "name_prefix"), docs + "resources/security_group"},
	{"aws_security_group.description", both(length(0, 255), groupText), ec2API + "API_CreateSecurityGroup.html"},
	{"aws_security_group.ingress", block(inlineRule), ec2API + "API_IpPermission.html"},
	{"aws_security_group.egress", block(inlineRule), ec2API + "API_IpPermission.html"},
	{"aws_default_security_group.ingress", block(inlineRule), ec2API + "API_IpPermission.html"},
	{"aws_default_security_group.egress", block(inlineRule), ec2API + "API_IpPermission.html"},

	{"aws_vpc_security_group_ingress_rule", oneTarget, docs + "resources/vpc_security_group_ingress_rule"},
	{"aws_vpc_security_group_egress_rule", oneTarget, docs + "resources/vpc_security_group_egress_rule"},
	{"aws_vpc_security_group_ingress_rule", block(rulePorts), ec2API + "API_IpPermission.html"},
	{"aws_vpc_security_group_egress_rule", block(rulePorts), ec2API + "API_IpPermission.html"},
	{"aws_vpc_security_group_ingress_rule.cidr_ipv4", ipv4(0, 32), ec2API + "API_IpRange.html"},
	{"aws_vpc_security_group_egress_rule.cidr_ipv4", ipv4(0, 32), ec2API + "API_IpRange.html"},
	{"aws_vpc_security_group_ingress_rule.cidr_ipv6", ipv6, ec2API + "API_Ipv6Range.html"},
	{"aws_vpc_security_group_egress_rule.cidr_ipv6", ipv6, ec2API + "API_Ipv6Range.html"},
	{"aws_vpc_security_group_ingress_rule.description", both(length(0, 255), groupText), ec2API + "API_IpRange.html"},
	{"aws_vpc_security_group_egress_rule.description", both(length(0, 255), groupText), ec2API + "API_IpRange.html"},
}

var oneTarget = exactlyOne("cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id")

// rulePorts are the ports of a rule that is a resource: both for TCP and UDP, none for all protocols.
func rulePorts(rule map[string]any) string {
	protocol, is := rule["ip_protocol"].(string)
	if !is {
		return ""
	}
	if wrong := protocolNumber(protocol); wrong != "" {
		return wrong
	}
	for _, name := range []string{"from_port", "to_port"} {
		if protocol == "-1" && has(rule, name) {
			return "expected no " + name + ", because ip_protocol is \"-1\""
		}
		if isPorts(protocol) && lacks(rule, name) {
			return "expected " + name + ", because ip_protocol is \"" + protocol + "\""
		}
	}
	return ports(rule, protocol)
}

// inlineRule is a rule in a group, whose ports are 0 for all protocols.
func inlineRule(rule map[string]any) string {
	protocol, is := rule["protocol"].(string)
	if !is {
		return ""
	}
	if wrong := protocolNumber(protocol); wrong != "" {
		return wrong
	}
	from, _ := number(rule, "from_port")
	to, _ := number(rule, "to_port")
	if protocol == "-1" && (from != 0 || to != 0) {
		return "expected the ports 0, because protocol is \"-1\""
	}
	if ranges := rule["cidr_blocks"]; values.IsSet(ranges) {
		if wrong := each(ipv4(0, 32))(ranges); wrong != "" {
			return wrong
		}
	}
	return ports(rule, protocol)
}

func ports(rule map[string]any, protocol string) string {
	least := int64(-1)
	if isPorts(protocol) {
		least = 0
	}
	for _, name := range []string{"from_port", "to_port"} {
		if wrong := between(least, 65535)(rule[name]); wrong != "" {
			return name + ": " + wrong
		}
	}
	// For ICMP they are a type and a code.
	if isPorts(protocol) {
		return ascending("from_port", "to_port")(rule)
	}
	return ""
}

func isPorts(protocol string) bool { return protocol == "tcp" || protocol == "udp" }
