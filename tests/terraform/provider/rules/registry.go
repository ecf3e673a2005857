package rules

import (
	"encoding/json"
	"fmt"
)

const ecrAPI = "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/"

var registryRules = []rule{
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
}

var repositoryName = both(length(2, 256), matches(`^([a-z0-9]+([._-][a-z0-9]+)*/)*[a-z0-9]+([._-][a-z0-9]+)*$`, "a name in lower case such as cos/web"))

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
	last, everything := int64(0), int64(0)
	for _, rule := range document.Rules {
		if rule.RulePriority < 1 || seen[rule.RulePriority] {
			return fmt.Sprintf("expected rules with a rulePriority of their own, found %d", rule.RulePriority)
		}
		seen[rule.RulePriority] = true
		last = max(last, rule.RulePriority)
		if rule.Selection["tagStatus"] == "any" {
			everything = rule.RulePriority
		}
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
		if wrong := selection(rule.Selection); wrong != "" {
			return wrong
		}
	}
	if everything != 0 && everything != last {
		return fmt.Sprintf("expected tagStatus any in the rule of the highest rulePriority, found %d of %d", everything, last)
	}
	return ""
}

// selection is what a rule of a lifecycle policy is for: tagged images by their tags, and an age in days.
func selection(of map[string]any) string {
	_, prefixes := of["tagPrefixList"]
	_, patterns := of["tagPatternList"]
	if tagged := of["tagStatus"] == "tagged"; tagged != (prefixes != patterns) || prefixes && patterns {
		return "expected one of tagPrefixList and tagPatternList for tagStatus tagged, and none for others"
	}
	if _, unit := of["countUnit"]; unit != (of["countType"] != "imageCountMoreThan") {
		return "expected countUnit for an age, and none for a count"
	}
	return ""
}
