package rules

import (
	"strings"

	"cos-agent/tests/terraform/provider/values"
	"cos-agent/tests/terraform/schema"
)

// An id of the wrong kind is the usual mistake between modules, and the name of an argument says which kind it wants.
var ids = map[string]string{
	"vpc_id": "vpc", "subnet_id": "subnet", "subnet_ids": "subnet", "subnets": "subnet", "vpc_zone_identifier": "subnet",
	"security_group_id": "sg", "security_group_ids": "sg", "referenced_security_group_id": "sg",
	"vpc_security_group_ids": "sg", "route_table_id": "rtb", "route_table_ids": "rtb", "nat_gateway_id": "nat",
	"allocation_id": "eipalloc", "image_id": "ami", "prefix_list_id": "pl", "destination_prefix_list_id": "pl",
	"vpc_endpoint_id": "vpce", "dhcp_options_id": "dopt", "launch_template_id": "lt", "snapshot_id": "snap",
	"network_interface_id": "eni", "default_network_acl_id": "acl",
}

// Only here does the name say it: elsewhere it is also the group's name.
var groupLists = map[string]bool{"aws_lb.security_groups": true, "aws_launch_template.network_interfaces.security_groups": true}

const idSource = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html"

// references holds the ids and ARNs of a block against their kind.
func references(typ, path string, block *schema.Block, config map[string]any) []Refusal {
	var refused []Refusal
	for _, name := range schema.Names(block.Attributes) {
		check := reference(typ+path, name)
		if check == nil || !values.IsSet(config[name]) {
			continue
		}
		wrong := check(config[name])
		if list, is := config[name].([]any); is {
			wrong = each(check)(list)
		}
		if wrong != "" {
			refused = append(refused, refusal(typ, strings.TrimPrefix(path+"."+name, "."), wrong, idSource))
		}
	}
	for name, nested := range block.Blocks {
		for _, element := range find(config[name], "") {
			if inner, is := element.(map[string]any); is {
				refused = append(refused, references(typ, path+"."+name, nested.Block, inner)...)
			}
		}
	}
	return refused
}

func reference(where, name string) func(any) string {
	prefix, known := ids[name]
	if groupLists[where+"."+name] {
		prefix, known = "sg", true
	}
	switch {
	case name == "image_id":
		return matches(`^(ami-[0-9a-f]{8,17}|resolve:ssm:.+)$`, "an id such as ami-0123456789abcdef0, or resolve:ssm:NAME")
	case known:
		return orEmpty(matches("^"+prefix+"-[0-9a-f]{8,17}$", "an id such as "+prefix+"-0123456789abcdef0"))
	case name == "arn" || strings.HasSuffix(name, "_arn") || strings.HasSuffix(name, "_arns"):
		return orEmpty(isARN)
	}
	return nil
}

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
var isARN = matches(`^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:(\d{12}|aws)?:.+$`, "an ARN such as arn:aws:iam::123456789012:role/NAME")
