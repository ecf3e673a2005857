package fill

import (
	"math/big"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"cos-agent/tests/terraform/provider/values"
	"cos-agent/tests/terraform/schema"
)

// resource is one that gets its values.
type resource struct {
	typ    string
	object map[string]any
	prior  map[string]any
	place  Place
	seed   seed
}

// text is an attribute that is a string, or "".
func (r *resource) text(name string) string {
	text, _ := r.object[name].(string)
	return text
}

// Apply makes everything known that the plan left unknown.
func Apply(place Place, typ string, block *schema.Block, prior, planned map[string]any) map[string]any {
	r := &resource{typ: typ, object: planned, prior: prior, place: place.in(planned), seed: random}
	r.fill(block)
	Remember(r.object)
	return r.object
}

// fill gives values to all that is unknown: first to the name and the id, since the others are made of them.
func (r *resource) fill(block *schema.Block) {
	names := append([]string{"region", "name_prefix", "name", "id", "arn"}, schema.Names(block.Attributes)...)
	for _, name := range names {
		attribute, has := block.Attributes[name]
		if has && values.IsUnknown(r.object[name]) {
			r.object[name] = r.value(name, attribute.Type)
		}
	}
	for name, nested := range block.Blocks {
		r.fillNested(r.typ+"."+name, nested.Block, r.object[name])
	}
	if block.Attributes["tags_all"] != nil && r.object["tags_all"] == nil {
		r.object["tags_all"] = map[string]any{}
	}
}

func (r *resource) fillNested(path string, block *schema.Block, value any) {
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			r.fillNested(path, block, element)
		}
	case map[string]any:
		for name, attribute := range block.Attributes {
			if !values.IsUnknown(value[name]) {
				continue
			}
			if known, has := nestedValues[path+"."+name]; has {
				value[name] = known
			} else if reference := templateReference(value, name); reference != "" && r.typ == "aws_autoscaling_group" {
				value[name] = reference
			} else {
				value[name] = zero(attribute.Type)
			}
		}
		for name, nested := range block.Blocks {
			r.fillNested(path+"."+name, nested.Block, value[name])
		}
	}
}

// value is the value of one attribute: by its type, by its name, or nothing.
func (r *resource) value(name string, as tftypes.Type) any {
	if before, is := r.prior[name].(*big.Float); is {
		return new(big.Float).Add(before, values.Number(1))
	}
	if make, has := makers[r.typ+"."+name]; has {
		return make(r)
	}
	if make, has := makers[name]; has {
		if value := make(r); value != nil {
			return value
		}
	}
	return zero(as)
}

// zero is what the provider stores where AWS answers nothing.
func zero(as tftypes.Type) any {
	switch as := as.(type) {
	case tftypes.List, tftypes.Set:
		return []any{}
	case tftypes.Map, tftypes.Object:
		return map[string]any{}
	default:
		switch {
		case as.Is(tftypes.String):
			return ""
		case as.Is(tftypes.Bool):
			return false
		}
		return values.Number(0)
	}
}

// nestedValues are what AWS fills in inside of blocks that are written.
var nestedValues = map[string]any{
	// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_LaunchTemplateInstanceMetadataOptionsRequest.html
	"aws_launch_template.metadata_options.http_endpoint":               "enabled",
	"aws_launch_template.metadata_options.http_protocol_ipv6":          "disabled",
	"aws_launch_template.metadata_options.http_put_response_hop_limit": values.Number(1),
	"aws_launch_template.metadata_options.http_tokens":                 "optional",
	"aws_launch_template.metadata_options.instance_metadata_tags":      "disabled",
	// https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_LifecycleHookSpecification.html
	"aws_autoscaling_group.initial_lifecycle_hook.default_result": "ABANDON",
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
	"aws_lb_listener.default_action.order":     values.Number(1),
	"aws_lb_listener_rule.action.order":        values.Number(1),
	"aws_lb_target_group.health_check.matcher": "200",
	"aws_lb_target_group.health_check.path":    "/",
	"aws_lb_target_group.health_check.timeout": values.Number(5),
}
