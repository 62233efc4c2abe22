package form_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/form"
)

// FuzzSchema checks that a schema is either refused with its faults, or makes a form within the limits, whose defaults
// are values of it and that survives its record.
func FuzzSchema(f *testing.F) {
	f.Add(everyKind)
	f.Add(property(`{"type": "string", "oneOf": [{"const": "a", "title": {"en": "A", "de": "Ä"}}], "default": "a"}`))
	f.Add(property(`{"type": "integer", "minimum": 1e3, "maximum": 1E4, "default": 5000.0}`))
	f.Add(property(`{"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2, "default": ["b", "a"]}`))
	f.Add(property(`{"type": "string", "\ud800": 1}`))
	f.Add(`{"properties": {"a": {"type": "boolean"}}, "required": ["a"]}`)

	f.Fuzz(func(t *testing.T, schema string) {
		got, faults := form.ParseSchema([]byte(schema))
		if len(faults) > 0 {
			assert.Empty(t, got.Fields)
			for _, fault := range faults {
				assert.NotEmpty(t, fault.Problem)
			}
			return
		}
		assert.LessOrEqual(t, len(got.Fields), form.MaxFields)
		assert.NotEmpty(t, got.Fields)
		for _, field := range got.Fields {
			assert.LessOrEqual(t, len(field.Options), form.MaxOptions)
			if field.Default != nil {
				value, faults := field.Check(field.Default)
				assert.Empty(t, faults)
				assert.Equal(t, string(field.Default), string(value))
			}
		}
		record, err := json.Marshal(got)
		require.NoError(t, err)
		var read form.Form
		require.NoError(t, json.Unmarshal(record, &read))
		assert.Equal(t, got, read)
	})
}

// FuzzValues checks that values are either refused with their faults, or accepted in a canonical form that is accepted
// again as it is.
func FuzzValues(f *testing.F) {
	f.Add(`{"text": "ab", "limit": 5.0, "agreed": true, "tags": ["b", "a"]}`)
	f.Add(`{"mail": "ann@example.com", "site": "https://example.com", "day": "2028-02-29", "at": "2026-07-02T10:15:00Z"}`)
	f.Add(`{"count": 9007199254740991, "color": "red"}`)
	f.Add(`{"text": "\u0061b", "text": "ab"}`)
	f.Add(`{"count": 1e-7, "limit": 1.0000000000000001}`)

	schema, faults := form.ParseSchema([]byte(everyKind))
	require.Empty(f, faults)
	fields := names(schema)
	f.Fuzz(func(t *testing.T, raw string) {
		values, faults := schema.CheckValues(fields, []byte(raw))
		if len(faults) > 0 {
			assert.Empty(t, values)
			assert.LessOrEqual(t, len(faults), 2*form.MaxFields)
			return
		}
		if len(values) == 0 {
			return
		}
		assert.LessOrEqual(t, len(values), form.MaxValues)
		again, faults := schema.CheckValues(fields, json.RawMessage(values))
		assert.Empty(t, faults)
		assert.Equal(t, string(values), string(again))
		assert.Empty(t, violation(schema, fields, []byte(values)))
	})
}

func names(f form.Form) []string {
	var all []string
	for _, field := range f.Fields {
		all = append(all, field.Name)
	}
	return all
}
