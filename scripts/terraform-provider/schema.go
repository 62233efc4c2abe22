package main

import (
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// schema is the schema of a provider, for some of its types.
type schema struct {
	Version   string           `json:"version"` // of the provider
	Provider  block            `json:"provider"`
	Resources map[string]block `json:"resources"`
	Data      map[string]block `json:"data"`
}

// block is what may stand between a pair of braces.
type block struct {
	Attributes map[string]attribute `json:"attributes,omitempty"`
	Blocks     map[string]nested    `json:"blocks,omitempty"`
}

type attribute struct {
	Type string `json:"type"` // string, number, bool, and list, set or map of one of them
	// Mode is required, optional or computed. The source does not tell which optional attributes are also computed; all
	// of them count as such.
	Mode string `json:"mode"`
}

type nested struct {
	Nesting  string `json:"nesting"` // list or set, or single: a list of at most one
	Required bool   `json:"required,omitempty"`
	block
}

func protocols(blocks map[string]block) map[string]*tfprotov5.Schema {
	all := map[string]*tfprotov5.Schema{}
	for name, b := range blocks {
		all[name] = b.protocol()
	}
	return all
}

func (b block) protocol() *tfprotov5.Schema {
	return &tfprotov5.Schema{Block: b.schemaBlock()}
}

func (b block) schemaBlock() *tfprotov5.SchemaBlock {
	out := &tfprotov5.SchemaBlock{}
	for _, name := range slices.Sorted(maps.Keys(b.Attributes)) {
		a := b.Attributes[name]
		out.Attributes = append(out.Attributes, &tfprotov5.SchemaAttribute{
			Name:     name,
			Type:     typeOf(a.Type),
			Required: a.Mode == "required",
			Optional: a.Mode == "optional",
			Computed: a.Mode != "required",
		})
	}
	for _, name := range slices.Sorted(maps.Keys(b.Blocks)) {
		n := b.Blocks[name]
		nestedBlock := &tfprotov5.SchemaNestedBlock{
			TypeName: name,
			Block:    n.schemaBlock(),
			Nesting:  tfprotov5.SchemaNestedBlockNestingModeList,
		}
		if n.Required {
			nestedBlock.MinItems = 1
		}
		switch n.Nesting {
		case "set":
			nestedBlock.Nesting = tfprotov5.SchemaNestedBlockNestingModeSet
		case "single":
			nestedBlock.MaxItems = 1
		}
		if name == "timeouts" {
			nestedBlock.Nesting, nestedBlock.MaxItems = tfprotov5.SchemaNestedBlockNestingModeSingle, 0
		}
		out.BlockTypes = append(out.BlockTypes, nestedBlock)
	}
	return out
}

// typeOf returns the type of an attribute by its name, such as "set of string".
func typeOf(name string) tftypes.Type {
	switch name {
	case "string":
		return tftypes.String
	case "number":
		return tftypes.Number
	case "bool":
		return tftypes.Bool
	case "list of string":
		return tftypes.List{ElementType: tftypes.String}
	case "set of string":
		return tftypes.Set{ElementType: tftypes.String}
	case "map of string":
		return tftypes.Map{ElementType: tftypes.String}
	}
	panic("unknown type " + name)
}
