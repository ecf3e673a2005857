package rules

const (
	iamAPI = "https://docs.aws.amazon.com/IAM/latest/APIReference/"
	kmsAPI = "https://docs.aws.amazon.com/kms/latest/APIReference/"
	ssmAPI = "https://docs.aws.amazon.com/systems-manager/latest/APIReference/"
)

var (
	iamName = matches(`^[\w+=,.@-]*$`, "letters, digits and _+=,.@-")
	iamPath = matches(`^/([\x21-\x7e]*/)?$`, "a path such as / or /cos/")
)

// A prefix gets 26 characters behind it, so it is that much shorter than a name.
var permissionRules = []rule{
	{"aws_iam_role.name", both(length(1, 64), iamName), iamAPI + "API_CreateRole.html"},
	{"aws_iam_role.name_prefix", both(length(1, 38), iamName), iamAPI + "API_CreateRole.html"},
	{"aws_iam_role", atMostOne("name", "name_prefix"), docs + "resources/iam_role"},
	{"aws_iam_role.path", both(length(1, 512), iamPath), iamAPI + "API_CreateRole.html"},
	{"aws_iam_role.description", length(0, 1000), iamAPI + "API_CreateRole.html"},
	{"aws_iam_role.max_session_duration", between(3600, 43200), iamAPI + "API_CreateRole.html"},
	{"aws_iam_role.assume_role_policy", policy(trust, 4096), policySource},
	{"aws_iam_role.inline_policy.policy", policy(identity, 10240), policySource},
	{"aws_iam_role.managed_policy_arns", each(isARN), iamAPI + "API_AttachRolePolicy.html"},
	{"aws_iam_role.permissions_boundary", orEmpty(isARN), iamAPI + "API_CreateRole.html"},

	{"aws_iam_role_policy.name", both(length(1, 128), iamName), iamAPI + "API_PutRolePolicy.html"},
	{"aws_iam_role_policy.name_prefix", both(length(1, 102), iamName), iamAPI + "API_PutRolePolicy.html"},
	{"aws_iam_role_policy", atMostOne("name", "name_prefix"), docs + "resources/iam_role_policy"},
	{"aws_iam_role_policy.role", both(length(1, 64), iamName), iamAPI + "API_PutRolePolicy.html"},
	{"aws_iam_role_policy.policy", policy(identity, 10240), policySource},
	{"aws_iam_policy.name", both(length(1, 128), iamName), iamAPI + "API_CreatePolicy.html"},
	{"aws_iam_policy.name_prefix", both(length(1, 102), iamName), iamAPI + "API_CreatePolicy.html"},
	{"aws_iam_policy", atMostOne("name", "name_prefix"), docs + "resources/iam_policy"},
	{"aws_iam_policy.path", both(length(1, 512), iamPath), iamAPI + "API_CreatePolicy.html"},
	{"aws_iam_policy.policy", policy(identity, 6144), policySource},
	{"aws_iam_role_policy_attachment.role", both(length(1, 64), iamName), iamAPI + "API_AttachRolePolicy.html"},
	{"aws_iam_instance_profile.name", both(length(1, 128), iamName), iamAPI + "API_CreateInstanceProfile.html"},
	{"aws_iam_instance_profile.name_prefix", both(length(1, 102), iamName), iamAPI + "API_CreateInstanceProfile.html"},
	{"aws_iam_instance_profile", atMostOne("name", "name_prefix"), docs + "resources/iam_instance_profile"},
	{"aws_iam_instance_profile.role", both(length(1, 64), iamName), iamAPI + "API_AddRoleToInstanceProfile.html"},
	{"data.aws_iam_policy_document.statement.effect", oneOf("Allow", "Deny"), policySource},
	{"data.aws_iam_policy_document.version", oneOf("2008-10-17", "2012-10-17"), policySource},

	{"aws_kms_key.deletion_window_in_days", between(7, 30), kmsAPI + "API_ScheduleKeyDeletion.html"},
	{"aws_kms_key.key_usage", oneOf("ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"), kmsAPI + "API_CreateKey.html"},
	{"aws_kms_key.rotation_period_in_days", between(90, 2560), kmsAPI + "API_EnableKeyRotation.html"},
	{"aws_kms_key.policy", policy(ofResource, 32768), kmsAPI + "API_CreateKey.html"},
	{"aws_kms_alias.name", both(matches(`^alias/[a-zA-Z0-9/_-]+$`, "a name such as alias/cos"), not("^alias/aws/", "expected a name outside of alias/aws/"), length(7, 256)), kmsAPI + "API_CreateAlias.html"},
	{"aws_kms_alias", atMostOne("name", "name_prefix"), docs + "resources/kms_alias"},

	{"aws_ssm_parameter.name", parameterName, ssmAPI + "API_PutParameter.html"},
	{"data.aws_ssm_parameter.name", matches(`^(/?[a-zA-Z0-9_.-]+)(/[a-zA-Z0-9_.-]+)*(:[\w.-]+)?$`, "a name such as /cos/image"), ssmAPI + "API_GetParameter.html"},
	{"aws_ssm_parameter.type", oneOf("String", "StringList", "SecureString"), ssmAPI + "API_PutParameter.html"},
	{"aws_ssm_parameter.tier", oneOf("Standard", "Advanced", "Intelligent-Tiering"), ssmAPI + "API_PutParameter.html"},
	{"aws_ssm_parameter.data_type", oneOf("text", "aws:ec2:image", "aws:ssm:integration"), ssmAPI + "API_PutParameter.html"},
	{"aws_ssm_parameter.description", length(0, 1024), ssmAPI + "API_PutParameter.html"},
	{"aws_ssm_parameter.value", length(1, 8192), ssmAPI + "API_PutParameter.html"},
	{"aws_ssm_parameter.insecure_value", length(1, 8192), ssmAPI + "API_PutParameter.html"},
	{"aws_ssm_parameter", exactlyOne("value", "insecure_value", "value_wo"), docs + "resources/ssm_parameter"},
	{"aws_ssm_parameter", when("type", "", []string{"SecureString"}, nil, []string{"insecure_value"}), docs + "resources/ssm_parameter"},
	{"aws_ssm_parameter", needs("value_wo", "value_wo_version"), docs + "resources/ssm_parameter"},
}

var parameterName = both(
	length(1, 1011),
	matches(`^[a-zA-Z0-9_.-]+$|^(/[a-zA-Z0-9_.-]+)+$`, "a name such as /cos/image: parts of letters, digits and _.-, all of them behind a /"),
	matches(`^/?([^/]+/){0,14}[^/]+$`, "at most 15 levels"),
	not(`^/?(?i)(aws|ssm)`, "expected a name that does not begin with aws or ssm"),
)
