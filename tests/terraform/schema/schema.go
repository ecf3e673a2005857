// Package schema has the schema of the AWS provider as schema.json describes it, in the form that Terraform asks for.
package schema

import (
	_ "embed"
	"encoding/json"
	"sort"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

//go:embed schema.json
var text []byte

// Schema is the whole of it.
type Schema struct {
	ProviderVersion string            `json:"provider_version"`
	Provider        *Block            `json:"provider"`
	Resources       map[string]*Block `json:"resources"`
	DataSources     map[string]*Block `json:"data_sources"`
}

// Block is what stands between braces.
type Block struct {
	Attributes map[string]*Attribute `json:"attributes"`
	Blocks     map[string]*Nested    `json:"blocks"`
}

// Attribute has flags: r required, o optional, c computed, s sensitive, w only written.
type Attribute struct {
	RawType json.RawMessage `json:"type"`
	Flags   string          `json:"flags"`
	Type    tftypes.Type    `json:"-"`
}

// Nested is a block in a block: a list, a set, or a single one.
type Nested struct {
	Nesting string `json:"nesting"`
	Min     int64  `json:"min"`
	Max     int64  `json:"max"`
	Block   *Block `json:"block"`
}

// Load reads the schema, which is compiled in.
func Load() (*Schema, error) {
	var all Schema
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	blocks := []*Block{all.Provider}
	for _, block := range all.Resources {
		blocks = append(blocks, block)
	}
	for _, block := range all.DataSources {
		blocks = append(blocks, block)
	}
	for _, block := range blocks {
		if err := block.parse(); err != nil {
			return nil, err
		}
	}
	return &all, nil
}

func (b *Block) parse() error {
	for _, attribute := range b.Attributes {
		var err error
		// It is deprecated, but nothing else reads the notation that Terraform itself prints.
		if attribute.Type, err = tftypes.ParseJSONType(attribute.RawType); err != nil {
			return err
		}
	}
	for _, nested := range b.Blocks {
		if err := nested.Block.parse(); err != nil {
			return err
		}
	}
	return nil
}

// Has says whether an attribute has a flag.
func (a *Attribute) Has(flag string) bool { return strings.Contains(a.Flags, flag) }

// Type is the type of the values of a block.
func (b *Block) Type() tftypes.Object {
	types := map[string]tftypes.Type{}
	for name, attribute := range b.Attributes {
		types[name] = attribute.Type
	}
	for name, nested := range b.Blocks {
		element := tftypes.Type(nested.Block.Type())
		switch nested.Nesting {
		case "list":
			element = tftypes.List{ElementType: element}
		case "set":
			element = tftypes.Set{ElementType: element}
		}
		types[name] = element
	}
	return tftypes.Object{AttributeTypes: types}
}

// Proto is the block as Terraform asks for it.
func (b *Block) Proto() *tfprotov5.Schema { return &tfprotov5.Schema{Block: b.proto()} }

func (b *Block) proto() *tfprotov5.SchemaBlock {
	block := &tfprotov5.SchemaBlock{}
	for _, name := range Names(b.Attributes) {
		attribute := b.Attributes[name]
		block.Attributes = append(block.Attributes, &tfprotov5.SchemaAttribute{
			Name: name, Type: attribute.Type,
			Required: attribute.Has("r"), Optional: attribute.Has("o"), Computed: attribute.Has("c"),
			Sensitive: attribute.Has("s"), WriteOnly: attribute.Has("w"),
		})
	}
	nestings := map[string]tfprotov5.SchemaNestedBlockNestingMode{
		"list":   tfprotov5.SchemaNestedBlockNestingModeList,
		"set":    tfprotov5.SchemaNestedBlockNestingModeSet,
		"single": tfprotov5.SchemaNestedBlockNestingModeSingle,
	}
	for _, name := range Names(b.Blocks) {
		nested := b.Blocks[name]
		block.BlockTypes = append(block.BlockTypes, &tfprotov5.SchemaNestedBlock{
			TypeName: name, Block: nested.Block.proto(), Nesting: nestings[nested.Nesting],
			MinItems: nested.Min, MaxItems: nested.Max,
		})
	}
	return block
}

// Has says whether there is a type, block or attribute such as `aws_lb.name` or `data.aws_ami.filter`.
func (s *Schema) Has(path string) bool {
	types := s.Resources
	if rest, is := strings.CutPrefix(path, "data."); is {
		types, path = s.DataSources, rest
	}
	parts := strings.Split(path, ".")
	block := types[parts[0]]
	if parts[0] == "provider" {
		block = s.Provider
	}
	for i, part := range parts[1:] {
		if block == nil {
			return false
		}
		if attribute := block.Attributes[part]; attribute != nil {
			return i == len(parts)-2
		}
		nested := block.Blocks[part]
		if nested == nil {
			return false
		}
		block = nested.Block
	}
	return block != nil
}

// Names are the keys of a map, in their order.
func Names[T any](of map[string]T) []string {
	names := make([]string, 0, len(of))
	for name := range of {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
