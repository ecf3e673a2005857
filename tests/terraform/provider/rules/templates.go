package rules

import (
	"regexp"
	"slices"
	"strings"

	"cos-agent/tests/terraform/schema"
)

const metadataTagsSource = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html"

var volumeTypes = oneOf("standard", "gp2", "gp3", "io1", "io2", "sc1", "st1")

var templateRules = []rule{
	{"aws_launch_template.name", both(length(3, 128), templateName), ec2API + "API_CreateLaunchTemplate.html"},
	{"aws_launch_template.name_prefix", both(length(1, 102), templateName), ec2API + "API_CreateLaunchTemplate.html"},
	{"aws_launch_template", atMostOne("name", "name_prefix"), docs + "resources/launch_template"},
	{"aws_launch_template", atMostOne("default_version", "update_default_version"), docs + "resources/launch_template"},
	{"aws_launch_template.description", length(0, 255), ec2API + "API_CreateLaunchTemplate.html"},
	{"aws_launch_template.user_data", encoded(16384), ec2API + "API_RequestLaunchTemplateData.html"},
	{"aws_launch_template.instance_type", matches(`^[a-z][a-z0-9-]*\.[a-z0-9-]+$`, "a type such as t3.micro"), ec2API + "API_RequestLaunchTemplateData.html"},
	{"aws_launch_template.instance_initiated_shutdown_behavior", oneOf("stop", "terminate"), ec2API + "API_RequestLaunchTemplateData.html"},
	{"aws_launch_template.ebs_optimized", oneOf("", "true", "false"), docs + "resources/launch_template"},
	{"aws_launch_template", block(templateNetwork), ec2API + "API_RequestLaunchTemplateData.html"},
	{"aws_launch_template.iam_instance_profile", exactlyOne("arn", "name"), ec2API + "API_LaunchTemplateIamInstanceProfileSpecificationRequest.html"},
	{"aws_launch_template.credit_specification.cpu_credits", oneOf("standard", "unlimited"), ec2API + "API_CreditSpecificationRequest.html"},
	{"aws_launch_template.placement.tenancy", oneOf("default", "dedicated", "host"), ec2API + "API_LaunchTemplatePlacementRequest.html"},
	{"aws_launch_template.maintenance_options.auto_recovery", oneOf("default", "disabled"), ec2API + "API_LaunchTemplateInstanceMaintenanceOptionsRequest.html"},
	{"aws_launch_template.instance_market_options.market_type", oneOf("spot", "capacity-block"), ec2API + "API_LaunchTemplateInstanceMarketOptionsRequest.html"},
	{"aws_launch_template.private_dns_name_options.hostname_type", oneOf("ip-name", "resource-name"), ec2API + "API_LaunchTemplatePrivateDnsNameOptionsRequest.html"},
	{"aws_launch_template.tag_specifications.resource_type", oneOf("instance", "volume", "network-interface", "spot-instances-request"), ec2API + "API_LaunchTemplateTagSpecificationRequest.html"},

	{"aws_launch_template.metadata_options.http_endpoint", oneOf("", "enabled", "disabled"), metadataSource},
	{"aws_launch_template.metadata_options.http_tokens", oneOf("", "optional", "required"), metadataSource},
	{"aws_launch_template.metadata_options.http_protocol_ipv6", oneOf("", "enabled", "disabled"), metadataSource},
	{"aws_launch_template.metadata_options.instance_metadata_tags", oneOf("", "enabled", "disabled"), metadataSource},
	{"aws_launch_template.metadata_options.http_put_response_hop_limit", between(1, 64), metadataSource},
	{"aws_launch_template", block(metadataTags), metadataTagsSource},
	{"aws_launch_template.tag_specifications", block(specifiedTags), ec2API + "API_Tag.html"},

	{"aws_launch_template.block_device_mappings.ebs.volume_type", volumeTypes, ec2API + "API_LaunchTemplateEbsBlockDeviceRequest.html"},
	{"aws_launch_template.block_device_mappings.ebs.encrypted", oneOf("", "true", "false"), docs + "resources/launch_template"},
	{"aws_launch_template.block_device_mappings.ebs.delete_on_termination", oneOf("", "true", "false"), docs + "resources/launch_template"},
	{"aws_launch_template.block_device_mappings.ebs", block(volume("volume_type", "volume_size")), ec2API + "API_LaunchTemplateEbsBlockDeviceRequest.html"},
	{"aws_launch_template.block_device_mappings.device_name", matches(`^(/dev/)?(sd[a-z]|xvd[a-z])[a-z0-9]*$`, "a device such as /dev/xvda"), ec2API + "API_LaunchTemplateBlockDeviceMappingRequest.html"},

	{"aws_ebs_volume.type", volumeTypes, ec2API + "API_CreateVolume.html"},
	{"aws_ebs_volume.availability_zone", zone, ec2API + "API_CreateVolume.html"},
	{"aws_ebs_volume", atLeastOne("size", "snapshot_id"), docs + "resources/ebs_volume"},
	{"aws_ebs_volume", block(volume("type", "size")), ec2API + "API_CreateVolume.html"},
}

const metadataSource = ec2API + "API_LaunchTemplateInstanceMetadataOptionsRequest.html"

var templateName = matches(`^[a-zA-Z0-9().\-/_]+$`, "letters, digits and ().-/_")

// templateNetwork refuses security groups at both places.
func templateNetwork(template map[string]any) string {
	if has(template, "network_interfaces") && has(template, "vpc_security_group_ids") {
		return "expected the security groups in network_interfaces, found vpc_security_group_ids too"
	}
	return ""
}

// Keys that the metadata service could not serve as a path.
var metadataTag = regexp.MustCompile(`^[a-zA-Z0-9+\-=.,_:@]{1,255}$`)

// metadataTags refuses tags that keep an instance from starting when tags are in its metadata.
func metadataTags(template map[string]any) string {
	options := find(template["metadata_options"], "instance_metadata_tags")
	if !slices.Contains(options, any("enabled")) {
		return ""
	}
	specifications, _ := template["tag_specifications"].([]any)
	for _, element := range specifications {
		specification, _ := element.(map[string]any)
		tags, _ := specification["tags"].(map[string]any)
		if specification["resource_type"] != "instance" {
			continue
		}
		for _, key := range schema.Names(tags) {
			if !metadataTag.MatchString(key) || slices.Contains([]string{".", "..", "_index"}, key) {
				return "expected tag keys of letters, digits and +-=.,_:@, because instance_metadata_tags is \"enabled\"; found \"" + key + "\""
			}
		}
	}
	return ""
}

func specifiedTags(specification map[string]any) string {
	for _, refused := range CheckTags(specification["tags"]) {
		return strings.TrimPrefix(refused.Summary, "tags: ")
	}
	return ""
}

// volume checks the size and the speed of a volume against its type:
// https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volume-types.html
func volume(typ, size string) func(map[string]any) string {
	sizes := map[string][2]int64{"standard": {1, 1024}, "gp2": {1, 16384}, "gp3": {1, 65536}, "io1": {4, 16384}, "io2": {4, 65536}, "st1": {125, 16384}, "sc1": {125, 16384}}
	speeds := map[string][2]int64{"gp3": {3000, 80000}, "io1": {100, 64000}, "io2": {100, 256000}}
	return func(members map[string]any) string {
		// Of no type is one of the image's, or of gp2.
		kind, known := members[typ].(string)
		if limits, has := sizes[kind]; has {
			if wrong := between(limits[0], limits[1])(members[size]); wrong != "" {
				return size + ": " + wrong
			}
		} else if wrong := between(1, 65536)(members[size]); wrong != "" {
			return size + ": " + wrong
		}
		if limits, has := speeds[kind]; has {
			if wrong := between(limits[0], limits[1])(members["iops"]); wrong != "" {
				return "iops: " + wrong
			}
		} else if known && isNonZero(members, "iops") {
			return "expected no iops, because the type is " + kind
		}
		if known && kind != "gp3" && isNonZero(members, "throughput") {
			return "expected no throughput, because the type is " + kind
		}
		if wrong := between(125, 2000)(members["throughput"]); wrong != "" {
			return "throughput: " + wrong
		}
		if (kind == "io1" || kind == "io2") && lacks(members, "iops") {
			return "expected iops, because the type is " + kind
		}
		return ""
	}
}

// isNonZero is for a number; 0 is what a module writes for none.
func isNonZero(members map[string]any, name string) bool {
	value, is := number(members, name)
	return is && value != 0
}
