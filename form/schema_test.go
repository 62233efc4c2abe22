package form_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
)

// property returns a schema whose only field has this property.
func property(schema string) string { return `{"properties": {"a": ` + schema + `}}` }

// repeat returns n parts, made of their index, with commas between them.
func repeat(n int, format string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(parts, ",")
}

func TestSchemasThatAreSupported(t *testing.T) {
	t.Parallel()

	for name, tt := range map[string]struct {
		schema string
		want   form.Field
	}{
		"string": {`{"type": "string"}`, form.Field{Kind: form.String}},
		"string with lengths": {
			`{"type": "string", "minLength": 2, "maxLength": 2.0}`,
			form.Field{Kind: form.String, MinLength: 2, MaxLength: new(2)},
		},
		"string of no characters": {`{"type": "string", "maxLength": 0}`, form.Field{Kind: form.String, MaxLength: new(0)}},
		"email":                   {`{"type": "string", "format": "email"}`, form.Field{Kind: form.String, Format: "email"}},
		"uri":                     {`{"type": "string", "format": "uri"}`, form.Field{Kind: form.String, Format: "uri"}},
		"date":                    {`{"type": "string", "format": "date"}`, form.Field{Kind: form.String, Format: "date"}},
		"date-time":               {`{"type": "string", "format": "date-time"}`, form.Field{Kind: form.String, Format: "date-time"}},
		"number": {
			`{"type": "number", "minimum": -0.5, "maximum": 1E3}`,
			form.Field{Kind: form.Number, Minimum: "-0.5", Maximum: "1000"},
		},
		"number with one value": {`{"type": "number", "minimum": 1, "maximum": 1}`, form.Field{Kind: form.Number, Minimum: "1", Maximum: "1"}},
		"integer": {
			`{"type": "integer", "minimum": -9007199254740991, "maximum": 9007199254740991}`,
			form.Field{Kind: form.Integer, Minimum: "-9007199254740991", Maximum: "9007199254740991"},
		},
		"boolean": {`{"type": "boolean", "default": false}`, form.Field{Kind: form.Boolean, Default: json.RawMessage("false")}},
		"enum": {
			`{"type": "string", "enum": ["a", "b"]}`,
			form.Field{Kind: form.One, Options: []form.Option{{Value: "a"}, {Value: "b"}}},
		},
		"enum with names": {
			`{"type": "string", "enum": ["a", "b"], "enumNames": ["A", ""]}`,
			form.Field{Kind: form.One, Options: []form.Option{{Value: "a", Title: language.NewText("A")}, {Value: "b"}}},
		},
		"oneOf": {
			`{"type": "string", "oneOf": [{"const": "a", "title": "A"}, {"const": "b"}], "default": "b"}`,
			form.Field{
				Kind:    form.One,
				Options: []form.Option{{Value: "a", Title: language.NewText("A")}, {Value: "b"}},
				Default: json.RawMessage(`"b"`),
			},
		},
		"several of enum": {
			`{"type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "minItems": 1, "maxItems": 2, "uniqueItems": true}`,
			form.Field{Kind: form.Many, Options: []form.Option{{Value: "a"}, {Value: "b"}}, MinItems: 1, MaxItems: new(2)},
		},
		"several of anyOf": {
			`{"type": "array", "items": {"anyOf": [{"const": "a", "title": "A"}]}, "default": ["a"]}`,
			form.Field{
				Kind:    form.Many,
				Options: []form.Option{{Value: "a", Title: language.NewText("A")}},
				Default: json.RawMessage(`["a"]`),
			},
		},
		"several of oneOf": {
			`{"type": "array", "items": {"oneOf": [{"const": "a"}]}}`,
			form.Field{Kind: form.Many, Options: []form.Option{{Value: "a"}}},
		},
		"texts by language": {
			`{"type": "boolean", "title": {"en": "Agreed", "tlh": "luq"}, "description": "One\n\ttwo"}`,
			form.Field{
				Kind:        form.Boolean,
				Title:       language.Text{"en": "Agreed", "tlh": "luq"},
				Description: language.NewText("One\n\ttwo"),
			},
		},
		"empty texts": {`{"type": "boolean", "title": "", "description": {"en": ""}}`, form.Field{Kind: form.Boolean}},
		"default":     {`{"type": "number", "default": 5.0}`, form.Field{Kind: form.Number, Default: json.RawMessage("5")}},
		"default of format": {
			`{"type": "string", "format": "date", "default": "2028-02-29"}`,
			form.Field{Kind: form.String, Format: "date", Default: json.RawMessage(`"2028-02-29"`)},
		},
	} {
		f, faults := form.ParseSchema([]byte(property(tt.schema)))
		assert.Empty(t, faults, name)
		tt.want.Name = "a"
		assert.Equal(t, []form.Field{tt.want}, f.Fields, name)
	}
}

func TestSchemaAsAWhole(t *testing.T) {
	t.Parallel()

	f := parse(t, `{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.com/a", "$comment": "of ours",
		"title": "Purchase", "description": "Limits", "type": "object", "additionalProperties": false,
		"required": ["z"],
		"properties": {"z": {"type": "string"}, "b": {"type": "boolean"}, "_A.b-c9": {"type": "boolean"}}
	}`)
	var names []string
	for _, field := range f.Fields {
		names = append(names, field.Name)
	}
	assert.Equal(t, []string{"z", "b", "_A.b-c9"}, names, "the fields are in the order of the schema")
	assert.True(t, f.Fields[0].Required)
	assert.False(t, f.Fields[1].Required)
}

// TestSchemasThatAreRefused has every fault with its place.
func TestSchemasThatAreRefused(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct{ schema, pointer string }{
		{``, ""},
		{`{`, ""},
		{`[]`, ""},
		{`null`, ""},
		{`"text"`, ""},
		{`{}`, ""},
		{`{"type": "array", "properties": {"a": {"type": "string"}}}`, "/type"},
		{`{"type": ["object"], "properties": {"a": {"type": "string"}}}`, "/type"},
		{`{"properties": {}}`, "/properties"},
		{`{"properties": []}`, "/properties"},
		{`{"properties": {"a": true}}`, "/properties/a"},
		{`{"properties": {"a": {"type": "string"}, "a": {"type": "string"}}}`, "/properties/a"},
		{`{"properties": {"a": {"type": "string"}}, "properties": {"b": {"type": "string"}}}`, "/properties"},
		{`{"properties": {"a": {"type": "string"}}, "additionalProperties": true}`, "/additionalProperties"},
		{`{"properties": {"a": {"type": "string"}}, "additionalProperties": {}}`, "/additionalProperties"},
		{`{"properties": {"a": {"type": "string"}}, "required": "a"}`, "/required"},
		{`{"properties": {"a": {"type": "string"}}, "required": ["b"]}`, "/required/0"},
		{`{"properties": {"a": {"type": "string"}}, "required": ["a", "a"]}`, "/required/1"},
		{`{"properties": {"a": {"type": "string"}}, "required": ["a", 1]}`, "/required/1"},
		{`{"properties": {"a": {"type": "string", "maxLength": 0}}, "required": ["a"]}`, "/properties/a/maxLength"},
		{
			`{"properties": {"a": {"type": "array", "items": {"enum": ["x"]}, "maxItems": 0}}, "required": ["a"]}`,
			"/properties/a/maxItems",
		},
		{`{"properties": {"": {"type": "string"}}}`, "/properties/"},
		{`{"properties": {"1a": {"type": "string"}}}`, "/properties/1a"},
		{`{"properties": {"a b": {"type": "string"}}}`, "/properties/a b"},
		{`{"properties": {"a/b~": {"type": "string"}}}`, "/properties/a~1b~0"},
		{`{"properties": {"ä": {"type": "string"}}}`, "/properties/ä"},
		{property(`{}`), "/properties/a/type"},
		{property(`{"type": "object"}`), "/properties/a/type"},
		{property(`{"type": "null"}`), "/properties/a/type"},
		{property(`{"type": ["string", "null"]}`), "/properties/a/type"},
		{property(`{"type": "string", "type": "string"}`), "/properties/a/type"},
		{property(`{"type": "string", "title": 1}`), "/properties/a/title"},
		{property(`{"type": "string", "title": {"en": 1}}`), "/properties/a/title/en"},
		{property(`{"type": "string", "title": {"en": "a", "en": "b"}}`), "/properties/a/title/en"},
		{property(`{"type": "string", "title": "a\u0007"}`), "/properties/a/title"},
		{property(`{"type": "string", "description": ["a"]}`), "/properties/a/description"},
		{property(`{"type": "string", "minLength": -1}`), "/properties/a/minLength"},
		{property(`{"type": "string", "minLength": 1.5}`), "/properties/a/minLength"},
		{property(`{"type": "string", "maxLength": "5"}`), "/properties/a/maxLength"},
		{property(`{"type": "string", "minLength": 3, "maxLength": 2}`), "/properties/a/minLength"},
		{property(`{"type": "string", "minLength": 40000}`), "/properties/a/minLength"},
		{property(`{"type": "string", "format": "password"}`), "/properties/a/format"},
		{property(`{"type": "string", "format": "time"}`), "/properties/a/format"},
		{property(`{"type": "string", "format": 1}`), "/properties/a/format"},
		{property(`{"type": "number", "minimum": "1"}`), "/properties/a/minimum"},
		{property(`{"type": "number", "minimum": 2, "maximum": 1}`), "/properties/a/minimum"},
		{property(`{"type": "number", "minimum": 0.1234567890123456}`), "/properties/a/minimum"},
		{property(`{"type": "number", "maximum": 1e400}`), "/properties/a/maximum"},
		{property(`{"type": "integer", "minimum": 1.2, "maximum": 1.8}`), "/properties/a"},
		{property(`{"type": "integer", "minimum": 1e17}`), "/properties/a"},
		{property(`{"type": "string", "enum": []}`), "/properties/a/enum"},
		{property(`{"type": "string", "enum": "x"}`), "/properties/a/enum"},
		{property(`{"type": "string", "enum": ["x", 1]}`), "/properties/a/enum/1"},
		{property(`{"type": "string", "enum": ["x", "x"]}`), "/properties/a/enum/1"},
		{property(`{"type": "string", "enum": ["x", " "]}`), "/properties/a/enum/1"},
		{property(`{"type": "string", "enum": ["x", "y\n"]}`), "/properties/a/enum/1"},
		{property(`{"type": "string", "enum": ["x"], "enumNames": ["X", "Y"]}`), "/properties/a/enumNames"},
		{property(`{"type": "string", "enum": ["x"], "enumNames": ["X\u0000"]}`), "/properties/a/enumNames/0"},
		{property(`{"type": "string", "enumNames": ["X"]}`), "/properties/a/enumNames"},
		{property(`{"type": "string", "enum": ["x"], "oneOf": [{"const": "x"}]}`), "/properties/a/enum"},
		{property(`{"type": "string", "enum": ["x"], "minLength": 1}`), "/properties/a/minLength"},
		{property(`{"type": "string", "oneOf": []}`), "/properties/a/oneOf"},
		{property(`{"type": "string", "oneOf": {}}`), "/properties/a/oneOf"},
		{property(`{"type": "string", "oneOf": ["x"]}`), "/properties/a/oneOf/0"},
		{property(`{"type": "string", "oneOf": [{"title": "X"}]}`), "/properties/a/oneOf/0/const"},
		{property(`{"type": "string", "oneOf": [{"const": 1}]}`), "/properties/a/oneOf/0/const"},
		{property(`{"type": "string", "oneOf": [{"const": "x"}, {"const": "x"}]}`), "/properties/a/oneOf/1/const"},
		{property(`{"type": "string", "oneOf": [{"const": "x", "icon": "y"}]}`), "/properties/a/oneOf/0/icon"},
		{property(`{"type": "array"}`), "/properties/a/items"},
		{property(`{"type": "array", "items": {"type": "string"}}`), "/properties/a/items"},
		{property(`{"type": "array", "items": {"type": "number", "enum": ["x"]}}`), "/properties/a/items/type"},
		{property(`{"type": "array", "items": {"enum": ["x"], "minLength": 1}}`), "/properties/a/items/minLength"},
		{property(`{"type": "array", "items": {"anyOf": [{"const": "x"}], "oneOf": [{"const": "x"}]}}`), "/properties/a/items/oneOf"},
		{property(`{"type": "array", "items": {"enum": ["x"]}, "uniqueItems": false}`), "/properties/a/uniqueItems"},
		{property(`{"type": "array", "items": {"enum": ["x"]}, "minItems": 2}`), "/properties/a/minItems"},
		{property(`{"type": "array", "items": {"enum": ["x", "y"]}, "minItems": 2, "maxItems": 1}`), "/properties/a/minItems"},
		{property(`{"type": "array", "items": {"enum": ["x"]}, "maxItems": -1}`), "/properties/a/maxItems"},
		{property(`{"type": "string", "default": 1}`), "/properties/a/default"},
		{property(`{"type": "string", "default": null}`), "/properties/a/default"},
		{property(`{"type": "string", "minLength": 2, "default": "x"}`), "/properties/a/default"},
		{property(`{"type": "number", "maximum": 1, "default": 2}`), "/properties/a/default"},
		{property(`{"type": "integer", "default": 1.5}`), "/properties/a/default"},
		{property(`{"type": "boolean", "default": "true"}`), "/properties/a/default"},
		{property(`{"type": "string", "enum": ["x"], "default": "y"}`), "/properties/a/default"},
		{property(`{"type": "array", "items": {"enum": ["x"]}, "default": ["x", "x"]}`), "/properties/a/default"},
	} {
		_, faults := form.ParseSchema([]byte(tt.schema))
		if assert.Len(t, faults, 1, tt.schema) {
			assert.Equal(t, tt.pointer, faults[0].Pointer, tt.schema)
			assert.NotEmpty(t, faults[0].Problem, tt.schema)
		}
	}
}

// TestEveryOtherKeywordIsAFault has the keywords of JSON Schema 2020-12 and its predecessors, those of other kinds, and
// others' extensions.
func TestEveryOtherKeywordIsAFault(t *testing.T) {
	t.Parallel()

	everywhere := strings.Fields(`$ref $defs $anchor $dynamicRef $dynamicAnchor $vocabulary $recursiveRef definitions id allOf anyOf not
		if then else dependentSchemas dependentRequired dependencies prefixItems additionalItems contains minContains maxContains
		patternProperties propertyNames unevaluatedItems unevaluatedProperties const multipleOf exclusiveMinimum exclusiveMaximum
		pattern minProperties maxProperties contentEncoding contentMediaType contentSchema deprecated readOnly writeOnly examples
		example nullable discriminator x-order value secret Type TITLE`)
	for kind, own := range map[string]string{
		`"type": "string"`:                          "minimum maximum items minItems maxItems uniqueItems",
		`"type": "string", "enum": ["x"]`:           "minLength maxLength format minimum items",
		`"type": "number"`:                          "minLength maxLength format enum oneOf items",
		`"type": "integer"`:                         "minLength maxLength format enum oneOf items",
		`"type": "boolean"`:                         "minLength format minimum enum oneOf items",
		`"type": "array", "items": {"enum": ["x"]}`: "minLength format minimum enum oneOf",
	} {
		for _, keyword := range append(strings.Fields(own), append(everywhere, "$schema", "$id", "$comment", "properties", "required")...) {
			_, faults := form.ParseSchema(fmt.Appendf(nil, `{"properties": {"a": {%s, %q: 1}}}`, kind, keyword))
			want := []form.SchemaFault{{Pointer: "/properties/a/" + keyword, Problem: "is not supported"}}
			assert.Equal(t, want, faults, "%s with %s", kind, keyword)
		}
	}
	for _, keyword := range append(everywhere, "enum", "oneOf", "items", "default") {
		_, faults := form.ParseSchema(fmt.Appendf(nil, `{"properties": {"a": {"type": "string"}}, %q: 1}`, keyword))
		assert.Equal(t, []form.SchemaFault{{Pointer: "/" + keyword, Problem: "is not supported"}}, faults)
	}
}

// TestLimitsOfASchema has each limit, and one more.
func TestLimitsOfASchema(t *testing.T) {
	t.Parallel()

	description := func(size int) string {
		empty := property(`{"type": "string", "description": ""}`)
		return property(`{"type": "string", "description": "` + strings.Repeat("x", size-len(empty)) + `"}`)
	}
	fields := func(n int) string { return `{"properties": {` + repeat(n, `"f%d": {"type": "string"}`) + `}}` }
	enum := func(n int) string { return property(`{"type": "string", "enum": [` + repeat(n, `"o%d"`) + `]}`) }
	oneOf := func(n int) string {
		return property(`{"type": "string", "oneOf": [` + repeat(n, `{"const": "o%d"}`) + `]}`)
	}
	many := func(n int) string {
		return property(`{"type": "array", "items": {"enum": [` + repeat(n, `"o%d"`) + `]}}`)
	}
	name := func(n int) string { return `{"properties": {"` + strings.Repeat("n", n) + `": {"type": "string"}}}` }
	number := func(digits int) string {
		return property(`{"type": "number", "minimum": 0.` + strings.Repeat("1", digits) + `}`)
	}
	integer := func(n int) string { return property(fmt.Sprintf(`{"type": "integer", "minimum": %d}`, n)) }
	minLength := func(n int) string { return property(fmt.Sprintf(`{"type": "string", "minLength": %d}`, n)) }
	for limit, tt := range map[string]struct {
		schema func(int) string
		most   int
	}{
		"bytes":     {description, form.MaxSchema},
		"fields":    {fields, form.MaxFields},
		"enum":      {enum, form.MaxOptions},
		"oneOf":     {oneOf, form.MaxOptions},
		"items":     {many, form.MaxOptions},
		"name":      {name, 64},
		"digits":    {number, 15},
		"integer":   {integer, 1<<53 - 1},
		"minLength": {minLength, form.MaxValues},
	} {
		_, faults := form.ParseSchema([]byte(tt.schema(tt.most)))
		assert.Empty(t, faults, limit)
		_, faults = form.ParseSchema([]byte(tt.schema(tt.most + 1)))
		assert.NotEmpty(t, faults, limit)
	}
}

func TestAllFaultsOfASchemaAreStatedAtOnce(t *testing.T) {
	t.Parallel()

	_, faults := form.ParseSchema([]byte(`{"properties": {
		"limit": {"type": "number", "minimum": "1", "pattern": "x"},
		"reason": {"type": "string", "oneOf": []}
	}, "if": {}}`))
	var places []string
	for _, f := range faults {
		places = append(places, f.Place("workflows.purchases.decision.form"))
	}
	assert.ElementsMatch(t, []string{
		"workflows.purchases.decision.form.if",
		"workflows.purchases.decision.form.properties.limit.pattern",
		"workflows.purchases.decision.form.properties.limit.minimum",
		"workflows.purchases.decision.form.properties.reason.oneOf",
	}, places)
	assert.EqualError(t, faults[0], "/if is not supported")
	assert.EqualError(t, form.SchemaFault{Problem: "is not JSON"}, "the schema is not JSON")
}

func TestExtensionsAreTheCallers(t *testing.T) {
	t.Parallel()

	schema := []byte(property(`{"type": "string", "value": "body.total"}`))
	_, faults := form.ParseSchema(schema)
	require.Len(t, faults, 1)
	_, faults = form.ParseSchema(schema, "value")
	assert.Empty(t, faults)
}
