package fill

import "sync"

// What Terraform applied or refreshed in this process, by id: some values of a resource are those of another.
var memory sync.Map

// Remember keeps a resource for those that refer to it.
func Remember(object map[string]any) {
	if id, is := object["id"].(string); is && id != "" {
		memory.Store(id, object)
	}
}

// recall is a string of a resource, or "" if nobody remembers it, as with `-refresh=false`.
func recall(id any, name string) string {
	found, has := memory.Load(id)
	if !has {
		return ""
	}
	text, _ := found.(map[string]any)[name].(string)
	return text
}

// recallVpc is the VPC of the first subnet.
func (r *resource) recallVpc() any {
	if subnet := r.text("subnet_id"); subnet != "" {
		return recall(subnet, "vpc_id")
	}
	if subnets, _ := r.object["subnets"].([]any); len(subnets) > 0 {
		return recall(subnets[0], "vpc_id")
	}
	return ""
}

// zones are those of the subnets, each once.
func (r *resource) zones() any {
	subnets, _ := r.object["vpc_zone_identifier"].([]any)
	zones := []any{}
	for _, subnet := range subnets {
		if zone := recall(subnet, "availability_zone"); zone != "" && !contains(zones, zone) {
			zones = append(zones, zone)
		}
	}
	return zones
}

// defaultGroup is the group that came with its VPC.
func (r *resource) defaultGroup() any {
	return first(recall(r.object["vpc_id"], "default_security_group_id"), "sg-"+r.seed("id", 17))
}

// templateReference completes a reference to a launch template: by id, by name, and by its version.
func templateReference(block map[string]any, name string) string {
	switch name {
	case "version":
		return "$Default"
	case "name":
		return recall(block["id"], "name")
	case "launch_template_name":
		return recall(block["launch_template_id"], "name")
	}
	return ""
}
