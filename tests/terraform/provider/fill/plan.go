package fill

import (
	"cos-agent/tests/terraform/provider/values"
	"cos-agent/tests/terraform/schema"
)

// Change is what a plan is made from; Prior is nil for a create.
type Change struct {
	Prior, Proposed, Config map[string]any
	DefaultTags             map[string]any
}

// Plan is the value that a create or an update would have, as far as it is known before.
func Plan(place Place, typ string, block *schema.Block, change Change) map[string]any {
	planned := planBlock(typ, block, change.Proposed, change.Prior)
	if _, has := block.Attributes["tags_all"]; has {
		planned["tags_all"] = allTags(change.DefaultTags, planned["tags"])
	}
	if _, has := block.Attributes["region"]; has && values.IsUnknown(planned["region"]) {
		planned["region"] = place.Region
	}
	if change.Prior != nil && !values.Equal(planned, change.Prior) {
		for _, name := range versions(typ, planned, change.Prior) {
			planned[name] = values.Unknown
		}
	}
	return planned
}

// planBlock completes a block. What was there before keeps what AWS filled in; a new one gets defaults and unknowns.
func planBlock(path string, block *schema.Block, proposed, prior map[string]any) map[string]any {
	planned := map[string]any{}
	for name, attribute := range block.Attributes {
		value := proposed[name]
		fallback, has := defaults[path+"."+name]
		switch {
		case attribute.Has("w"):
			value = nil
		case value == nil && has:
			value = fallback
		case value == nil && attribute.Has("c") && prior == nil:
			value = values.Unknown
		}
		planned[name] = value
	}
	for name, nested := range block.Blocks {
		planned[name] = planNested(path+"."+name, nested, proposed[name], prior[name])
	}
	return planned
}

func planNested(path string, nested *schema.Nested, proposed, prior any) any {
	switch proposed := proposed.(type) {
	case map[string]any:
		before, _ := prior.(map[string]any)
		return planBlock(path, nested.Block, proposed, before)
	case []any:
		befores, _ := prior.([]any)
		result := []any{}
		for i, element := range proposed {
			object, is := element.(map[string]any)
			if !is {
				result = append(result, element)
				continue
			}
			result = append(result, planBlock(path, nested.Block, object, beforeOf(nested, befores, i, object)))
		}
		return result
	}
	return proposed
}

// beforeOf finds the element that an element was before: by its place in a list, by its value in a set.
func beforeOf(nested *schema.Nested, befores []any, index int, element map[string]any) map[string]any {
	if nested.Nesting == "list" {
		if index < len(befores) {
			before, _ := befores[index].(map[string]any)
			return before
		}
		return nil
	}
	for _, before := range befores {
		if values.Equal(before, element) {
			return element
		}
	}
	return nil
}

// allTags are the tags of the provider below those of the resource.
func allTags(fallback map[string]any, tags any) any {
	if values.IsUnknown(tags) {
		return values.Unknown
	}
	all := map[string]any{}
	for key, value := range fallback {
		all[key] = value
	}
	own, _ := tags.(map[string]any)
	for key, value := range own {
		all[key] = value
	}
	return all
}

// versions are the attributes that count changes and so change with the others.
func versions(typ string, planned, prior map[string]any) []string {
	switch typ {
	case "aws_launch_template":
		if !changes(planned, prior, "name", "name_prefix", "description", "default_version", "update_default_version") {
			return nil
		}
		if planned["update_default_version"] == true {
			return []string{"latest_version", "default_version"}
		}
		return []string{"latest_version"}
	case "aws_ssm_parameter":
		if changes(planned, prior, "tags", "tags_all", "tier", "overwrite") {
			return []string{"version"}
		}
	case "aws_ec2_managed_prefix_list":
		if changes(planned, prior, "tags", "tags_all", "name") {
			return []string{"version"}
		}
	}
	return nil
}

// changes says whether more changes than some attributes.
func changes(planned, prior map[string]any, but ...string) bool {
	ignored := map[string]bool{}
	for _, name := range but {
		ignored[name] = true
	}
	for name := range planned {
		if !ignored[name] && !values.Equal(planned[name], prior[name]) {
			return true
		}
	}
	return false
}
