package rules

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
const policySource = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html"

var action = regexp.MustCompile(`^(\*|[a-z0-9-]+:[A-Za-z0-9*?]+)$`)

// A policy is one of an identity, which names no principal, or one of a resource, which has to.
type kind int

const (
	identity kind = iota
	trust
	ofResource
)

// policy accepts a document of a kind with so many characters without white space, as IAM counts.
func policy(of kind, most int) func(any) string {
	return func(value any) string {
		text, is := value.(string)
		if !is {
			return ""
		}
		var document struct {
			Version   string
			Statement json.RawMessage
		}
		if err := json.Unmarshal([]byte(text), &document); err != nil {
			return fmt.Sprintf("expected a policy in JSON, found %.40q: %v", text, err)
		}
		if !slices.Contains([]string{"", "2008-10-17", "2012-10-17"}, document.Version) {
			return fmt.Sprintf("expected the Version 2012-10-17, found %q", document.Version)
		}
		if count := len(strings.Join(strings.Fields(text), "")); count > most {
			return fmt.Sprintf("expected a policy of at most %d characters, found %d", most, count)
		}
		var statements []map[string]any
		if json.Unmarshal(document.Statement, &statements) != nil {
			var one map[string]any
			if json.Unmarshal(document.Statement, &one) != nil {
				return "expected a Statement in the policy, found none"
			}
			statements = []map[string]any{one}
		}
		return checkStatements(of, statements)
	}
}

func checkStatements(of kind, statements []map[string]any) string {
	seen := map[string]bool{}
	for index, statement := range statements {
		sid, _ := statement["Sid"].(string)
		wrong := checkStatement(of, statement)
		if sid != "" && seen[sid] {
			wrong = "the Sid is there twice"
		}
		seen[sid] = true
		if wrong != "" {
			return fmt.Sprintf("statement %d %q: %s", index+1, sid, wrong)
		}
	}
	return ""
}

func checkStatement(of kind, statement map[string]any) string {
	for name := range statement {
		if !slices.Contains([]string{"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition"}, name) {
			return fmt.Sprintf("unknown element %q", name)
		}
	}
	if effect := statement["Effect"]; effect != "Allow" && effect != "Deny" {
		return fmt.Sprintf("expected the Effect Allow or Deny, found %v", effect)
	}
	if wrong := either(statement, "Action", "NotAction"); wrong != "" {
		return wrong
	}
	for _, name := range append(texts(statement["Action"]), texts(statement["NotAction"])...) {
		if !action.MatchString(name) {
			return fmt.Sprintf("expected an action such as ec2:DescribeInstances, found %q", name)
		}
	}
	if of == identity {
		if statement["Principal"] != nil || statement["NotPrincipal"] != nil {
			return "expected no Principal in the policy of an identity"
		}
		if wrong := either(statement, "Resource", "NotResource"); wrong != "" {
			return wrong
		}
	} else if wrong := either(statement, "Principal", "NotPrincipal"); wrong != "" {
		return wrong
	}
	if of == trust && statement["Resource"] != nil {
		return "expected no Resource in a trust policy"
	}
	for _, name := range texts(statement["Resource"]) {
		if name != "*" && !strings.HasPrefix(name, "arn:") {
			return fmt.Sprintf("expected a Resource that is an ARN or *, found %q", name)
		}
	}
	return ""
}

func either(statement map[string]any, one, other string) string {
	if (statement[one] == nil) == (statement[other] == nil) {
		return fmt.Sprintf("expected %s or %s", one, other)
	}
	return ""
}

// texts are the strings of an element, which may be one.
func texts(value any) []string {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		var all []string
		for _, element := range value {
			if text, is := element.(string); is {
				all = append(all, text)
			}
		}
		return all
	}
	return nil
}
