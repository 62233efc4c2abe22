package config

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/secret"
)

// SchemaURL is the address of the schema for editors.
const SchemaURL = "https://raw.githubusercontent.com/approval-relay/approval-relay/main/deploy/relay.schema.json"

// object is an object of JSON.
type object = map[string]any

// Patterns of texts in the file. A text with ${ is replaced by the value of a variable.
const (
	namePattern     = `^[a-z0-9][a-z0-9_-]{0,62}$`
	variablePrefix  = `\$\{`
	numberPattern   = `^[0-9.]+([eE][-+]?[0-9]+)?$|` + variablePrefix
	durationPattern = `^(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$|` + variablePrefix
	timePattern     = `^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].+)?$|` + variablePrefix
)

// Schema returns the JSON Schema (draft 2020-12) of the configuration file. It is for editors: it knows names, types
// and lists of values. Load checks more, such as expressions and the names of channels.
func Schema() map[string]any {
	top := objectSchema(Describe())
	top["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	top["$id"] = SchemaURL
	top["title"] = "Configuration of approval-relay"
	top["patternProperties"] = object{"^x-": true} // anchors
	top["properties"].(object)["$schema"] = object{"type": "string"}
	top["$defs"] = object{
		"workflow": workflowSchema(),
		"duration": object{"anyOf": []any{object{"type": "string", "pattern": durationPattern}, object{"enum": []any{0, nil}}}},
		"time":     object{"type": []any{"string", "null"}, "pattern": timePattern},
		"integer":  orVariable("integer", numberPattern),
		"number":   orVariable("number", numberPattern),
		"boolean":  orVariable("boolean", `^(true|false)$|`+variablePrefix),
		"text":     object{"type": []any{"string", "number", "boolean", "null"}},
		"words":    object{"anyOf": []any{object{"type": []any{"string", "null"}}, textsByLanguage()}},
		"secret": object{"anyOf": []any{
			object{"type": []any{"string", "number", "null"}},
			closed(object{"file": object{"type": "string", "description": "path of a file with the secret"}}, "file"),
		}},
		"expressions": object{"anyOf": []any{object{"type": []any{"string", "null"}}, listOf(object{"type": "string"})}},
		"mark": object{"anyOf": []any{
			ref("duration"),
			closed(object{"after": ref("duration")}, "after"),
			closed(object{"before": ref("duration")}, "before"),
		}},
		"policy": object{"anyOf": []any{
			object{"enum": []any{"any", "all", nil}},
			closed(object{"quorum": ref("integer"), "veto": ref("boolean")}, "quorum"),
			object{"type": "string", "pattern": variablePrefix},
		}},
	}
	return top
}

// textsByLanguage returns the schema of a text in several languages.
func textsByLanguage() object {
	return object{"type": "object", "additionalProperties": object{"type": "string"}}
}

func ref(name string) object { return object{"$ref": "#/$defs/" + name} }

func listOf(items object) object { return object{"type": []any{"array", "null"}, "items": items} }

// orVariable returns the schema of a value that can also be written as a text.
func orVariable(kind, pattern string) object {
	return object{"anyOf": []any{object{"type": []any{kind, "null"}}, object{"type": "string", "pattern": pattern}}}
}

// closed returns the schema of an object without other properties. Some properties are required.
func closed(properties object, required ...any) object {
	return object{
		"type":                 "object",
		"properties":           properties,
		"required":             required,
		"additionalProperties": false,
	}
}

// objectSchema returns the schema of an object with these fields. If some of them are kinds, exactly one of these is
// set.
func objectSchema(fields []*Field) object {
	properties := object{}
	var oneKind []any
	for _, f := range fields {
		properties[f.Name] = fieldSchema(f)
		if f.IsKind {
			oneKind = append(oneKind, object{"required": []any{f.Name}})
		}
	}
	schema := object{
		"type":                 []any{"object", "null"},
		"properties":           properties,
		"additionalProperties": false,
	}
	if len(oneKind) > 0 {
		schema["type"] = "object"
		schema["oneOf"] = oneKind
	}
	return schema
}

// fieldSchema returns the schema of a field, with its description and default.
func fieldSchema(f *Field) object {
	schema := maps.Clone(valueSchema(f))
	if f.Doc != "" {
		schema["description"] = f.Doc
	}
	if f.Default != nil {
		schema["default"] = f.Default
	}
	return schema
}

// valueSchema returns the schema of a field's value.
func valueSchema(f *Field) object {
	switch {
	case f.Type == reflect.TypeFor[*Workflow]():
		return ref("workflow")
	case len(f.Values) > 0:
		return enumSchema(f.Values)
	case f.Type == reflect.TypeFor[map[string]Expressions]():
		return expressionsSchema(f)
	case len(f.Fields) == 1 && f.Fields[0].Name == anyName:
		return namedSchema(f)
	case len(f.Fields) == 1 && f.Fields[0].Name == anyItem:
		return listOf(objectSchema(f.Fields[0].Fields))
	case len(f.Fields) > 0 || f.IsKind:
		return objectSchema(f.Fields)
	}
	return typeSchema(f.Type)
}

// enumSchema returns the schema of a text from a list.
func enumSchema(values []string) object {
	list := []any{nil}
	for _, value := range values {
		list = append(list, value)
	}
	return object{"anyOf": []any{object{"enum": list}, object{"type": "string", "pattern": variablePrefix}}}
}

// namedSchema returns the schema of a mapping of parts by their names.
func namedSchema(f *Field) object {
	part := objectSchema(f.Fields[0].Fields)
	if f.Fields[0].Type == reflect.TypeFor[Workflow]() {
		part = ref("workflow")
	}
	if hasShortForm(f.Fields[0].Type) { // or the secret alone
		part["type"] = "object"
		part["required"] = []any{"token"}
		part = object{"anyOf": []any{ref("secret"), part}}
	}
	if f.Type == reflect.TypeFor[Details]() { // or the expression alone, or a list
		list := listOf(part)
		mapping := object{"type": []any{"object", "null"}, "additionalProperties": object{"anyOf": []any{ref("text"), part}}}
		return object{"anyOf": []any{mapping, list}}
	}
	schema := object{"type": []any{"object", "null"}, "additionalProperties": part}
	if f.Name != "people" && f.Name != "api_tokens" && f.Path != "operator.tokens" { // the names are the IDs of approvers, or free texts
		schema["propertyNames"] = object{"pattern": namePattern}
	}
	return schema
}

// workflowSchema returns the schema of a workflow, which is the schema of "defaults" too.
func workflowSchema() object {
	parts := Describe()
	i := slices.IndexFunc(parts, func(f *Field) bool { return f.Name == "workflows" })
	return objectSchema(parts[i].Fields[0].Fields)
}

// expressionsSchema returns the schema of the expressions of requests or decisions, whose names are known.
func expressionsSchema(f *Field) object {
	known := decisionFields()
	if f.Path == "workflows.NAME.requests.fields" {
		known = requestFields()
	}
	properties := object{}
	for name, expressions := range known {
		property := ref("expressions")
		if len(expressions) > 0 {
			property["default"] = expressions
		}
		properties[name] = property
	}
	return object{"type": []any{"object", "null"}, "properties": properties, "additionalProperties": false}
}

// typeSchema returns the schema of the values of a type.
func typeSchema(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return ref("duration")
	case reflect.TypeFor[time.Time]():
		return ref("time")
	case reflect.TypeFor[secret.Text]():
		return ref("secret")
	case reflect.TypeFor[Policy]():
		return ref("policy")
	case reflect.TypeFor[Mark]():
		return ref("mark")
	case reflect.TypeFor[language.Text]():
		return ref("words")
	case reflect.TypeFor[FormSchema]():
		return object{"type": []any{"object", "null"}}
	}
	switch t.Kind() {
	case reflect.Int:
		return ref("integer")
	case reflect.Float64:
		return ref("number")
	case reflect.Bool:
		return ref("boolean")
	case reflect.String:
		return ref("text")
	case reflect.Slice:
		return listOf(typeSchema(t.Elem()))
	case reflect.Map:
		return object{"type": []any{"object", "null"}, "additionalProperties": typeSchema(t.Elem())}
	}
	return object{} // any value
}
