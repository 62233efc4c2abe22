package form_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/approval-relay/approval-relay/form"
)

// TestSchemasOfMCP has a schema of each type of PrimitiveSchemaDefinition in MCP's schema of 2025-11-25: StringSchema,
// NumberSchema, BooleanSchema, and EnumSchema with its titled, untitled, multi-select and legacy variants.
// https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation
func TestSchemasOfMCP(t *testing.T) {
	t.Parallel()

	f := parse(t, `{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"type": "object",
		"properties": {
			"name": {"type": "string", "title": "Display name", "description": "As others see it",
				"minLength": 3, "maxLength": 50, "format": "email", "default": "user@example.com"},
			"score": {"type": "number", "title": "Score", "description": "Of ten", "minimum": 0, "maximum": 10, "default": 7.5},
			"count": {"type": "integer", "title": "Count", "default": 3},
			"notify": {"type": "boolean", "title": "Notify", "description": "By mail", "default": false},
			"untitled": {"type": "string", "title": "Color", "enum": ["Red", "Green"], "default": "Red"},
			"titled": {"type": "string", "oneOf": [{"const": "#FF0000", "title": "Red"}, {"const": "#00FF00", "title": "Green"}],
				"default": "#FF0000"},
			"untitledMany": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "string", "enum": ["Red", "Green"]},
				"default": ["Red"]},
			"titledMany": {"type": "array", "minItems": 1, "maxItems": 2,
				"items": {"anyOf": [{"const": "#FF0000", "title": "Red"}, {"const": "#00FF00", "title": "Green"}]},
				"default": ["#FF0000", "#00FF00"]},
			"legacy": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"], "default": "opt2"}
		},
		"required": ["name", "score"]
	}`)
	var kinds []form.Kind
	fields := make([]string, 0, len(f.Fields))
	for _, field := range f.Fields {
		kinds = append(kinds, field.Kind)
		fields = append(fields, field.Name)
		assert.NotEmpty(t, field.Default, field.Name)
	}
	assert.Equal(t, []form.Kind{
		form.String, form.Number, form.Integer, form.Boolean, form.One, form.One, form.Many, form.Many, form.One,
	}, kinds)

	content := `{"name": "ann@example.com", "score": 9, "notify": true, "untitledMany": ["Green", "Red"], "titled": "#00FF00"}`
	values, faults := f.CheckValues(fields, []byte(content))
	assert.Empty(t, faults)
	assert.JSONEq(t, `{"name": "ann@example.com", "score": 9, "notify": true, "untitledMany": ["Red", "Green"], "titled": "#00FF00"}`,
		string(values))
}
