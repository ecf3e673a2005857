package fill

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"cos-agent/tests/terraform/provider/values"
)

type maker func(*resource) any

func makerOf(r *resource, name string) maker {
	if make, has := makers[r.typ+"."+name]; has {
		return make
	}
	return makers[name]
}

func always(value any) maker      { return func(*resource) any { return value } }
func attribute(name string) maker { return func(r *resource) any { return r.object[name] } }
func ofCertificate(issued, imported string) maker {
	return func(r *resource) any {
		if r.text("private_key") != "" {
			return imported
		}
		return issued
	}
}
func random17(prefix string) maker {
	return func(r *resource) any { return prefix + r.seed(prefix, 17) }
}

// makers make the values of attributes, by type and name, or by the name alone.
var makers map[string]maker

func init() {
	makers = map[string]maker{
		"region":      func(r *resource) any { return r.place.Region },
		"owner_id":    always(Account),
		"registry_id": always(Account),
		"id":          (*resource).id,
		"name":        (*resource).name,
		"arn":         (*resource).arn,
		"arn_suffix":  func(r *resource) any { return arnSuffix(r.text("arn")) },
		"unique_id":   func(r *resource) any { return "AROA" + strings.ToUpper(r.seed("unique", 17)) },
		"create_date": always("2026-01-01T00:00:00Z"),
		"vpc_id":      (*resource).recallVpc,

		"aws_vpc.default_network_acl_id":                 random17("acl-"),
		"aws_vpc.default_route_table_id":                 random17("rtb-"),
		"aws_vpc.main_route_table_id":                    attribute("default_route_table_id"),
		"aws_vpc.default_security_group_id":              random17("sg-"),
		"aws_vpc.dhcp_options_id":                        random17("dopt-"),
		"aws_subnet.availability_zone":                   func(r *resource) any { return r.place.Region + "a" },
		"aws_subnet.availability_zone_id":                func(r *resource) any { return zoneID(r.text("availability_zone")) },
		"aws_subnet.private_dns_hostname_type_on_launch": always("ip-name"),

		"aws_eip.allocation_id":        attribute("id"),
		"aws_eip.domain":               always("vpc"),
		"aws_eip.network_border_group": func(r *resource) any { return r.place.Region },
		"aws_eip.public_ip":            (*resource).publicAddress,
		"aws_eip.public_ipv4_pool":     always("amazon"),
		"aws_eip.public_dns": func(r *resource) any {
			return "ec2-" + strings.ReplaceAll(r.publicAddress().(string), ".", "-") + "." + r.place.Region + ".compute." + r.place.Suffix
		},
		"aws_nat_gateway.private_ip":           always("10.0.0.10"),
		"aws_nat_gateway.public_ip":            func(r *resource) any { return recall(r.object["allocation_id"], "public_ip") },
		"aws_nat_gateway.network_interface_id": random17("eni-"),
		"aws_nat_gateway.association_id":       random17("eipassoc-"),
		"aws_route.origin":                     always("CreateRoute"),
		"aws_route.state":                      always("active"),

		"aws_vpc_endpoint.state":                 always("available"),
		"aws_vpc_endpoint.ip_address_type":       always("ipv4"),
		"aws_vpc_endpoint.dns_entry":             (*resource).dnsEntries,
		"aws_vpc_endpoint.network_interface_ids": (*resource).interfaces,
		"aws_vpc_endpoint.prefix_list_id":        (*resource).gatewayPrefixList,
		"aws_vpc_endpoint.policy":                always(`{"Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}],"Version":"2008-10-17"}`),

		"aws_security_group.vpc_id":                                  random17("vpc-"),
		"aws_default_security_group.vpc_id":                          random17("vpc-"),
		"aws_default_security_group.id":                              (*resource).defaultGroup,
		"aws_default_security_group.name":                            always("default"),
		"aws_default_security_group.description":                     always("default VPC security group"),
		"aws_vpc_security_group_ingress_rule.security_group_rule_id": attribute("id"),
		"aws_vpc_security_group_egress_rule.security_group_rule_id":  attribute("id"),
		"aws_ec2_managed_prefix_list.version":                        always(values.Number(1)),

		"aws_iam_policy.policy_id": func(r *resource) any { return "ANPA" + strings.ToUpper(r.seed("policy", 17)) },
		"aws_kms_key.key_id":       attribute("id"),
		"aws_kms_alias.target_key_arn": func(r *resource) any {
			return r.place.arn("kms", "key/"+lastOf(r.text("target_key_id"), "/"))
		},

		"aws_launch_template.latest_version":       always(values.Number(1)),
		"aws_launch_template.default_version":      always(values.Number(1)),
		"aws_autoscaling_group.availability_zones": (*resource).zones,
		"aws_autoscaling_group.default_cooldown":   always(values.Number(300)),
		"aws_autoscaling_group.desired_capacity":   attribute("min_size"),
		"aws_autoscaling_group.health_check_type":  always("EC2"),
		"aws_autoscaling_group.service_linked_role_arn": func(r *resource) any {
			return r.place.global("iam", "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling")
		},
		"aws_autoscaling_lifecycle_hook.default_result":  always("ABANDON"),
		"aws_autoscaling_policy.metric_aggregation_type": always("Average"),
		"aws_ebs_volume.iops":                            always(values.Number(3000)),
		"aws_ebs_volume.throughput":                      always(values.Number(125)),
		"aws_ebs_volume.type":                            always("gp3"),
		"aws_ebs_volume.create_time":                     always("2026-01-01T00:00:00Z"),

		"aws_lb.dns_name":                                       (*resource).loadBalancerName,
		"aws_lb.ip_address_type":                                always("ipv4"),
		"aws_lb.zone_id":                                        always("Z215JYRZR1TBD5"),
		"aws_lb_listener.protocol":                              always("HTTP"),
		"aws_lb_listener.ssl_policy":                            (*resource).sslPolicy,
		"aws_lb_listener_rule.priority":                         always(values.Number(1)),
		"aws_lb_target_group.ip_address_type":                   always("ipv4"),
		"aws_lb_target_group.protocol_version":                  always("HTTP1"),
		"aws_lb_target_group.load_balancing_algorithm_type":     always("round_robin"),
		"aws_lb_target_group.load_balancing_anomaly_mitigation": always("off"),
		"aws_lb_target_group.load_balancing_cross_zone_enabled": always("use_load_balancer_configuration"),
		"aws_acm_certificate.status":                            always("ISSUED"),
		"aws_acm_certificate.type":                              ofCertificate("AMAZON_ISSUED", "IMPORTED"),
		"aws_acm_certificate.key_algorithm":                     always("RSA_2048"),
		"aws_acm_certificate.validation_method":                 ofCertificate("DNS", "NONE"),
		"aws_acm_certificate.renewal_eligibility":               ofCertificate("ELIGIBLE", "INELIGIBLE"),

		"aws_ecr_repository.repository_url": func(r *resource) any {
			return Account + ".dkr.ecr." + r.place.Region + "." + r.place.Suffix + "/" + r.text("name")
		},
		"aws_ssm_parameter.version":                always(values.Number(1)),
		"aws_ssm_parameter.data_type":              always("text"),
		"aws_ssm_parameter.tier":                   always("Standard"),
		"aws_ssm_parameter.key_id":                 (*resource).parameterKey,
		"aws_ssm_parameter.value":                  attribute("insecure_value"),
		"aws_ssm_parameter.insecure_value":         always(""),
		"aws_cloudwatch_log_group.log_group_class": always("STANDARD"),
		"aws_s3_bucket.bucket":                     func(r *resource) any { return first(r.text("bucket_prefix"), "terraform-") + r.seed("bucket", 26) },
		"aws_s3_bucket.bucket_domain_name":         func(r *resource) any { return r.text("bucket") + ".s3." + r.place.Suffix },
		"aws_s3_bucket.bucket_region":              func(r *resource) any { return r.place.Region },
		"aws_s3_bucket.bucket_regional_domain_name": func(r *resource) any {
			return r.text("bucket") + ".s3." + r.place.Region + "." + r.place.Suffix
		},
		"aws_s3_bucket.request_payer": always("BucketOwner"),
	}
}

// publicAddress follows from the id, in a range that nobody routes.
func (r *resource) publicAddress() any {
	sum := sha256.Sum256([]byte(r.text("id")))
	return fmt.Sprintf("198.18.%d.%d", sum[0], sum[1])
}

// dnsEntries are the names of an interface endpoint: of its own, and of the service if it is private DNS.
func (r *resource) dnsEntries() any {
	if r.text("vpc_endpoint_type") != "Interface" {
		return []any{}
	}
	service := lastOf(r.text("service_name"), ".")
	suffix := "." + service + "." + r.place.Region + ".vpce." + r.place.Suffix
	names := []string{r.text("id") + "-" + r.seed("dns", 8) + suffix}
	if r.object["private_dns_enabled"] == true {
		names = append(names, service+"."+r.place.Region+"."+r.place.Suffix)
	}
	entries := []any{}
	for _, name := range names {
		entries = append(entries, map[string]any{"dns_name": name, "hosted_zone_id": "Z2UKPXBC9Y5DV"})
	}
	return entries
}

func (r *resource) interfaces() any {
	subnets, _ := r.object["subnet_ids"].([]any)
	ids := []any{}
	for range subnets {
		ids = append(ids, "eni-"+random("", 17))
	}
	return ids
}

func (r *resource) gatewayPrefixList() any {
	if r.text("vpc_endpoint_type") != "Gateway" {
		return ""
	}
	return "pl-" + r.seed("prefix-list", 8)
}

func (r *resource) loadBalancerName() any {
	internal := ""
	if r.object["internal"] == true {
		internal = "internal-"
	}
	return internal + r.text("name") + "-1234567890." + r.place.Region + ".elb." + r.place.Suffix
}

func (r *resource) sslPolicy() any {
	if protocol := r.text("protocol"); protocol == "HTTPS" || protocol == "TLS" {
		return "ELBSecurityPolicy-2016-08"
	}
	return ""
}

func (r *resource) parameterKey() any {
	if r.text("type") == "SecureString" {
		return "alias/aws/ssm"
	}
	return ""
}

// zoneID is such as euc1-az1 for eu-central-1a.
func zoneID(zone string) string {
	parts := strings.Split(zone, "-")
	last := parts[len(parts)-1]
	if len(parts) < 3 || len(last) < 2 {
		return ""
	}
	letters := parts[0]
	for _, part := range parts[1 : len(parts)-1] {
		letters += part[:1]
	}
	return letters + last[:1] + "-az" + string(last[1]-'a'+'1')
}

func arnSuffix(arn string) string {
	suffix := lastOf(arn, ":")
	return strings.TrimPrefix(suffix, "loadbalancer/")
}

func lastOf(text, separator string) string { return text[strings.LastIndex(text, separator)+1:] }

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// withoutFirst leaves out the first part of a path.
func withoutFirst(path string) string {
	for i, c := range path {
		if c == '/' {
			return path[i+1:]
		}
	}
	return path
}
