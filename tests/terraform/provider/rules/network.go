package rules

import (
	"fmt"
	"math/big"
)

const (
	ec2API = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/"
	docs   = "https://registry.terraform.io/providers/hashicorp/aws/6.25.0/docs/"
)

var (
	protocolNumber = matches(`^(-1|all|tcp|udp|icmp|icmpv6|\d{1,3})$`, "tcp, udp, icmp, icmpv6, -1 or a number")
	portOrEmpty    = between(-1, 65535)
)

var networkRules = []rule{
	{"aws_vpc.cidr_block", ipv4(16, 28), ec2API + "API_CreateVpc.html"},
	{"aws_vpc.instance_tenancy", oneOf("default", "dedicated"), ec2API + "API_CreateVpc.html"},
	{"aws_vpc", exactlyOne("cidr_block", "ipv4_ipam_pool_id"), docs + "resources/vpc"},

	{"aws_subnet.cidr_block", ipv4(16, 28), ec2API + "API_CreateSubnet.html"},
	{"aws_subnet.ipv6_cidr_block", orEmpty(ipv6), ec2API + "API_CreateSubnet.html"},
	{"aws_subnet", atMostOne("availability_zone", "availability_zone_id"), docs + "resources/subnet"},
	{"aws_subnet.availability_zone", zone, ec2API + "API_CreateSubnet.html"},
	{"aws_subnet.private_dns_hostname_type_on_launch", oneOf("ip-name", "resource-name"), docs + "resources/subnet"},

	{"aws_nat_gateway.connectivity_type", oneOf("public", "private"), ec2API + "API_CreateNatGateway.html"},
	{"aws_nat_gateway", natGateway, ec2API + "API_CreateNatGateway.html"},
	{"aws_eip.domain", oneOf("vpc"), docs + "resources/eip"},

	{"aws_route", exactlyOne("destination_cidr_block", "destination_ipv6_cidr_block", "destination_prefix_list_id"), docs + "resources/route"},
	{"aws_route", exactlyOne("carrier_gateway_id", "core_network_arn", "egress_only_gateway_id", "gateway_id", "local_gateway_id", "nat_gateway_id",
		"network_interface_id", "transit_gateway_id", "vpc_endpoint_id", "vpc_peering_connection_id"), docs + "resources/route"},
	{"aws_route.destination_cidr_block", ipv4(0, 32), ec2API + "API_CreateRoute.html"},
	{"aws_route.destination_ipv6_cidr_block", ipv6, ec2API + "API_CreateRoute.html"},
	{"aws_route.gateway_id", gateway, docs + "resources/route"},
	{"aws_route_table.route", block(tableRoute), docs + "resources/route_table"},
	{"aws_route_table_association", exactlyOne("subnet_id", "gateway_id"), docs + "resources/route_table_association"},

	{"aws_vpc_endpoint.vpc_endpoint_type", oneOf("Gateway", "GatewayLoadBalancer", "Interface", "Resource", "ServiceNetwork"), ec2API + "API_CreateVpcEndpoint.html"},
	{"aws_vpc_endpoint", exactlyOne("service_name", "resource_configuration_arn", "service_network_arn"), docs + "resources/vpc_endpoint"},
	{"aws_vpc_endpoint", when("vpc_endpoint_type", "Gateway", []string{"Gateway"}, nil, []string{"subnet_ids", "security_group_ids", "dns_options"}), docs + "resources/vpc_endpoint"},
	{"aws_vpc_endpoint", when("vpc_endpoint_type", "Gateway", []string{"Interface", "GatewayLoadBalancer"}, nil, []string{"route_table_ids"}), docs + "resources/vpc_endpoint"},
	{"aws_vpc_endpoint", block(gatewayEndpoint), docs + "resources/vpc_endpoint"},
	{"aws_vpc_endpoint.service_name", matches(`^(com|cn|aws|eu)\.[a-z0-9.-]+$`, "a service such as com.amazonaws.eu-central-1.ssm"), ec2API + "API_CreateVpcEndpoint.html"},
	{"aws_vpc_endpoint.ip_address_type", oneOf("ipv4", "ipv6", "dualstack"), ec2API + "API_CreateVpcEndpoint.html"},
	{"aws_vpc_endpoint.policy", policy(ofResource, 20480), ec2API + "API_CreateVpcEndpoint.html"},

	{"aws_vpc_dhcp_options", atLeastOne("domain_name", "domain_name_servers", "ntp_servers", "netbios_name_servers", "netbios_node_type", "ipv6_address_preferred_lease_time"), docs + "resources/vpc_dhcp_options"},
	{"aws_vpc_dhcp_options.domain_name_servers", each(address), ec2API + "API_CreateDhcpOptions.html"},

	{"aws_network_acl.ingress", block(aclRule), ec2API + "API_CreateNetworkAclEntry.html"},
	{"aws_network_acl.egress", block(aclRule), ec2API + "API_CreateNetworkAclEntry.html"},

	{"aws_flow_log", exactlyOne("eni_id", "regional_nat_gateway_id", "subnet_id", "transit_gateway_attachment_id", "transit_gateway_id", "vpc_id"), docs + "resources/flow_log"},
	{"aws_flow_log.traffic_type", oneOf("ACCEPT", "REJECT", "ALL"), ec2API + "API_CreateFlowLogs.html"},
	{"aws_flow_log.log_destination_type", oneOf("cloud-watch-logs", "s3", "kinesis-data-firehose"), ec2API + "API_CreateFlowLogs.html"},
	{"aws_flow_log.max_aggregation_interval", amongNumbers(60, 600), ec2API + "API_CreateFlowLogs.html"},
	{"aws_flow_log", when("log_destination_type", "cloud-watch-logs", []string{"cloud-watch-logs"}, []string{"iam_role_arn"}, nil), ec2API + "API_CreateFlowLogs.html"},
	{"aws_flow_log", when("log_destination_type", "cloud-watch-logs", []string{"s3"}, []string{"log_destination"}, []string{"iam_role_arn"}), ec2API + "API_CreateFlowLogs.html"},

	{"aws_ec2_managed_prefix_list.address_family", oneOf("IPv4", "IPv6"), ec2API + "API_CreateManagedPrefixList.html"},
	{"aws_ec2_managed_prefix_list.name", both(length(1, 255), not("^com\\.amazonaws", "expected a name without the prefix com.amazonaws")), ec2API + "API_CreateManagedPrefixList.html"},
	{"aws_ec2_managed_prefix_list.max_entries", between(1, 1000), ec2API + "API_CreateManagedPrefixList.html"},
	{"aws_ec2_managed_prefix_list", block(prefixList), ec2API + "API_CreateManagedPrefixList.html"},
	{"aws_ec2_managed_prefix_list.entry.description", length(0, 255), ec2API + "API_AddPrefixListEntry.html"},
}

var zone = matches(`^[a-z]{2}(-[a-z]+)+-\d+[a-z]$`, "a zone such as eu-central-1a")

var gateway = matches(`^((igw|vgw|vpce)-[0-9a-f]{8,17}|local)$`, "the id of an internet gateway or a virtual private gateway")

var natGateway = block(func(nat map[string]any) string {
	if nat["availability_mode"] == "regional" {
		return ""
	}
	private := nat["connectivity_type"] == "private"
	switch {
	case lacks(nat, "subnet_id"):
		return "expected subnet_id"
	case private && has(nat, "allocation_id"):
		return "expected no allocation_id, because connectivity_type is \"private\""
	case (nat["connectivity_type"] == nil || nat["connectivity_type"] == "public") && lacks(nat, "allocation_id"):
		return "expected allocation_id, because connectivity_type is \"public\""
	}
	return ""
})

// tableRoute is a route that is written as a value, with "" for what it does not have.
func tableRoute(route map[string]any) string {
	if limits := route["cidr_block"]; limits != nil && limits != "" {
		if wrong := ipv4(0, 32)(limits); wrong != "" {
			return wrong
		}
	}
	there, unknown := 0, 0
	for _, name := range []string{"cidr_block", "ipv6_cidr_block", "destination_prefix_list_id"} {
		if one, maybe := count(route, []string{name}); route[name] != "" {
			there, unknown = there+one, unknown+maybe
		}
	}
	if there > 1 || there+unknown == 0 {
		return fmt.Sprintf("expected one destination, found %d", there)
	}
	return ""
}

func gatewayEndpoint(endpoint map[string]any) string {
	kind := endpoint["vpc_endpoint_type"]
	if (kind == nil || kind == "Gateway") && endpoint["private_dns_enabled"] == true {
		return "expected no private_dns_enabled, because vpc_endpoint_type is \"Gateway\""
	}
	return ""
}

func aclRule(entry map[string]any) string {
	name, _ := entry["protocol"].(string)
	for _, wrong := range []string{
		between(1, 32766)(entry["rule_no"]), oneOf("allow", "deny")(entry["action"]), protocolNumber(name),
		portOrEmpty(entry["from_port"]), portOrEmpty(entry["to_port"]), ascending("from_port", "to_port")(entry),
	} {
		if wrong != "" {
			return wrong
		}
	}
	if entry["cidr_block"] == nil || entry["cidr_block"] == "" {
		return ""
	}
	return ipv4(0, 32)(entry["cidr_block"])
}

func prefixList(list map[string]any) string {
	most, isNumber := list["max_entries"].(*big.Float)
	entries, _ := list["entry"].([]any)
	if isNumber && most.Cmp(new(big.Float).SetInt64(int64(len(entries)))) < 0 {
		return fmt.Sprintf("expected at most %s entries, found %d", most.Text('f', -1), len(entries))
	}
	check := ipv4(0, 32)
	if list["address_family"] == "IPv6" {
		check = ipv6
	}
	for _, entry := range entries {
		members, _ := entry.(map[string]any)
		if wrong := check(members["cidr"]); wrong != "" {
			return wrong
		}
	}
	return ""
}
