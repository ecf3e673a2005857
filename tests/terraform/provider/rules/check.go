// Package rules refuses what the provider or AWS itself would refuse, as far as a look at one configuration shows it. The
// schema does not say it: values, lengths, patterns, and which arguments go together.
package rules

import (
	"fmt"
	"slices"
	"strings"

	"cos-agent/tests/terraform/provider/values"
	"cos-agent/tests/terraform/schema"
)

// Refusal is a wrong value: where it is, what is wrong, and who says so.
type Refusal struct {
	Attribute string
	Summary   string
	Source    string
}

// Detail says where a rule comes from.
func (r Refusal) Detail() string {
	if r.Source == "" {
		return ""
	}
	return "See " + r.Source
}

// rule is a check of an attribute, of a block, or of a type: `aws_lb.name`, `aws_autoscaling_group.launch_template`,
// `aws_route`. A check gets a value that is there and known, and answers what is wrong.
type rule struct {
	on     string
	check  func(any) string
	source string
}

// all are the rules of all types.
func all() []rule {
	return slices.Concat(networkRules, groupRules, permissionRules, templateRules, scalingRules, balancerRules, registryRules, alarmRules, otherRules)
}

// Paths are where the rules look; one that the schema does not have would never refuse anything.
func Paths() []string {
	var paths []string
	for _, rule := range all() {
		paths = append(paths, rule.on)
	}
	return paths
}

// Check holds a configuration against the rules of its type.
func Check(typ string, block *schema.Block, config map[string]any) []Refusal {
	refused := readOnly(typ, block, config)
	for _, rule := range all() {
		path, mine := strings.CutPrefix(rule.on+".", typ+".")
		if !mine {
			continue
		}
		path = strings.TrimSuffix(path, ".")
		for _, value := range find(config, path) {
			if wrong := rule.check(value); wrong != "" {
				refused = append(refused, refusal(typ, path, wrong, rule.source))
			}
		}
	}
	refused = append(refused, references(typ, "", block, config)...)
	return append(refused, CheckTags(config["tags"])...)
}

func refusal(typ, path, wrong, source string) Refusal {
	where := typ
	if path != "" {
		where += "." + path
	}
	attribute, _, _ := strings.Cut(path, ".")
	return Refusal{Attribute: attribute, Summary: where + ": " + wrong, Source: source}
}

// find are the values at a path, of each element of the blocks on the way.
func find(value any, path string) []any {
	switch value := value.(type) {
	case []any:
		if !areBlocks(value) {
			break
		}
		var found []any
		for _, element := range value {
			found = append(found, find(element, path)...)
		}
		return found
	case map[string]any:
		if path == "" {
			break
		}
		name, rest, _ := strings.Cut(path, ".")
		return find(value[name], rest)
	}
	if path != "" || !values.IsSet(value) {
		return nil
	}
	return []any{value}
}

func areBlocks(list []any) bool {
	for _, element := range list {
		if _, is := element.(map[string]any); !is {
			return false
		}
	}
	return true
}

// readOnly refuses a value for what AWS decides. Terraform leaves that to the provider.
func readOnly(typ string, block *schema.Block, config map[string]any) []Refusal {
	var refused []Refusal
	for _, name := range schema.Names(block.Attributes) {
		if block.Attributes[name].Flags == "c" && config[name] != nil {
			refused = append(refused, refusal(typ, name, "cannot set it: AWS decides the value", ""))
		}
	}
	for name, nested := range block.Blocks {
		for _, element := range find(config[name], "") {
			if inner, is := element.(map[string]any); is {
				refused = append(refused, readOnly(typ+"."+name, nested.Block, inner)...)
			}
		}
	}
	return refused
}

// CheckTags holds tags against the limits of AWS: of a resource, or of all with those of the provider.
func CheckTags(tags any) []Refusal {
	const source = "https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html"
	all, _ := tags.(map[string]any)
	var refused []Refusal
	refuse := func(format string, arguments ...any) {
		refused = append(refused, refusal("tags", "", fmt.Sprintf(format, arguments...), source))
	}
	if len(all) > 50 {
		refuse("expected at most 50 tags, found %d", len(all))
	}
	for _, key := range schema.Names(all) {
		if wrong := tagKey(key); wrong != "" {
			refuse("%s", wrong)
		}
		if wrong := tagValue(all[key]); wrong != "" {
			refuse("%s: %s", key, wrong)
		}
	}
	return refused
}
