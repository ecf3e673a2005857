package fill

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"

	"cos-agent/tests/terraform/provider/values"
)

// document has the order of members that the real data source writes.
type document struct {
	Version    string `json:",omitempty"`
	ID         string `json:"Id,omitempty"`
	Statements []any  `json:"Statement,omitempty"`
}

type statement struct {
	Sid           string `json:",omitempty"`
	Effect        string `json:",omitempty"`
	Actions       any    `json:"Action,omitempty"`
	NotActions    any    `json:"NotAction,omitempty"`
	Resources     any    `json:"Resource,omitempty"`
	NotResources  any    `json:"NotResource,omitempty"`
	Principals    any    `json:"Principal,omitempty"`
	NotPrincipals any    `json:"NotPrincipal,omitempty"`
	Conditions    any    `json:"Condition,omitempty"`
}

// policyDocument renders the JSON of a policy. A statement with a Sid replaces an earlier one with the same.
func policyDocument(r *resource) (found, error) {
	merged := document{Version: first(r.text("version"), "2012-10-17"), ID: r.text("policy_id")}
	var all []any
	var err error
	if all, err = merge(all, r.object["source_policy_documents"]); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	own, _ := r.object["statement"].([]any)
	for _, element := range own {
		block, _ := element.(map[string]any)
		rendered := render(block)
		if rendered.Sid != "" && seen[rendered.Sid] {
			return nil, fmt.Errorf("duplicate Sid (%s): give each statement its own, or none", rendered.Sid)
		}
		seen[rendered.Sid] = true
		all = put(all, rendered.Sid, rendered)
	}
	if all, err = merge(all, r.object["override_policy_documents"]); err != nil {
		return nil, err
	}
	merged.Statements = all
	pretty, err := marshal(merged, "  ")
	if err != nil {
		return nil, err
	}
	minified, err := marshal(merged, "")
	return found{"json": pretty, "minified_json": minified, "version": merged.Version, "id": hashOf(found{"json": pretty})("id", 10)}, err
}

// marshal leaves & and < as they are.
func marshal(value any, indent string) (string, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	err := encoder.Encode(value)
	return string(bytes.TrimSpace(text.Bytes())), err
}

func merge(all []any, documents any) ([]any, error) {
	texts, _ := documents.([]any)
	for _, element := range texts {
		text, _ := element.(string)
		if text == "" {
			continue
		}
		var other struct{ Statement json.RawMessage }
		if err := json.Unmarshal([]byte(text), &other); err != nil {
			return nil, fmt.Errorf("expected a policy in JSON: %w", err)
		}
		var list []map[string]any
		if json.Unmarshal(other.Statement, &list) != nil {
			list = make([]map[string]any, 1)
			if err := json.Unmarshal(other.Statement, &list[0]); err != nil {
				return nil, fmt.Errorf("expected a policy with statements: %w", err)
			}
		}
		for _, one := range list {
			sid, _ := one["Sid"].(string)
			all = put(all, sid, one)
		}
	}
	return all, nil
}

func put(all []any, sid string, one any) []any {
	for i, other := range all {
		if sid != "" && sidOf(other) == sid {
			all[i] = one
			return all
		}
	}
	return append(all, one)
}

func sidOf(one any) string {
	if rendered, is := one.(statement); is {
		return rendered.Sid
	}
	sid, _ := one.(map[string]any)["Sid"].(string)
	return sid
}

func render(block map[string]any) statement {
	text := func(name string) string { text, _ := block[name].(string); return text }
	return statement{
		Sid: text("sid"), Effect: first(text("effect"), "Allow"),
		Actions: oneOrAll(block["actions"]), NotActions: oneOrAll(block["not_actions"]),
		Resources: oneOrAll(block["resources"]), NotResources: oneOrAll(block["not_resources"]),
		Principals: principals(block["principals"]), NotPrincipals: principals(block["not_principals"]),
		Conditions: conditions(block["condition"]),
	}
}

// oneOrAll is a single string as itself, and more in the order in which the real data source writes them: backwards.
func oneOrAll(set any) any {
	members, _ := set.([]any)
	texts := []string{}
	for _, member := range members {
		if text, is := member.(string); is {
			texts = append(texts, text)
		}
	}
	sort.Sort(sort.Reverse(sort.StringSlice(texts)))
	switch len(texts) {
	case 0:
		return nil
	case 1:
		return texts[0]
	}
	return texts
}

func principals(set any) any {
	blocks, _ := set.([]any)
	if len(blocks) == 0 {
		return nil
	}
	result := map[string]any{}
	for _, element := range blocks {
		block, _ := element.(map[string]any)
		kind, _ := block["type"].(string)
		identifiers := oneOrAll(block["identifiers"])
		if kind == "*" {
			return "*"
		}
		result[kind] = identifiers
	}
	return result
}

func conditions(set any) any {
	blocks, _ := set.([]any)
	if len(blocks) == 0 {
		return nil
	}
	result := map[string]map[string]any{}
	for _, element := range blocks {
		block, _ := element.(map[string]any)
		test, _ := block["test"].(string)
		variable, _ := block["variable"].(string)
		if result[test] == nil {
			result[test] = map[string]any{}
		}
		list, _ := block["values"].([]any)
		if len(list) == 1 && values.IsSet(list[0]) {
			result[test][variable] = list[0]
			continue
		}
		result[test][variable] = list
	}
	return result
}
