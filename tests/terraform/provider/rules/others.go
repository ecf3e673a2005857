package rules

const (
	logsAPI = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/"
	s3Docs  = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"
)

var otherRules = []rule{
	{"provider.region", matches(`^[a-z]{2,4}(-[a-z]+)+-\d+$`, "a region such as eu-central-1"), "https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html"},
	{"provider.default_tags", block(specifiedTags), "https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html"},

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
