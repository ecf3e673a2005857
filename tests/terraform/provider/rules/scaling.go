package rules

import (
	"fmt"
	"slices"
)

const scalingAPI = "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/"

var (
	transition  = oneOf("autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING")
	hookResult  = oneOf("CONTINUE", "ABANDON")
	hookName    = both(length(1, 255), matches(`^[A-Za-z0-9\-_/]+$`, "letters, digits and -_/"))
	hookTimeout = between(30, 7200)
	groupName   = matches(`^[^:\x00-\x1f]+$`, "a name without a colon")
)

var scalingRules = []rule{
	{"aws_autoscaling_group.name", both(length(1, 255), groupName), scalingAPI + "API_CreateAutoScalingGroup.html"},
	{"aws_autoscaling_group.name_prefix", both(length(1, 229), groupName), scalingAPI + "API_CreateAutoScalingGroup.html"},
	{"aws_autoscaling_group", atMostOne("name", "name_prefix"), docs + "resources/autoscaling_group"},
	{"aws_autoscaling_group", exactlyOne("launch_template", "launch_configuration", "mixed_instances_policy"), docs + "resources/autoscaling_group"},
	{"aws_autoscaling_group.launch_template", exactlyOne("id", "name"), docs + "resources/autoscaling_group"},
	{"aws_autoscaling_group.launch_template.version", templateVersion, scalingAPI + "API_LaunchTemplateSpecification.html"},
	{"aws_autoscaling_group.mixed_instances_policy.launch_template.launch_template_specification", exactlyOne("launch_template_id", "launch_template_name"), docs + "resources/autoscaling_group"},
	{"aws_autoscaling_group.mixed_instances_policy.launch_template.launch_template_specification.version", templateVersion, scalingAPI + "API_LaunchTemplateSpecification.html"},
	{"aws_autoscaling_group.mixed_instances_policy.instances_distribution.spot_allocation_strategy", oneOf("lowest-price", "capacity-optimized", "capacity-optimized-prioritized", "price-capacity-optimized"), scalingAPI + "API_InstancesDistribution.html"},
	{"aws_autoscaling_group.mixed_instances_policy.instances_distribution.on_demand_allocation_strategy", oneOf("lowest-price", "prioritized"), scalingAPI + "API_InstancesDistribution.html"},
	{"aws_autoscaling_group.mixed_instances_policy.instances_distribution.on_demand_percentage_above_base_capacity", between(0, 100), scalingAPI + "API_InstancesDistribution.html"},
	{"aws_autoscaling_group", ascending("min_size", "desired_capacity", "max_size"), scalingAPI + "API_CreateAutoScalingGroup.html"},
	{"aws_autoscaling_group", ascending("min_size", "max_size"), scalingAPI + "API_CreateAutoScalingGroup.html"},
	{"aws_autoscaling_group.min_size", between(0, 10000), scalingAPI + "API_CreateAutoScalingGroup.html"},
	{"aws_autoscaling_group", atLeastOne("availability_zones", "vpc_zone_identifier"), scalingAPI + "API_CreateAutoScalingGroup.html"},
	{"aws_autoscaling_group", atMostOne("availability_zones", "vpc_zone_identifier"), docs + "resources/autoscaling_group"},
	{"aws_autoscaling_group.health_check_type", healthCheckType, scalingAPI + "API_CreateAutoScalingGroup.html"},
	{"aws_autoscaling_group.termination_policies", each(matches(`^(AllocationStrategy|ClosestToNextInstanceHour|Default|NewestInstance|OldestInstance|OldestLaunchConfiguration|OldestLaunchTemplate|arn:aws.*)$`, "a termination policy of AWS, or the ARN of a function")), scalingAPI + "API_CreateAutoScalingGroup.html"},
	{"aws_autoscaling_group.suspended_processes", each(oneOf("Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck", "InstanceRefresh", "ReplaceUnhealthy", "ScheduledActions")), scalingAPI + "API_SuspendProcesses.html"},
	{"aws_autoscaling_group.enabled_metrics", each(groupMetric), scalingAPI + "API_EnableMetricsCollection.html"},
	{"aws_autoscaling_group.metrics_granularity", oneOf("1Minute"), scalingAPI + "API_EnableMetricsCollection.html"},
	{"aws_autoscaling_group", block(lifetime), scalingAPI + "API_CreateAutoScalingGroup.html"},
	{"aws_autoscaling_group.wait_for_capacity_timeout", matches(`^(0|(\d+(\.\d+)?(ms|s|m|h))+)$`, "a duration such as 10m"), docs + "resources/autoscaling_group"},
	{"aws_autoscaling_group", block(groupTags), scalingAPI + "API_Tag.html"},
	{"aws_autoscaling_group.warm_pool.pool_state", oneOf("Stopped", "Running", "Hibernated"), scalingAPI + "API_PutWarmPool.html"},
	{"aws_autoscaling_group.traffic_source.type", oneOf("elb", "elbv2", "vpc-lattice"), scalingAPI + "API_TrafficSourceIdentifier.html"},

	{"aws_autoscaling_group.instance_refresh.strategy", oneOf("Rolling"), scalingAPI + "API_StartInstanceRefresh.html"},
	{"aws_autoscaling_group.instance_refresh.triggers", each(refreshTrigger), docs + "resources/autoscaling_group"},
	{"aws_autoscaling_group.instance_refresh.preferences", both(member("min_healthy_percentage", 0, 100), member("max_healthy_percentage", 100, 200)), refreshSource},
	{"aws_autoscaling_group.instance_refresh.preferences", apart("min_healthy_percentage", "max_healthy_percentage", 100), refreshSource},
	{"aws_autoscaling_group.instance_refresh.preferences", needs("max_healthy_percentage", "min_healthy_percentage"), refreshSource},
	{"aws_autoscaling_group.instance_refresh.preferences.checkpoint_percentages", each(between(1, 100)), refreshSource},
	{"aws_autoscaling_group.instance_refresh.preferences.checkpoint_delay", between(0, 172800), refreshSource},
	{"aws_autoscaling_group.instance_refresh.preferences.instance_warmup", orEmpty(between(0, 86400)), refreshSource},
	{"aws_autoscaling_group.instance_refresh.preferences.scale_in_protected_instances", oneOf("Refresh", "Ignore", "Wait"), refreshSource},
	{"aws_autoscaling_group.instance_refresh.preferences.standby_instances", oneOf("Terminate", "Ignore", "Wait"), refreshSource},
	{"aws_autoscaling_group.instance_maintenance_policy", both(member("min_healthy_percentage", -1, 100), member("max_healthy_percentage", -1, 200)), maintenanceSource},
	{"aws_autoscaling_group.instance_maintenance_policy", block(maintenance), maintenanceSource},
	{"aws_autoscaling_group.instance_maintenance_policy", apart("min_healthy_percentage", "max_healthy_percentage", 100), maintenanceSource},

	{"aws_autoscaling_group.initial_lifecycle_hook.lifecycle_transition", transition, hookSource},
	{"aws_autoscaling_group.initial_lifecycle_hook.default_result", hookResult, hookSource},
	{"aws_autoscaling_group.initial_lifecycle_hook.heartbeat_timeout", hookTimeout, hookSource},
	{"aws_autoscaling_group.initial_lifecycle_hook.name", hookName, hookSource},
	{"aws_autoscaling_group.initial_lifecycle_hook.notification_metadata", length(0, 1023), hookSource},
	{"aws_autoscaling_group.initial_lifecycle_hook", needs("notification_target_arn", "role_arn"), hookSource},
	{"aws_autoscaling_lifecycle_hook.lifecycle_transition", transition, hookSource},
	{"aws_autoscaling_lifecycle_hook.default_result", hookResult, hookSource},
	{"aws_autoscaling_lifecycle_hook.heartbeat_timeout", hookTimeout, hookSource},
	{"aws_autoscaling_lifecycle_hook.name", hookName, hookSource},
	{"aws_autoscaling_lifecycle_hook.notification_metadata", length(0, 1023), hookSource},
	{"aws_autoscaling_lifecycle_hook", needs("notification_target_arn", "role_arn"), hookSource},

	{"aws_autoscaling_policy.policy_type", oneOf("SimpleScaling", "StepScaling", "TargetTrackingScaling", "PredictiveScaling"), policyAPI},
	{"aws_autoscaling_policy.adjustment_type", oneOf("ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity"), policyAPI},
	{"aws_autoscaling_policy", when("policy_type", "SimpleScaling", []string{"TargetTrackingScaling"}, []string{"target_tracking_configuration"}, []string{"scaling_adjustment", "step_adjustment", "cooldown"}), policyAPI},
	{"aws_autoscaling_policy", when("policy_type", "SimpleScaling", []string{"SimpleScaling"}, []string{"scaling_adjustment", "adjustment_type"}, []string{"target_tracking_configuration"}), policyAPI},
	{"aws_autoscaling_policy.target_tracking_configuration", exactlyOne("predefined_metric_specification", "customized_metric_specification"), policyAPI},
	{"aws_autoscaling_policy.target_tracking_configuration.predefined_metric_specification.predefined_metric_type", oneOf("ASGAverageCPUUtilization", "ASGAverageNetworkIn", "ASGAverageNetworkOut", "ALBRequestCountPerTarget"), scalingAPI + "API_PredefinedMetricSpecification.html"},
	{"aws_autoscaling_traffic_source_attachment.traffic_source.type", oneOf("elb", "elbv2", "vpc-lattice"), scalingAPI + "API_TrafficSourceIdentifier.html"},
	{"aws_autoscaling_traffic_source_attachment.traffic_source", block(trafficSource), scalingAPI + "API_TrafficSourceIdentifier.html"},
	{"aws_autoscaling_attachment", exactlyOne("elb", "lb_target_group_arn"), docs + "resources/autoscaling_attachment"},
}

const (
	hookSource        = scalingAPI + "API_PutLifecycleHook.html"
	refreshSource     = scalingAPI + "API_RefreshPreferences.html"
	maintenanceSource = scalingAPI + "API_InstanceMaintenancePolicy.html"
	policyAPI         = scalingAPI + "API_PutScalingPolicy.html"
)

var (
	templateVersion = matches(`^(\d+|\$Latest|\$Default)$`, "a number, $Latest or $Default")
	// https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-metrics.html
	groupMetric     = matches(`^(Group(MinSize|MaxSize|DesiredCapacity|(InService|Pending|Standby|Terminating|Total)(Instances|Capacity))|WarmPool(DesiredCapacity|WarmedCapacity|PendingCapacity|TerminatingCapacity|TotalCapacity|MinSize)|GroupAndWarmPool(DesiredCapacity|TotalCapacity))$`, "a metric such as GroupInServiceInstances")
	healthCheckType = matches(`^(EC2|EBS|ELB|VPC_LATTICE)(,(EC2|EBS|ELB|VPC_LATTICE))*$`, "EC2, EBS, ELB or VPC_LATTICE")
	// Whatever changes the template starts a refresh anyway.
	refreshTrigger = oneOf("tag", "desired_capacity", "max_size", "min_size", "health_check_type", "health_check_grace_period",
		"vpc_zone_identifier", "availability_zones", "termination_policies", "target_group_arns", "suspended_processes", "placement_group")
)

// member checks a number of a block.
func member(name string, least, most int64) func(any) string {
	return block(func(members map[string]any) string {
		if wrong := between(least, most)(members[name]); wrong != "" {
			return name + ": " + wrong
		}
		return ""
	})
}

// trafficSource: one of `elbv2` is the ARN of a target group.
func trafficSource(source map[string]any) string {
	if source["type"] == "elbv2" {
		return targetARN(source["identifier"])
	}
	return ""
}

// lifetime is none, or a day to a year.
func lifetime(group map[string]any) string {
	if seconds, is := number(group, "max_instance_lifetime"); is && seconds != 0 && (seconds < 86400 || seconds > 31536000) {
		return fmt.Sprintf("max_instance_lifetime: expected 0, or 86400 to 31536000, found %d", seconds)
	}
	return ""
}

// maintenance is switched off by -1 in both.
func maintenance(policy map[string]any) string {
	most, is := number(policy, "max_healthy_percentage")
	if is && most != -1 && most < 100 {
		return fmt.Sprintf("max_healthy_percentage: expected 100 to 200, found %d", most)
	}
	return ""
}

// groupTags are blocks here, of which two with the same key would fight.
func groupTags(group map[string]any) string {
	blocks, _ := group["tag"].([]any)
	if len(blocks) > 50 {
		return fmt.Sprintf("expected at most 50 tags, found %d", len(blocks))
	}
	var seen []string
	for _, element := range blocks {
		tag, _ := element.(map[string]any)
		key, is := tag["key"].(string)
		if wrong := tagKey(tag["key"]); wrong != "" {
			return "tag: " + wrong
		}
		if wrong := tagValue(tag["value"]); wrong != "" {
			return "tag " + key + ": " + wrong
		}
		if is && slices.Contains(seen, key) {
			return "the tag " + key + " is there twice"
		}
		seen = append(seen, key)
	}
	return ""
}
