package fill

import (
	"strings"

	"cos-agent/tests/terraform/provider/values"
)

// prefixes are those of ids of EC2; 17 hexadecimal digits follow.
var prefixes = map[string]string{
	"aws_vpc":                             "vpc",
	"aws_subnet":                          "subnet",
	"aws_internet_gateway":                "igw",
	"aws_nat_gateway":                     "nat",
	"aws_eip":                             "eipalloc",
	"aws_route_table":                     "rtb",
	"aws_route_table_association":         "rtbassoc",
	"aws_vpc_endpoint":                    "vpce",
	"aws_vpc_dhcp_options":                "dopt",
	"aws_network_acl":                     "acl",
	"aws_flow_log":                        "fl",
	"aws_ec2_managed_prefix_list":         "pl",
	"aws_security_group":                  "sg",
	"aws_default_security_group":          "sg",
	"aws_vpc_security_group_ingress_rule": "sgr",
	"aws_vpc_security_group_egress_rule":  "sgr",
	"aws_launch_template":                 "lt",
	"aws_ebs_volume":                      "vol",
	"aws_ami":                             "ami",
}

// idsFrom are the ids that other attributes make; a string in quotes is itself.
var idsFrom = map[string][]string{
	"aws_route":                        {"'r-", "route_table_id", "'-", "destination_cidr_block", "destination_ipv6_cidr_block", "destination_prefix_list_id"},
	"aws_vpc_dhcp_options_association": {"dhcp_options_id", "'-", "vpc_id"},
	"aws_iam_role":                     {"name"},
	"aws_iam_role_policy":              {"role", "':", "name"},
	"aws_iam_policy":                   {"arn"},
	"aws_iam_role_policy_attachment":   {"role", "'/", "policy_arn"},
	"aws_iam_instance_profile":         {"name"},
	"aws_kms_alias":                    {"name"},
	"aws_autoscaling_group":            {"name"},
	"aws_autoscaling_lifecycle_hook":   {"name"},
	"aws_autoscaling_policy":           {"name"},
	"aws_autoscaling_attachment":       {"autoscaling_group_name", "'-", "lb_target_group_arn", "elb"},
	"aws_lb":                           {"arn"},
	"aws_lb_listener":                  {"arn"},
	"aws_lb_listener_certificate":      {"listener_arn", "'_", "certificate_arn"},
	"aws_lb_listener_rule":             {"arn"},
	"aws_lb_target_group":              {"arn"},
	"aws_acm_certificate":              {"arn"},
	"aws_ecr_repository":               {"name"},
	"aws_ecr_lifecycle_policy":         {"repository"},
	"aws_ecr_repository_policy":        {"repository"},
	"aws_ecr_pull_through_cache_rule":  {"ecr_repository_prefix"},
	"aws_ssm_parameter":                {"name"},
	"aws_cloudwatch_metric_alarm":      {"alarm_name"},
	"aws_cloudwatch_log_group":         {"name"},
	"aws_sns_topic":                    {"arn"},
	"aws_s3_bucket":                    {"bucket"},
}

func (r *resource) id() any {
	if prefix, has := prefixes[r.typ]; has {
		return prefix + "-" + r.seed("id", 17)
	}
	if r.typ == "aws_kms_key" {
		return r.seed.uuid("id")
	}
	var id strings.Builder
	for _, part := range idsFrom[r.typ] {
		if quoted, is := strings.CutPrefix(part, "'"); is {
			id.WriteString(quoted)
			continue
		}
		// The ARN and the name of a bucket come later in the order of attributes.
		if values.IsUnknown(r.object[part]) {
			r.object[part] = makerOf(r, part)(r)
		}
		id.WriteString(r.text(part))
	}
	if r.typ == "aws_autoscaling_traffic_source_attachment" {
		return r.trafficSourceID()
	}
	if id.Len() == 0 {
		return r.seed("id", 17)
	}
	return id.String()
}

func (r *resource) trafficSourceID() string {
	source := map[string]any{}
	if sources, _ := r.object["traffic_source"].([]any); len(sources) > 0 {
		source, _ = sources[0].(map[string]any)
	}
	kind, _ := source["type"].(string)
	identifier, _ := source["identifier"].(string)
	return r.text("autoscaling_group_name") + "," + kind + "," + identifier
}

// name is the name that a prefix makes, or that Terraform makes itself.
func (r *resource) name() any {
	unique := "20260101000000" + strings.Repeat("0", 4) + r.seed("name", 8)
	prefix := r.text("name_prefix")
	if prefix == "" {
		prefix = "terraform-"
	}
	switch r.typ {
	case "aws_lb", "aws_lb_target_group":
		// 32 characters are all that there are.
		if prefix == "terraform-" {
			prefix = "tf-"
		}
		return prefix + unique[8:]
	case "aws_kms_alias":
		if r.text("name_prefix") == "" {
			prefix = "alias/" + prefix
		}
	}
	return prefix + unique
}
