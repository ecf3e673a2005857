package fill

// arns are the services of types, and how the rest of an ARN begins; the id follows, or another attribute.
var arns = map[string]struct{ service, before, attribute string }{
	"aws_vpc":                             {"ec2", "vpc/", "id"},
	"aws_subnet":                          {"ec2", "subnet/", "id"},
	"aws_internet_gateway":                {"ec2", "internet-gateway/", "id"},
	"aws_eip":                             {"ec2", "elastic-ip/", "id"},
	"aws_route_table":                     {"ec2", "route-table/", "id"},
	"aws_vpc_endpoint":                    {"ec2", "vpc-endpoint/", "id"},
	"aws_vpc_dhcp_options":                {"ec2", "dhcp-options/", "id"},
	"aws_network_acl":                     {"ec2", "network-acl/", "id"},
	"aws_flow_log":                        {"ec2", "vpc-flow-log/", "id"},
	"aws_ec2_managed_prefix_list":         {"ec2", "prefix-list/", "id"},
	"aws_security_group":                  {"ec2", "security-group/", "id"},
	"aws_default_security_group":          {"ec2", "security-group/", "id"},
	"aws_vpc_security_group_ingress_rule": {"ec2", "security-group-rule/", "id"},
	"aws_vpc_security_group_egress_rule":  {"ec2", "security-group-rule/", "id"},
	"aws_launch_template":                 {"ec2", "launch-template/", "id"},
	"aws_ebs_volume":                      {"ec2", "volume/", "id"},
	"aws_ecr_repository":                  {"ecr", "repository/", "name"},
	"aws_kms_key":                         {"kms", "key/", "id"},
	"aws_kms_alias":                       {"kms", "", "name"},
	"aws_sns_topic":                       {"sns", "", "name"},
	"aws_cloudwatch_metric_alarm":         {"cloudwatch", "alarm:", "alarm_name"},
	"aws_cloudwatch_log_group":            {"logs", "log-group:", "name"},
	// Those of IAM have a path between, and no region.
	"aws_iam_role":             {"iam", "role", "name"},
	"aws_iam_policy":           {"iam", "policy", "name"},
	"aws_iam_instance_profile": {"iam", "instance-profile", "name"},
}

func (r *resource) arn() any {
	switch r.typ {
	case "aws_s3_bucket":
		return "arn:" + r.place.Partition + ":s3:::" + r.text("bucket")
	case "aws_ssm_parameter":
		name := r.text("name")
		if name != "" && name[0] != '/' {
			name = "/" + name
		}
		return r.place.arn("ssm", "parameter"+name)
	case "aws_autoscaling_group":
		return r.place.arn("autoscaling", "autoScalingGroup:"+r.seed.uuid("arn")+":autoScalingGroupName/"+r.text("name"))
	case "aws_autoscaling_policy":
		group := "autoScalingGroupName/" + r.text("autoscaling_group_name")
		return r.place.arn("autoscaling", "scalingPolicy:"+r.seed.uuid("arn")+":"+group+":policyName/"+r.text("name"))
	case "aws_acm_certificate":
		return r.place.arn("acm", "certificate/"+r.seed.uuid("arn"))
	case "aws_lb", "aws_lb_target_group", "aws_lb_listener", "aws_lb_listener_rule":
		return r.balancerArn()
	}
	found, has := arns[r.typ]
	if !has {
		return ""
	}
	if found.service == "iam" {
		return r.place.global("iam", found.before+first(r.text("path"), "/")+r.text("name"))
	}
	return r.place.arn(found.service, found.before+r.text(found.attribute))
}

// balancerArn is an ARN of elasticloadbalancing; that of a listener has that of its load balancer in it.
func (r *resource) balancerArn() string {
	unique := r.seed("arn", 16)
	const service = "elasticloadbalancing"
	kinds := map[string]string{"application": "app", "network": "net", "gateway": "gwy"}
	switch r.typ {
	case "aws_lb":
		return r.place.arn(service, "loadbalancer/"+kinds[r.text("load_balancer_type")]+"/"+r.text("name")+"/"+unique)
	case "aws_lb_target_group":
		return r.place.arn(service, "targetgroup/"+r.text("name")+"/"+unique)
	case "aws_lb_listener":
		return r.place.arn(service, "listener/"+arnSuffix(r.text("load_balancer_arn"))+"/"+unique)
	}
	return r.place.arn(service, "listener-rule/"+withoutFirst(lastOf(r.text("listener_arn"), ":"))+"/"+unique)
}
