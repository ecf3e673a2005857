package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"cos-agent/tests/terraform/provider/fill"
	"cos-agent/tests/terraform/provider/rules"
	"cos-agent/tests/terraform/provider/values"
	"cos-agent/tests/terraform/schema"
)

// server answers Terraform. The interface is embedded for what Terraform never asks of this provider: functions,
// ephemeral resources, moves, identities.
type server struct {
	tfprotov5.ProviderServer
	schema      *schema.Schema
	place       fill.Place
	defaultTags map[string]any
}

type diagnostics = []*tfprotov5.Diagnostic

func failed(err error) diagnostics {
	return diagnostics{{Severity: tfprotov5.DiagnosticSeverityError, Summary: err.Error()}}
}

func (s *server) GetMetadata(context.Context, *tfprotov5.GetMetadataRequest) (*tfprotov5.GetMetadataResponse, error) {
	response := &tfprotov5.GetMetadataResponse{ServerCapabilities: &tfprotov5.ServerCapabilities{}}
	for _, name := range schema.Names(s.schema.Resources) {
		response.Resources = append(response.Resources, tfprotov5.ResourceMetadata{TypeName: name})
	}
	for _, name := range schema.Names(s.schema.DataSources) {
		response.DataSources = append(response.DataSources, tfprotov5.DataSourceMetadata{TypeName: name})
	}
	return response, nil
}

func (s *server) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	response := &tfprotov5.GetProviderSchemaResponse{
		ServerCapabilities: &tfprotov5.ServerCapabilities{},
		Provider:           s.schema.Provider.Proto(),
		ResourceSchemas:    map[string]*tfprotov5.Schema{},
		DataSourceSchemas:  map[string]*tfprotov5.Schema{},
	}
	for name, block := range s.schema.Resources {
		response.ResourceSchemas[name] = block.Proto()
	}
	for name, block := range s.schema.DataSources {
		response.DataSourceSchemas[name] = block.Proto()
	}
	return response, nil
}

func (s *server) GetResourceIdentitySchemas(context.Context, *tfprotov5.GetResourceIdentitySchemasRequest) (*tfprotov5.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov5.GetResourceIdentitySchemasResponse{}, nil
}

func (s *server) PrepareProviderConfig(_ context.Context, request *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	response := &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: request.Config}
	config, err := decode(request.Config, s.schema.Provider)
	if err != nil {
		response.Diagnostics = failed(err)
		return response, nil
	}
	response.Diagnostics = refusals(rules.Check("provider", s.schema.Provider, config))
	return response, nil
}

func (s *server) ConfigureProvider(_ context.Context, request *tfprotov5.ConfigureProviderRequest) (*tfprotov5.ConfigureProviderResponse, error) {
	config, err := decode(request.Config, s.schema.Provider)
	if err != nil {
		return &tfprotov5.ConfigureProviderResponse{Diagnostics: failed(err)}, nil
	}
	region, _ := config["region"].(string)
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if region == "" {
			region = os.Getenv(name)
		}
	}
	if region == "" && !values.IsUnknown(config["region"]) {
		err := errors.New("expected a region in the provider's configuration or in AWS_REGION, found none")
		return &tfprotov5.ConfigureProviderResponse{Diagnostics: failed(err)}, nil
	}
	s.place = fill.PlaceOf(region)
	s.defaultTags = map[string]any{}
	blocks, _ := config["default_tags"].([]any)
	for _, block := range blocks {
		tags, _ := block.(map[string]any)["tags"].(map[string]any)
		for key, value := range tags {
			s.defaultTags[key] = value
		}
	}
	return &tfprotov5.ConfigureProviderResponse{}, nil
}

func (s *server) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return &tfprotov5.StopProviderResponse{}, nil
}

// decode reads the value of a block; of what is absent, as before a create, the result is nil.
func decode(dynamic *tfprotov5.DynamicValue, block *schema.Block) (map[string]any, error) {
	if dynamic == nil {
		return nil, nil
	}
	value, err := dynamic.Unmarshal(block.Type())
	if err != nil {
		return nil, err
	}
	decoded, err := values.Decode(value)
	if err != nil || decoded == nil {
		return nil, err
	}
	object, is := decoded.(map[string]any)
	if !is {
		return nil, fmt.Errorf("expected the value of a block, found %v", decoded)
	}
	return object, nil
}

func encode(value map[string]any, block *schema.Block) (*tfprotov5.DynamicValue, error) {
	as := block.Type()
	encoded := tftypes.NewValue(as, nil)
	if value != nil {
		encoded = values.Encode(value, as)
	}
	dynamic, err := tfprotov5.NewDynamicValue(as, encoded)
	return &dynamic, err
}

func refusals(found []rules.Refusal) diagnostics {
	var result diagnostics
	for _, refusal := range found {
		diagnostic := &tfprotov5.Diagnostic{
			Severity: tfprotov5.DiagnosticSeverityError,
			Summary:  refusal.Summary,
			Detail:   refusal.Detail(),
		}
		if len(refusal.Attribute) > 0 {
			steps := tftypes.NewAttributePath()
			diagnostic.Attribute = steps.WithAttributeName(refusal.Attribute)
		}
		result = append(result, diagnostic)
	}
	return result
}
