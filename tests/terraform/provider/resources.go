package main

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"

	"cos-agent/tests/terraform/provider/fill"
	"cos-agent/tests/terraform/provider/rules"
)

func (s *server) ValidateResourceTypeConfig(_ context.Context, request *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	block := s.schema.Resources[request.TypeName]
	config, err := decode(request.Config, block)
	if err != nil {
		return &tfprotov5.ValidateResourceTypeConfigResponse{Diagnostics: failed(err)}, nil
	}
	found := rules.Check(request.TypeName, block, config)
	return &tfprotov5.ValidateResourceTypeConfigResponse{Diagnostics: refusals(found)}, nil
}

func (s *server) UpgradeResourceState(_ context.Context, request *tfprotov5.UpgradeResourceStateRequest) (*tfprotov5.UpgradeResourceStateResponse, error) {
	block := s.schema.Resources[request.TypeName]
	response := &tfprotov5.UpgradeResourceStateResponse{}
	value, err := request.RawState.Unmarshal(block.Type())
	if err == nil {
		var dynamic tfprotov5.DynamicValue
		dynamic, err = tfprotov5.NewDynamicValue(block.Type(), value)
		response.UpgradedState = &dynamic
	}
	if err != nil {
		response.Diagnostics = failed(err)
	}
	return response, nil
}

// ReadResource answers what Terraform has already: nothing else is there.
func (s *server) ReadResource(_ context.Context, request *tfprotov5.ReadResourceRequest) (*tfprotov5.ReadResourceResponse, error) {
	current, err := decode(request.CurrentState, s.schema.Resources[request.TypeName])
	if err != nil {
		return &tfprotov5.ReadResourceResponse{Diagnostics: failed(err)}, nil
	}
	fill.Remember(current)
	return &tfprotov5.ReadResourceResponse{NewState: request.CurrentState, Private: request.Private}, nil
}

func (s *server) PlanResourceChange(_ context.Context, request *tfprotov5.PlanResourceChangeRequest) (*tfprotov5.PlanResourceChangeResponse, error) {
	block := s.schema.Resources[request.TypeName]
	// As in the real provider: with it, a default may be planned where the schema does not say Computed.
	response := &tfprotov5.PlanResourceChangeResponse{UnsafeToUseLegacyTypeSystem: true, PlannedPrivate: request.PriorPrivate}
	prior, err := decode(request.PriorState, block)
	proposed, proposedErr := decode(request.ProposedNewState, block)
	config, configErr := decode(request.Config, block)
	if err = errors.Join(err, proposedErr, configErr); err != nil {
		response.Diagnostics = failed(err)
		return response, nil
	}
	if proposed == nil {
		response.PlannedState = request.ProposedNewState
		return response, nil
	}
	planned := fill.Plan(s.place, request.TypeName, block, fill.Change{
		Prior: prior, Proposed: proposed, Config: config, DefaultTags: s.defaultTags,
	})
	// Default tags count too, and only now are they known.
	response.Diagnostics = refusals(rules.CheckTags(planned["tags_all"]))
	if response.PlannedState, err = encode(planned, block); err != nil {
		response.Diagnostics = failed(err)
	}
	return response, nil
}

func (s *server) ApplyResourceChange(_ context.Context, request *tfprotov5.ApplyResourceChangeRequest) (*tfprotov5.ApplyResourceChangeResponse, error) {
	block := s.schema.Resources[request.TypeName]
	response := &tfprotov5.ApplyResourceChangeResponse{UnsafeToUseLegacyTypeSystem: true, Private: request.PlannedPrivate}
	prior, err := decode(request.PriorState, block)
	planned, plannedErr := decode(request.PlannedState, block)
	config, configErr := decode(request.Config, block)
	if err = errors.Join(err, plannedErr, configErr); err != nil {
		response.Diagnostics = failed(err)
		return response, nil
	}
	if planned == nil {
		response.NewState = request.PlannedState
		return response, nil
	}
	// What the plan did not know yet, AWS would refuse now.
	if found := rules.Check(request.TypeName, block, config); len(found) > 0 {
		response.Diagnostics = refusals(found)
		response.NewState = request.PriorState
		return response, nil
	}
	if response.NewState, err = encode(fill.Apply(s.place, request.TypeName, block, prior, planned), block); err != nil {
		response.Diagnostics = failed(err)
	}
	return response, nil
}

func (s *server) ImportResourceState(context.Context, *tfprotov5.ImportResourceStateRequest) (*tfprotov5.ImportResourceStateResponse, error) {
	err := errors.New("cannot import: this provider knows no resources but those of the state")
	return &tfprotov5.ImportResourceStateResponse{Diagnostics: failed(err)}, nil
}

func (s *server) ValidateDataSourceConfig(_ context.Context, request *tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	block := s.schema.DataSources[request.TypeName]
	config, err := decode(request.Config, block)
	if err != nil {
		return &tfprotov5.ValidateDataSourceConfigResponse{Diagnostics: failed(err)}, nil
	}
	found := rules.Check("data."+request.TypeName, block, config)
	return &tfprotov5.ValidateDataSourceConfigResponse{Diagnostics: refusals(found)}, nil
}

func (s *server) ReadDataSource(_ context.Context, request *tfprotov5.ReadDataSourceRequest) (*tfprotov5.ReadDataSourceResponse, error) {
	block := s.schema.DataSources[request.TypeName]
	response := &tfprotov5.ReadDataSourceResponse{}
	config, err := decode(request.Config, block)
	if err == nil {
		var read map[string]any
		if read, err = fill.Read(s.place, request.TypeName, block, config); err == nil {
			response.State, err = encode(read, block)
		}
	}
	if err != nil {
		response.Diagnostics = failed(err)
	}
	return response, nil
}
