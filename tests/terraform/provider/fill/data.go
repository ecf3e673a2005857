package fill

import (
	"fmt"
	"strings"

	"cos-agent/tests/terraform/provider/values"
	"cos-agent/tests/terraform/schema"
)

// Read is what a data source finds: what was asked for, and beside it values that are made up but always the same.
func Read(place Place, typ string, block *schema.Block, config map[string]any) (map[string]any, error) {
	r := &resource{typ: typ, object: map[string]any{}, place: place.in(config), seed: hashOf(config)}
	for name, value := range config {
		r.object[name] = value
	}
	if find, has := finders[typ]; has {
		found, err := find(r)
		if err != nil {
			return nil, err
		}
		for name, value := range found {
			// A finder also names what only some versions of the schema have.
			if _, has := block.Attributes[name]; has && r.object[name] == nil {
				r.object[name] = value
			}
		}
	}
	for name, attribute := range block.Attributes {
		if attribute.Has("c") && r.object[name] == nil {
			r.object[name] = values.Unknown
		}
	}
	r.fill(block)
	return r.object, nil
}

type found = map[string]any

var finders = map[string]func(*resource) (found, error){
	"aws_iam_policy_document":     policyDocument,
	"aws_ami":                     findImage,
	"aws_availability_zones":      findZones,
	"aws_caller_identity":         findCaller,
	"aws_partition":               findPartition,
	"aws_region":                  findRegion,
	"aws_vpc":                     findVpc,
	"aws_subnet":                  findSubnet,
	"aws_subnets":                 three("subnet-"),
	"aws_route_tables":            three("rtb-"),
	"aws_ec2_managed_prefix_list": findManagedList,
	"aws_prefix_list":             findList,
	"aws_ssm_parameter":           findParameter,
	"aws_vpc_endpoint_service":    findEndpointService,
	"aws_security_group":          findGroup,
	"aws_ec2_instance_type":       findInstanceType,
}

func findImage(r *resource) (found, error) {
	id := first(filtered(r.object, "image-id"), "ami-"+r.seed("id", 17))
	return found{
		"id": id, "image_id": id, "owner_id": Account, "state": "available", "public": false,
		"architecture":     first(filtered(r.object, "architecture"), "x86_64"),
		"name":             strings.ReplaceAll(first(filtered(r.object, "name"), "image"), "*", "1"),
		"root_device_name": "/dev/xvda", "root_device_type": "ebs", "virtualization_type": "hvm", "hypervisor": "xen",
		"image_type": "machine", "ena_support": true, "imds_support": "v2.0", "creation_date": "2026-01-01T00:00:00.000Z",
		"arn":              fmt.Sprintf("arn:%s:ec2:%s::image/%s", r.place.Partition, r.place.Region, id),
		"root_snapshot_id": "snap-" + r.seed("snapshot", 17), "tags": map[string]any{},
	}, nil
}

// filtered is the value of a filter that has only one.
func filtered(object map[string]any, name string) string {
	filters, _ := object["filter"].([]any)
	for _, element := range filters {
		filter, _ := element.(map[string]any)
		values, _ := filter["values"].([]any)
		if filter["name"] == name && len(values) == 1 {
			text, _ := values[0].(string)
			return text
		}
	}
	return ""
}

func findZones(r *resource) (found, error) {
	names, ids := []any{}, []any{}
	excluded, _ := r.object["exclude_names"].([]any)
	for _, letter := range "abc" {
		name := r.place.Region + string(letter)
		if !contains(excluded, name) {
			names, ids = append(names, name), append(ids, zoneID(name))
		}
	}
	return found{"id": r.place.Region, "names": names, "zone_ids": ids, "group_names": []any{r.place.Region}}, nil
}

func contains(all []any, one string) bool {
	for _, element := range all {
		if element == one {
			return true
		}
	}
	return false
}

func findCaller(r *resource) (found, error) {
	return found{"id": Account, "account_id": Account, "user_id": "AIDA" + strings.Repeat("A", 17),
		"arn": r.place.global("iam", "user/test")}, nil
}

func findPartition(r *resource) (found, error) {
	reverse := strings.Split(r.place.Suffix, ".")
	for i, j := 0, len(reverse)-1; i < j; i, j = i+1, j-1 {
		reverse[i], reverse[j] = reverse[j], reverse[i]
	}
	return found{"id": r.place.Partition, "partition": r.place.Partition, "dns_suffix": r.place.Suffix,
		"reverse_dns_prefix": strings.Join(reverse, ".")}, nil
}

func findRegion(r *resource) (found, error) {
	region := first(r.text("region"), r.text("name"), r.place.Region)
	return found{"id": region, "name": region, "region": region, "description": region,
		"endpoint": "ec2." + region + "." + r.place.Suffix}, nil
}

func findVpc(r *resource) (found, error) {
	id := first(r.text("id"), "vpc-"+r.seed("id", 17))
	network := first(r.text("cidr_block"), "10.0.0.0/16")
	association := map[string]any{"association_id": "vpc-cidr-assoc-" + r.seed("association", 17), "cidr_block": network, "state": "associated"}
	return found{
		"id": id, "cidr_block": network, "enable_dns_support": true, "enable_dns_hostnames": true, "state": "available",
		"arn": r.place.arn("ec2", "vpc/"+id), "instance_tenancy": "default", "main_route_table_id": "rtb-" + r.seed("main", 17),
		"dhcp_options_id": "dopt-" + r.seed("dhcp", 17), "cidr_block_associations": []any{association},
	}, nil
}

func findSubnet(r *resource) (found, error) {
	id := first(r.text("id"), "subnet-"+r.seed("id", 17))
	zone := first(r.text("availability_zone"), r.place.Region+"a")
	return found{
		"id": id, "vpc_id": "vpc-" + r.seed("vpc", 17), "cidr_block": "10.0.1.0/24", "availability_zone": zone,
		"availability_zone_id": zoneID(zone), "arn": r.place.arn("ec2", "subnet/"+id), "state": "available",
		"available_ip_address_count": values.Number(251), "map_public_ip_on_launch": false,
	}, nil
}

func three(prefix string) func(*resource) (found, error) {
	return func(r *resource) (found, error) {
		ids := []any{}
		for _, label := range []string{"1", "2", "3"} {
			ids = append(ids, prefix+r.seed(label, 17))
		}
		return found{"id": r.place.Region, "ids": ids}, nil
	}
}

func findManagedList(r *resource) (found, error) {
	id := first(r.text("id"), "pl-"+r.seed("id", 17))
	entry := map[string]any{"cidr": "192.0.2.0/24", "description": ""}
	return found{"id": id, "name": first(filtered(r.object, "prefix-list-name"), "list"), "address_family": "IPv4",
		"entries": []any{entry}, "max_entries": values.Number(10), "version": values.Number(1),
		"arn": r.place.arn("ec2", "prefix-list/"+id)}, nil
}

func findList(r *resource) (found, error) {
	id := first(r.text("prefix_list_id"), "pl-"+r.seed("id", 8))
	name := first(r.text("name"), filtered(r.object, "prefix-list-name"), "com.amazonaws."+r.place.Region+".s3")
	return found{"id": id, "name": name, "cidr_blocks": []any{"192.0.2.0/24"}}, nil
}

func findParameter(r *resource) (found, error) {
	name := r.text("name")
	value := "the value of " + name
	if strings.Contains(name, "ami") || strings.Contains(name, "image") {
		value = "ami-" + r.seed("image", 17)
	}
	return found{"id": name, "value": value, "insecure_value": value, "type": "String", "version": values.Number(1),
		"arn": r.place.arn("ssm", "parameter/"+strings.TrimPrefix(name, "/"))}, nil
}

func findEndpointService(r *resource) (found, error) {
	service := r.text("service")
	name := first(r.text("service_name"), "com.amazonaws."+r.place.Region+"."+service)
	zones := []any{r.place.Region + "a", r.place.Region + "b", r.place.Region + "c"}
	return found{"id": r.seed("id", 10), "service_name": name, "service_type": "Interface", "availability_zones": zones,
		"owner": "amazon", "acceptance_required": false, "vpc_endpoint_policy_supported": true,
		"private_dns_name": lastOf(name, ".") + "." + r.place.Region + "." + r.place.Suffix}, nil
}

func findGroup(r *resource) (found, error) {
	id := first(r.text("id"), "sg-"+r.seed("id", 17))
	return found{"id": id, "name": first(r.text("name"), "group"), "vpc_id": "vpc-" + r.seed("vpc", 17),
		"description": "a group", "arn": r.place.arn("ec2", "security-group/"+id)}, nil
}

func findInstanceType(r *resource) (found, error) {
	typ := r.text("instance_type")
	architecture := "x86_64"
	family, _, _ := strings.Cut(typ, ".")
	// Families of Graviton have a g behind their generation, as c7gn and t4g; the first is a1.
	if digits := strings.TrimLeft(family, "abcdefghijklmnopqrstuvwxyz"); strings.Contains(digits, "g") || family == "a1" {
		architecture = "arm64"
	}
	return found{"id": typ, "supported_architectures": []any{architecture}, "default_vcpus": values.Number(2),
		"memory_size": values.Number(4096), "hypervisor": "nitro", "current_generation": true, "ebs_encryption_support": "supported",
		"default_cores": values.Number(1), "default_threads_per_core": values.Number(2), "ena_support": "required"}, nil
}
