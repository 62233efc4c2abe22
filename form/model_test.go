package form_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/approval-relay/approval-relay/form"
)

// violation is the model of CheckValues, written from JSON Schema alone: it returns a rule of the form that the accepted
// values break, or nothing.
func violation(f form.Form, fields []string, raw []byte) string {
	var values map[string]any
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	if err := d.Decode(&values); err != nil {
		return "no object"
	}
	for name := range values {
		if !slices.Contains(fields, name) || f.Find(name) == nil {
			return name + " is unknown"
		}
	}
	for _, field := range f.Fields {
		value, given := values[field.Name]
		if !given {
			if field.Required && slices.Contains(fields, field.Name) {
				return field.Name + " is missing"
			}
			continue
		}
		if rule := brokenRule(field, value); rule != "" {
			return fmt.Sprintf("%s: %s", field.Name, rule)
		}
	}
	return ""
}

func brokenRule(field form.Field, value any) string {
	isOption := func(v any) bool {
		return slices.ContainsFunc(field.Options, func(o form.Option) bool { return any(o.Value) == v })
	}
	switch v := value.(type) {
	case string:
		length := utf8.RuneCountInString(v)
		switch {
		case field.Kind == form.One && !isOption(v):
			return "no option"
		case field.Kind != form.One && field.Kind != form.String:
			return "type"
		case length < field.MinLength || field.MaxLength != nil && length > *field.MaxLength:
			return "length"
		case field.Required && strings.TrimSpace(v) == "":
			return "empty"
		}
		return brokenFormat(field.Format, v)
	case json.Number:
		return brokenBound(field, v)
	case bool:
		if field.Kind != form.Boolean {
			return "type"
		}
	case []any:
		switch {
		case field.Kind != form.Many:
			return "type"
		case len(v) < field.MinItems || field.MaxItems != nil && len(v) > *field.MaxItems:
			return "items"
		case field.Required && len(v) == 0:
			return "empty"
		}
		for i, item := range v {
			if !isOption(item) || slices.Contains(v[:i], item) {
				return "no option, or twice"
			}
		}
	default:
		return "type"
	}
	return ""
}

func brokenFormat(format, s string) string {
	var err error
	switch format {
	case "email":
		_, err = mail.ParseAddress(s)
	case "uri":
		_, err = url.ParseRequestURI(strings.Replace(s, ":", "://x/", 1))
	case "date":
		_, err = time.Parse(time.DateOnly, s)
	case "date-time":
		_, err = time.Parse(time.RFC3339, strings.ToUpper(s))
	}
	if err != nil {
		return format
	}
	return ""
}

// brokenBound compares numbers as decimals of any length.
func brokenBound(field form.Field, n json.Number) string {
	v, ok := new(big.Rat).SetString(n.String())
	if !ok || field.Kind != form.Number && field.Kind != form.Integer {
		return "type"
	}
	if field.Kind == form.Integer && !v.IsInt() {
		return "not whole"
	}
	if low, ok := new(big.Rat).SetString(field.Minimum.String()); ok && v.Cmp(low) < 0 {
		return "minimum"
	}
	if high, ok := new(big.Rat).SetString(field.Maximum.String()); ok && v.Cmp(high) > 0 {
		return "maximum"
	}
	return ""
}

// TestCheckValuesAgreesWithTheSchema draws forms, choices and values, most of them near the limits.
func TestCheckValuesAgreesWithTheSchema(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		schema := drawSchema(t)
		f, faults := form.ParseSchema([]byte(schema))
		if len(faults) > 0 {
			t.Skip("the schema is impossible: " + faults[0].Error())
		}
		fields := rapid.SliceOfDistinct(rapid.SampledFrom(append(names(f), "x")), rapid.ID[string]).Draw(t, "fields")
		raw := drawValues(t, append(names(f), "x"))
		values, refused := f.CheckValues(fields, []byte(raw))
		rule := violation(f, fields, []byte(raw))
		require.Equal(t, rule != "", len(refused) > 0, "%s\n%s\nmodel: %s\nfaults: %v", schema, raw, rule, refused)
		if len(values) > 0 {
			require.JSONEq(t, sorted(raw), sorted(string(values)))
		}
	})
}

func drawSchema(t *rapid.T) string {
	small := rapid.IntRange(0, 3)
	kinds := []func() string{
		func() string { return `"type": "string"` },
		func() string {
			return fmt.Sprintf(`"type": "string", "minLength": %d, "maxLength": %d`, small.Draw(t, "min"), small.Draw(t, "max"))
		},
		func() string {
			return fmt.Sprintf(`"type": %q, "minimum": %d, "maximum": %d.5`,
				rapid.SampledFrom([]string{"number", "integer"}).Draw(t, "type"), small.Draw(t, "min"), small.Draw(t, "max"))
		},
		func() string { return `"type": "boolean"` },
		func() string { return `"type": "string", "enum": ["a", "bb"]` },
		func() string {
			return fmt.Sprintf(`"type": "array", "items": {"enum": ["a", "bb", "c"]}, "minItems": %d, "maxItems": %d`,
				small.Draw(t, "min"), small.Draw(t, "max"))
		},
	}
	var properties []string
	for i := range rapid.IntRange(1, 4).Draw(t, "fields") {
		properties = append(properties, fmt.Sprintf(`"f%d": {%s}`, i, rapid.SampledFrom(kinds).Draw(t, "kind")()))
	}
	var required []string
	for i := range properties {
		if rapid.Bool().Draw(t, "required") {
			required = append(required, fmt.Sprintf(`"f%d"`, i))
		}
	}
	return fmt.Sprintf(`{"properties": {%s}, "required": [%s]}`, strings.Join(properties, ", "), strings.Join(required, ", "))
}

func drawValues(t *rapid.T, fields []string) string {
	value := rapid.SampledFrom([]string{
		`""`, `" "`, `"a"`, `"bb"`, `"äöü"`, `"long"`, `0`, `1`, `1.0`, `2.5`, `3.50`, `3.51`, `4`, `-1`, `true`, `false`, `null`,
		`[]`, `["a"]`, `["c", "a"]`, `["a", "bb", "c"]`, `["a", "a"]`, `["d"]`, `[1]`, `{}`,
	})
	var members []string
	for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom(fields), rapid.ID[string]).Draw(t, "given") {
		members = append(members, fmt.Sprintf(`%q: %s`, name, value.Draw(t, "value")))
	}
	return "{" + strings.Join(members, ", ") + "}"
}

// sorted writes chosen options in the order of the form, as CheckValues does.
func sorted(raw string) string { return strings.ReplaceAll(raw, `["c", "a"]`, `["a", "c"]`) }
