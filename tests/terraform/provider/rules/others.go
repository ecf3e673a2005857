package rules

import (
	"encoding/json"
	"fmt"
)

const (
	ecrAPI   = "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/"
	watchAPI = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/"
	logsAPI  = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/"
	s3Docs   = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"
)

var otherRules = []rule{
	{"provider.region", matches(`^[a-z]{2,4}(-[a-z]+)+-\d+$`, "a region such as eu-central-1"), "https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html"},
	{"provider.default_tags", block(specifiedTags), "https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html"},

	{"aws_ecr_repository.name", repositoryName, ecrAPI + "API_CreateRepository.html"},
	{"aws_ecr_repository.image_tag_mutability", oneOf("MUTABLE", "IMMUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"), ecrAPI + "API_CreateRepository.html"},
	{"aws_ecr_repository.encryption_configuration.encryption_type", oneOf("AES256", "KMS", "KMS_DSSE"), ecrAPI + "API_EncryptionConfiguration.html"},
	{"aws_ecr_lifecycle_policy.policy", lifecyclePolicy, ecrAPI + "API_PutLifecyclePolicy.html"},
	{"aws_ecr_lifecycle_policy.repository", repositoryName, ecrAPI + "API_PutLifecyclePolicy.html"},
	{"aws_ecr_repository_policy.policy", policy(ofResource, 10240), ecrAPI + "API_SetRepositoryPolicy.html"},
	{"aws_ecr_repository_policy.repository", repositoryName, ecrAPI + "API_SetRepositoryPolicy.html"},
	{"aws_ecr_pull_through_cache_rule.ecr_repository_prefix", matches(`^(ROOT|([a-z0-9]+([._-][a-z0-9]+)*/)*[a-z0-9]+([._-][a-z0-9]+)*/?)$`, "a prefix in lower case, or ROOT"), ecrAPI + "API_CreatePullThroughCacheRule.html"},
	{"aws_ecr_pull_through_cache_rule.ecr_repository_prefix", length(2, 30), ecrAPI + "API_CreatePullThroughCacheRule.html"},
	{"aws_ecr_pull_through_cache_rule.upstream_registry_url", matches(`^[a-z0-9.-]+\.[a-z]+$`, "the host of a registry"), ecrAPI + "API_CreatePullThroughCacheRule.html"},

	{"aws_cloudwatch_metric_alarm.alarm_name", length(1, 255), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm.comparison_operator", oneOf("GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold",
		"LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold"), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm.statistic", oneOf("SampleCount", "Average", "Sum", "Minimum", "Maximum"), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm.treat_missing_data", oneOf("missing", "ignore", "breaching", "notBreaching"), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm.evaluation_periods", between(1, 1<<31), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm", block(alarmPeriod), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm", exactlyOne("metric_name", "metric_query"), docs + "resources/cloudwatch_metric_alarm"},
	{"aws_cloudwatch_metric_alarm", needs("metric_name", "namespace", "period"), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm", atMostOne("statistic", "extended_statistic", "metric_query"), docs + "resources/cloudwatch_metric_alarm"},
	{"aws_cloudwatch_metric_alarm", exactlyOne("threshold", "threshold_metric_id"), docs + "resources/cloudwatch_metric_alarm"},
	{"aws_cloudwatch_metric_alarm.alarm_actions", each(isARN), watchAPI + "API_PutMetricAlarm.html"},
	{"aws_cloudwatch_metric_alarm.ok_actions", each(isARN), watchAPI + "API_PutMetricAlarm.html"},

	{"aws_cloudwatch_log_group.name", both(length(1, 512), matches(`^[A-Za-z0-9_./#-]+$`, "letters, digits and _./#-")), logsAPI + "API_CreateLogGroup.html"},
	{"aws_cloudwatch_log_group", atMostOne("name", "name_prefix"), docs + "resources/cloudwatch_log_group"},
	{"aws_cloudwatch_log_group.retention_in_days", amongNumbers(0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653), logsAPI + "API_PutRetentionPolicy.html"},
	{"aws_cloudwatch_log_group.log_group_class", oneOf("STANDARD", "INFREQUENT_ACCESS", "DELIVERY"), logsAPI + "API_CreateLogGroup.html"},

	{"aws_sns_topic.name", matches(`^[A-Za-z0-9_-]{1,251}(\.fifo)?$|^[A-Za-z0-9_-]{1,256}$`, "at most 256 letters, digits and _-"), "https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html"},
	{"aws_sns_topic", atMostOne("name", "name_prefix"), docs + "resources/sns_topic"},
	{"aws_sns_topic.policy", policy(ofResource, 30720), "https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html"},
	{"aws_s3_bucket.bucket", both(length(3, 63), matches(`^[a-z0-9][a-z0-9.-]*[a-z0-9]$`, "lower case, digits, dots and hyphens"), not(`\.\.`, "expected no two dots together")), s3Docs},
	{"aws_s3_bucket.bucket_prefix", length(0, 37), s3Docs},
	{"aws_s3_bucket", atMostOne("bucket", "bucket_prefix"), docs + "resources/s3_bucket"},
	{"data.aws_availability_zones.state", oneOf("available", "information", "impaired", "unavailable"), ec2API + "API_DescribeAvailabilityZones.html"},
}

var repositoryName = both(length(2, 256), matches(`^([a-z0-9]+([._-]+[a-z0-9]+)*/)*[a-z0-9]+([._-]+[a-z0-9]+)*$`, "a name in lower case such as cos/web"))

// alarmPeriod is 10, 20, 30 or whole minutes.
func alarmPeriod(alarm map[string]any) string {
	seconds, is := number(alarm, "period")
	if is && seconds != 10 && seconds != 20 && seconds != 30 && (seconds <= 0 || seconds%60 != 0) {
		return fmt.Sprintf("period: expected 10, 20, 30 or a multiple of 60, found %d", seconds)
	}
	return ""
}

// https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
func lifecyclePolicy(value any) string {
	text, is := value.(string)
	if !is {
		return ""
	}
	var document struct {
		Rules []struct {
			RulePriority int64          `json:"rulePriority"`
			Selection    map[string]any `json:"selection"`
			Action       map[string]any `json:"action"`
		} `json:"rules"`
	}
	if err := json.Unmarshal([]byte(text), &document); err != nil || len(document.Rules) == 0 {
		return fmt.Sprintf("expected rules in JSON, found %.40q", text)
	}
	seen := map[int64]bool{}
	for _, rule := range document.Rules {
		if rule.RulePriority < 1 || seen[rule.RulePriority] {
			return fmt.Sprintf("expected rules with a rulePriority of their own, found %d", rule.RulePriority)
		}
		seen[rule.RulePriority] = true
		for name, wrong := range map[string]string{
			"tagStatus": oneOf("tagged", "untagged", "any")(rule.Selection["tagStatus"]),
			"countType": oneOf("imageCountMoreThan", "sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned")(rule.Selection["countType"]),
			"type":      oneOf("expire", "transition")(rule.Action["type"]),
		} {
			if wrong != "" {
				return name + ": " + wrong
			}
		}
		for _, name := range []string{"tagStatus", "countType", "countNumber"} {
			if rule.Selection[name] == nil {
				return "expected " + name + " in a selection, found none"
			}
		}
	}
	return ""
}
