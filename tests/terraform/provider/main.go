// A provider that takes the place of hashicorp/aws in tests: it has its schema, refuses what AWS would refuse as far as
// rules/ knows, and applies nothing. The README of the directory above says what it cannot see.
package main

import (
	"log"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"

	"cos-agent/tests/terraform/provider/fill"
	"cos-agent/tests/terraform/provider/rules"
	"cos-agent/tests/terraform/schema"
)

func main() {
	all, err := schema.Load()
	if err != nil {
		log.Fatalf("cannot read schema.json: %v", err)
	}
	for _, path := range append(rules.Paths(), fill.Paths()...) {
		if !all.Has(path) {
			log.Fatalf("schema.json does not have %s", path)
		}
	}
	one := &server{schema: all}
	name := "registry.terraform.io/hashicorp/aws"
	if err := tf5server.Serve(name, func() tfprotov5.ProviderServer { return one }); err != nil {
		log.Fatal(err)
	}
}
