package form_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
)

func TestFromStringsReadsWhatPeopleType(t *testing.T) {
	t.Parallel()

	f := parse(t, `{"properties": {
		"text":   {"type": "string"},
		"mail":   {"type": "string", "format": "email"},
		"at":     {"type": "string", "format": "date-time"},
		"limit":  {"type": "number"},
		"count":  {"type": "integer"},
		"agreed": {"type": "boolean"},
		"color":  {"type": "string", "enum": ["red", " blue"]},
		"tags":   {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}
	}}`)
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	type typed = map[string][]string
	for _, tt := range []struct {
		name   string
		fields []string
		typed  typed
		want   string
	}{
		{"nothing", []string{"text", "limit", "color", "tags"}, typed{"text": {"  "}, "limit": {""}, "color": {""}, "tags": {""}}, ``},
		{"text is trimmed", []string{"text"}, typed{"text": {"  one\r\ntwo \n"}}, `{"text": "one\ntwo"}`},
		{"other inputs", []string{"text"}, typed{"text": {"a"}, "nonce": {"b"}, "limit": {"5"}}, `{"text": "a"}`},
		{"number", []string{"limit"}, typed{"limit": {" 5,000.50 "}}, `{"limit": 5000.50}`},
		{"no number", []string{"limit"}, typed{"limit": {"five"}}, `{"limit": "five"}`},
		{"box not checked", []string{"agreed"}, typed{}, `{"agreed": false}`},
		{"box checked", []string{"agreed"}, typed{"agreed": {"on"}}, `{"agreed": true}`},
		{"box with hidden input", []string{"agreed"}, typed{"agreed": {"false", "true"}}, `{"agreed": true}`},
		{"box of nonsense", []string{"agreed"}, typed{"agreed": {"perhaps"}}, `{"agreed": "perhaps"}`},
		{"option as it is", []string{"color"}, typed{"color": {" blue"}}, `{"color": " blue"}`},
		{"options", []string{"tags"}, typed{"tags": {"b", "a"}}, `{"tags": ["b", "a"]}`},
		{"two texts", []string{"text"}, typed{"text": {"a", "b"}}, `{"text": ["a", "b"]}`},
		{"local time", []string{"at"}, typed{"at": {"2026-07-02T10:15"}}, `{"at": "2026-07-02T10:15:00+02:00"}`},
		{"time with zone", []string{"at"}, typed{"at": {"2026-07-02T10:15:00Z"}}, `{"at": "2026-07-02T10:15:00Z"}`},
		{"time that the clocks skip", []string{"at"}, typed{"at": {"2026-03-29T02:30"}}, `{"at": "2026-03-29T02:30"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := f.FromStrings(tt.fields, tt.typed, form.Locale{Language: "en", Zone: berlin})
			if tt.want == "" {
				assert.Empty(t, got)
				return
			}
			assert.JSONEq(t, tt.want, string(got))
		})
	}
}

func TestNumbersAreReadInTheLanguageOfTheirWriter(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		tag   language.Tag
		typed string
		want  string // empty if it is refused
	}{
		{"en", "5000", "5000"},
		{"en", "5,000.50", "5000.50"},
		{"en", "5,000", "5000"},
		{"en", "1,234,567", "1234567"},
		{"en", "5 000", "5000"},
		{"en", "-0.5", "-0.5"},
		{"en", "−12", "-12"},
		{"en", "+12", "12"},
		{"en", "007", "7"},
		{"en", "0", "0"},
		{"en", "00.5", "0.5"},
		{"en", ".5", "0.5"},
		{"en", "19.90", "19.90"},
		{"en", "0.125", "0.125"},
		{"en", "1,234.567", "1234.567"},
		{"en", "1.234", ""}, // 1234 to a German
		{"en", "5.000,50", ""},
		{"en", "1,5", ""},
		{"en", "12,34", ""},
		{"en", "1,23,456", ""},
		{"en", "1.2.3", ""},
		{"en", "5.", ""},
		{"en", "1e3", ""},
		{"en", "0x10", ""},
		{"en", "--5", ""},
		{"en", "+-5", ""},
		{"en", "5 EUR", ""},
		{"en", "NaN", ""},
		{"en", "Infinity", ""},
		{"en", "", ""},
		{"de", "5000", "5000"},
		{"de", "5.000,50", "5000.50"},
		{"de", "5.000", "5000"},
		{"de", "19,90", "19.90"},
		{"de", "1,234", ""}, // 1234 to an American
		{"de", "5,000.50", ""},
		{"de", "1.5", ""},
		{"de-AT", "1 234,5", "1234.5"},
		{"de-AT", "1.234,5", "1234.5"},
		{"de-CH", "1,234", ""}, // many write a comma for the decimal point
		{"de-CH", "1’234.50", "1234.50"},
		{"de-CH", "1'234.50", "1234.50"},
		{form.Plain, "1.234", "1.234"},
		{form.Plain, "1e3", "1e3"},
		{form.Plain, "-5", "-5"},
		{form.Plain, "1,234", ""},
		{form.Plain, "007", ""},
	} {
		got, ok := form.ParseNumber(tt.typed, tt.tag)
		assert.Equal(t, tt.want != "", ok, "%s: %q", tt.tag, tt.typed)
		if ok {
			assert.Equal(t, tt.want, string(got), "%s: %q", tt.tag, tt.typed)
		}
	}
}

func TestNumbersAreReadAsTheyAreShown(t *testing.T) {
	t.Parallel()

	for n, want := range map[json.Number][2]string{
		"0":          {"0", "0"},
		"-1234567.5": {"-1234567.5", "-1234567,5"},
		"1.085":      {"1.0850", "1,0850"},
		"-1.085":     {"-1.0850", "-1,0850"},
		"0.125":      {"0.125", "0,125"},
		"1e-7":       {"0.0000001", "0,0000001"},
		"1e+21":      {"1000000000000000000000", "1000000000000000000000"},
	} {
		assert.Equal(t, want, [2]string{form.TypeNumber(n, "en"), form.TypeNumber(n, "de")})
	}
	rapid.Check(t, func(t *rapid.T) {
		n := json.Number(rapid.StringMatching(`-?(0|[1-9][0-9]{0,6})(\.[0-9]{1,7})?(e-?[0-9]{1,2})?`).Draw(t, "number"))
		tag := rapid.SampledFrom([]language.Tag{"en", "de", "de-CH", "de-AT", form.Plain}).Draw(t, "tag")
		typed := form.TypeNumber(n, tag)
		got, ok := form.ParseNumber(typed, tag)
		require.True(t, ok, "%s in %s", typed, tag)
		want, err := n.Float64()
		require.NoError(t, err)
		have, err := got.Float64()
		require.NoError(t, err)
		require.Zero(t, want-have, "%v is %v", want, have)
	})
}

func parse(t *testing.T, schema string) form.Form {
	t.Helper()
	f, faults := form.ParseSchema([]byte(schema))
	require.Empty(t, faults)
	return f
}
