package form

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/approval-relay/approval-relay/canonical"
	"github.com/approval-relay/approval-relay/language"
)

// Formats lists the formats of a String.
func Formats() []string { return []string{"email", "uri", "date", "date-time"} }

// field reads a property of a schema.
func (p *parser) field(at string, schema canonical.Value) Field {
	var f Field
	kind := schema.Member("type")
	if kind == nil || kind.Kind != canonical.String {
		p.fault(at+"/type", "is not one of string, number, integer, boolean and array")
		return f
	}
	keywords := append([]string{"type", "title", "description", "default"}, p.extensions...)
	switch kind.Text {
	case "string":
		if schema.Member("enum") != nil || schema.Member("oneOf") != nil || schema.Member("enumNames") != nil {
			f.Kind = One
			p.supported(at, schema, append(keywords, "enum", "enumNames", "oneOf")...)
			f.Options = p.options(at, schema, "oneOf")
			break
		}
		f.Kind = String
		p.supported(at, schema, append(keywords, "minLength", "maxLength", "format")...)
		p.texts(at, schema, &f)
	case "number", "integer":
		f.Kind = Kind(kind.Text)
		p.supported(at, schema, append(keywords, "minimum", "maximum")...)
		p.numbers(at, schema, &f)
	case "boolean":
		f.Kind = Boolean
		p.supported(at, schema, keywords...)
	case "array":
		f.Kind = Many
		p.supported(at, schema, append(keywords, "items", "minItems", "maxItems", "uniqueItems")...)
		p.several(at, schema, &f)
	default:
		p.fault(at+"/type", "is not one of string, number, integer, boolean and array")
		return f
	}
	f.Title = p.text(at+"/title", schema.Member("title"))
	f.Description = p.text(at+"/description", schema.Member("description"))
	p.preset(at, schema.Member("default"), &f)
	return f
}

// preset reads the default. It is judged only if the rest of the schema has no fault.
func (p *parser) preset(at string, v *canonical.Value, f *Field) {
	if v == nil || len(p.faults) > 0 {
		return
	}
	value, faults := f.check(*v)
	if len(faults) > 0 {
		p.fault(at+"/default", "is no value of this field: %s", faults[0].reason())
		return
	}
	f.Default = value
}

func (p *parser) texts(at string, schema canonical.Value, f *Field) {
	f.MinLength, _ = p.count(at+"/minLength", schema.Member("minLength"))
	if n, ok := p.count(at+"/maxLength", schema.Member("maxLength")); ok {
		f.MaxLength = &n
	}
	if f.MaxLength != nil && f.MinLength > *f.MaxLength {
		p.fault(at+"/minLength", "is greater than maxLength")
	}
	if f.MinLength > MaxValues {
		p.fault(at+"/minLength", "is greater than the limit of all values, %d bytes", MaxValues)
	}
	if format := schema.Member("format"); format != nil {
		if format.Kind != canonical.String || !slices.Contains(Formats(), format.Text) {
			p.fault(at+"/format", "is not one of email, uri, date and date-time")
			return
		}
		f.Format = format.Text
	}
}

func (p *parser) numbers(at string, schema canonical.Value, f *Field) {
	low, hasLow := p.number(at+"/minimum", schema.Member("minimum"), &f.Minimum)
	high, hasHigh := p.number(at+"/maximum", schema.Member("maximum"), &f.Maximum)
	if hasLow && hasHigh && low > high {
		p.fault(at+"/minimum", "is greater than maximum")
	}
	if f.Kind == Integer && !hasInteger(low, hasLow, high, hasHigh) {
		p.fault(at, "has no integer between minimum and maximum that JSON readers keep")
	}
}

func (p *parser) number(at string, v *canonical.Value, to *json.Number) (float64, bool) {
	if v == nil {
		return 0, false
	}
	if v.Kind != canonical.Number {
		p.fault(at, "is not a number")
		return 0, false
	}
	text, ok := exactNumber(v.Text)
	if !ok {
		p.fault(at, "has more digits than JSON readers keep")
		return 0, false
	}
	*to = json.Number(text)
	f, _ := to.Float64()
	return f, true
}

// several reads the options and the bounds of an array.
func (p *parser) several(at string, schema canonical.Value, f *Field) {
	items := schema.Member("items")
	if items == nil || items.Kind != canonical.Object {
		p.fault(at+"/items", "is not an object with enum or anyOf")
		return
	}
	here := at + "/items"
	p.supported(here, *items, "type", "enum", "enumNames", "anyOf", "oneOf")
	if kind := items.Member("type"); kind != nil && !isString(*kind, "string") {
		p.fault(here+"/type", `is not "string"`)
	}
	list := "anyOf"
	if items.Member("anyOf") == nil && items.Member("oneOf") != nil {
		list = "oneOf"
	} else if items.Member("oneOf") != nil {
		p.fault(here+"/oneOf", "is given beside anyOf")
	}
	f.Options = p.options(here, *items, list)
	if unique := schema.Member("uniqueItems"); unique != nil && (unique.Kind != canonical.Bool || !unique.True) {
		p.fault(at+"/uniqueItems", "is not true; an option is chosen once")
	}
	f.MinItems, _ = p.count(at+"/minItems", schema.Member("minItems"))
	if n, ok := p.count(at+"/maxItems", schema.Member("maxItems")); ok {
		f.MaxItems = &n
	}
	if f.MaxItems != nil && f.MinItems > *f.MaxItems {
		p.fault(at+"/minItems", "is greater than maxItems")
	}
	if f.MinItems > len(f.Options) {
		p.fault(at+"/minItems", "is greater than the number of options")
	}
}

// count reads a number of characters or items.
func (p *parser) count(at string, v *canonical.Value) (int, bool) {
	if v == nil {
		return 0, false
	}
	if v.Kind == canonical.Number {
		if text, ok := exactNumber(v.Text); ok {
			if n, err := strconv.ParseInt(text, 10, 32); err == nil && n >= 0 {
				return int(n), true
			}
		}
	}
	p.fault(at, "is not a whole number of 0 or more")
	return 0, false
}

// text reads a text for people: a string, or texts by language.
func (p *parser) text(at string, v *canonical.Value) language.Text {
	if v == nil {
		return nil
	}
	texts := language.Text{}
	switch v.Kind {
	case canonical.String:
		texts[""] = v.Text
	case canonical.Object:
		for _, m := range v.Members {
			if _, twice := texts[language.Tag(m.Name)]; twice || m.Value.Kind != canonical.String {
				p.fault(at+"/"+canonical.EscapePointer(m.Name), "is not one text")
			}
			texts[language.Tag(m.Name)] = m.Value.Text
		}
	default:
		p.fault(at, "is neither a text nor texts by language")
	}
	for tag, s := range texts {
		if !isPlain(s) {
			p.fault(at, "has control characters")
		}
		if s == "" {
			delete(texts, tag)
		}
	}
	if len(texts) == 0 {
		return nil
	}
	return texts
}
