package form

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/canonical"
)

// SchemaFault is a fault of a schema.
type SchemaFault struct {
	Pointer string // the place, as a JSON Pointer (RFC 6901) into the schema
	Problem string // such as "is not supported"
}

// Error returns the place and the problem.
func (f SchemaFault) Error() string {
	if f.Pointer == "" {
		return "the schema " + f.Problem
	}
	return f.Pointer + " " + f.Problem
}

// Place returns the place as a path of a configuration file, such as "form.properties.limit.minimum" if the schema is the
// value of "form".
func (f SchemaFault) Place(schema string) string {
	var place strings.Builder
	place.WriteString(schema)
	for token := range strings.SplitSeq(strings.TrimPrefix(f.Pointer, "/"), "/") {
		if token != "" {
			place.WriteString("." + strings.NewReplacer("~1", "/", "~0", "~").Replace(token))
		}
	}
	return place.String()
}

// fieldName is the rule for names of fields. They stand in HTML, in Slack's blocks and on the command line.
var fieldName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,63}$`)

// ParseSchema reads a form from a schema: a flat object, as MCP's elicitation has it in its version 2025-11-25. The
// fields are in the order of the schema. Extensions are keywords of a property that the caller reads by itself.
//
// A keyword that is not supported is a fault and never ignored, because the form would then accept values that the schema
// forbids. Only the annotations $schema, $id, $comment, title and description are tolerated beside the properties.
func ParseSchema(raw json.RawMessage, extensions ...string) (Form, []SchemaFault) {
	p := parser{extensions: extensions}
	if len(raw) > MaxSchema {
		p.fault("", "is longer than %d bytes", MaxSchema)
		return Form{}, p.faults
	}
	v, err := canonical.Parse(raw)
	if err != nil {
		p.fault("", "%s", err)
		return Form{}, p.faults
	}
	form := p.form(v)
	if len(p.faults) > 0 {
		return Form{}, p.faults
	}
	return form, nil
}

// parser reads a schema and collects its faults.
type parser struct {
	extensions []string
	faults     []SchemaFault
}

func (p *parser) fault(pointer, format string, args ...any) {
	p.faults = append(p.faults, SchemaFault{Pointer: pointer, Problem: fmt.Sprintf(format, args...)})
}

func (p *parser) form(schema canonical.Value) Form {
	if !p.isObject("", schema) {
		return Form{}
	}
	p.supported("", schema, "type", "properties", "required", "additionalProperties",
		"$schema", "$id", "$comment", "title", "description")
	if kind := schema.Member("type"); kind != nil && !isString(*kind, "object") {
		p.fault("/type", `is not "object"`)
	}
	if more := schema.Member("additionalProperties"); more != nil && (more.Kind != canonical.Bool || more.True) {
		p.fault("/additionalProperties", "is not false; other values than the form's are always refused")
	}
	var form Form
	properties := schema.Member("properties")
	switch {
	case properties == nil:
		p.fault("", `has no "properties"`)
	case p.isObject("/properties", *properties):
		form.Fields = p.fields(*properties)
		p.required(schema.Member("required"), &form, *properties)
	}
	return form
}

func (p *parser) fields(properties canonical.Value) []Field {
	if n := len(properties.Members); n == 0 || n > MaxFields {
		p.fault("/properties", "has %d fields, but a form has 1 to %d", n, MaxFields)
	}
	var fields []Field
	for _, m := range properties.Members {
		at := "/properties/" + canonical.EscapePointer(m.Name)
		if !fieldName.MatchString(m.Name) {
			p.fault(at, "is no name of a field: it has 1 to 64 letters, digits, dots, hyphens and underscores, "+
				"and begins with a letter or an underscore")
		}
		if p.isObject(at, m.Value) {
			f := p.field(at, m.Value)
			f.Name = m.Name
			fields = append(fields, f)
		}
	}
	return fields
}

// required marks the required fields. It is called when the fields are known.
func (p *parser) required(names *canonical.Value, form *Form, properties canonical.Value) {
	if names == nil {
		return
	}
	seen := map[string]bool{}
	list, _ := p.strings("/required", *names)
	for i, name := range list {
		at := fmt.Sprintf("/required/%d", i)
		f := form.Find(name)
		switch {
		case properties.Member(name) == nil:
			p.fault(at, "is not the name of a property")
		case seen[name]:
			p.fault(at, "is given twice")
		case f != nil:
			f.Required = true
			p.possible("/properties/"+canonical.EscapePointer(name), *f)
		}
		seen[name] = true
	}
}

// possible states a fault if no value can be right for a required field.
func (p *parser) possible(at string, f Field) {
	if f.MaxLength != nil && *f.MaxLength == 0 {
		p.fault(at+"/maxLength", "is 0, but the field is required")
	}
	if f.MaxItems != nil && *f.MaxItems == 0 {
		p.fault(at+"/maxItems", "is 0, but the field is required")
	}
}

// supported states a fault for each keyword that is not supported, and for each that is given twice.
func (p *parser) supported(at string, schema canonical.Value, keywords ...string) {
	seen := map[string]bool{}
	for _, m := range schema.Members {
		here := at + "/" + canonical.EscapePointer(m.Name)
		switch {
		case seen[m.Name]:
			p.fault(here, "is given twice")
		case !slices.Contains(keywords, m.Name):
			p.fault(here, "is not supported")
		}
		seen[m.Name] = true
	}
}

func (p *parser) isObject(at string, v canonical.Value) bool {
	if v.Kind != canonical.Object {
		p.fault(at, "is not an object")
		return false
	}
	seen := map[string]bool{}
	for _, m := range v.Members {
		if at == "/properties" && seen[m.Name] { // for schemas, supported finds it
			p.fault(at+"/"+canonical.EscapePointer(m.Name), "is given twice")
		}
		seen[m.Name] = true
	}
	return true
}

// strings reads a list of strings. It reports false at the first fault.
func (p *parser) strings(at string, v canonical.Value) ([]string, bool) {
	if v.Kind != canonical.Array {
		p.fault(at, "is not a list of strings")
		return nil, false
	}
	all := make([]string, len(v.Items))
	for i, item := range v.Items {
		if item.Kind != canonical.String {
			p.fault(fmt.Sprintf("%s/%d", at, i), "is not a string")
			return nil, false
		}
		all[i] = item.Text
	}
	return all, true
}

func isString(v canonical.Value, s string) bool { return v.Kind == canonical.String && v.Text == s }
