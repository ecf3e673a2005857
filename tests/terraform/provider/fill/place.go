// Package fill has the values that AWS would fill in: defaults and unknowns of a plan, ids and names of an apply, and what
// data sources find.
package fill

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"cos-agent/tests/terraform/schema"
)

// Account is the account that all of it belongs to; AWS uses it in its documentation.
const Account = "123456789012"

// Place is where a resource would be.
type Place struct{ Region, Partition, Suffix string }

// PlaceOf finds out the partition of a region.
func PlaceOf(region string) Place {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return Place{region, "aws-cn", "amazonaws.com.cn"}
	case strings.HasPrefix(region, "us-gov-"):
		return Place{region, "aws-us-gov", "amazonaws.com"}
	}
	return Place{region, "aws", "amazonaws.com"}
}

// in is the place of a resource that may name its own region.
func (p Place) in(object map[string]any) Place {
	if region, is := object["region"].(string); is && region != "" {
		return PlaceOf(region)
	}
	return p
}

func (p Place) arn(service, resource string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", p.Partition, service, p.Region, Account, resource)
}

// global is the ARN of what is in no region, as in IAM.
func (p Place) global(service, resource string) string {
	return fmt.Sprintf("arn:%s:%s::%s:%s", p.Partition, service, Account, resource)
}

// Paths are the attributes that get a value, but for those that are known by their name alone.
func Paths() []string {
	paths := append(schema.Names(defaults), schema.Names(nestedValues)...)
	for _, path := range schema.Names(makers) {
		if strings.Contains(path, ".") {
			paths = append(paths, path)
		}
	}
	return paths
}

// seed makes hexadecimal digits: random ones for a resource, since two may be configured alike, and for a data source ones
// that depend on its configuration, so that the next plan finds the same.
type seed func(label string, digits int) string

func random(_ string, digits int) string {
	bytes := make([]byte, (digits+1)/2)
	// It never fails, says its documentation.
	_, _ = rand.Read(bytes)
	return hex.EncodeToString(bytes)[:digits]
}

func hashOf(config map[string]any) seed {
	text, _ := json.Marshal(config)
	return func(label string, digits int) string {
		sum := sha256.Sum256(append([]byte(label+"\x00"), text...))
		return hex.EncodeToString(sum[:])[:digits]
	}
}

// uuid has the form of the ids of KMS and ACM.
func (s seed) uuid(label string) string {
	d := s(label, 32)
	return strings.Join([]string{d[:8], d[8:12], d[12:16], d[16:20], d[20:]}, "-")
}
