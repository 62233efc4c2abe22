package form_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
)

const everyKind = `{"properties": {
	"text":   {"type": "string", "minLength": 2, "maxLength": 4},
	"mail":   {"type": "string", "format": "email"},
	"site":   {"type": "string", "format": "uri"},
	"day":    {"type": "string", "format": "date"},
	"at":     {"type": "string", "format": "date-time"},
	"limit":  {"type": "number", "minimum": 1, "maximum": 5000.5},
	"count":  {"type": "integer", "minimum": -3},
	"agreed": {"type": "boolean"},
	"color":  {"type": "string", "enum": ["red", "blue"]},
	"tags":   {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 1, "maxItems": 2}
}}`

func TestCheckValues(t *testing.T) {
	t.Parallel()

	f := parse(t, everyKind)
	all := names(f)
	fault := func(field string, code form.FaultCode, want string) []form.Fault {
		return []form.Fault{{Field: field, Code: code, Want: want}}
	}
	for _, tt := range []struct {
		raw    string
		want   string
		faults []form.Fault
	}{
		{raw: ``},
		{raw: `{}`},
		{raw: `{"text": "äöü"}`, want: `{"text":"äöü"}`},
		{raw: `{"text": "ab"}`, want: `{"text":"ab"}`},
		{raw: `{"text": "a"}`, faults: fault("text", form.TooShort, "2")},
		{raw: `{"text": "abcde"}`, faults: fault("text", form.TooLong, "4")},
		{raw: `{"text": "a\u0000b"}`, faults: fault("text", form.BadFormat, "text")},
		{raw: `{"text": "a\n\tb"}`, want: `{"text":"a\n\tb"}`},
		{raw: `{"text": 12}`, faults: fault("text", form.WrongType, "string")},
		{raw: `{"text": null}`, faults: fault("text", form.WrongType, "string")},
		{raw: `{"mail": "ann@example.com"}`, want: `{"mail":"ann@example.com"}`},
		{raw: `{"mail": "Ann <ann@example.com>"}`, faults: fault("mail", form.BadFormat, "email")},
		{raw: `{"mail": "ann@localhost"}`, faults: fault("mail", form.BadFormat, "email")},
		{raw: `{"site": "https://example.com/a?b=c#d"}`, want: `{"site":"https://example.com/a?b=c#d"}`},
		{raw: `{"site": "mailto:ann@example.com"}`, want: `{"site":"mailto:ann@example.com"}`},
		{raw: `{"site": "example.com"}`, faults: fault("site", form.BadFormat, "uri")},
		{raw: `{"site": "https:///a"}`, faults: fault("site", form.BadFormat, "uri")},
		{raw: `{"site": "HTTPS://example.com"}`, want: `{"site":"HTTPS://example.com"}`},
		{raw: `{"site": "https://example.com/%zz"}`, faults: fault("site", form.BadFormat, "uri")},
		{raw: `{"site": "urn:a%"}`, faults: fault("site", form.BadFormat, "uri")},
		{raw: `{"site": "https://example.com/ä"}`, faults: fault("site", form.BadFormat, "uri")},
		{raw: `{"site": "https://example.com/a b"}`, faults: fault("site", form.BadFormat, "uri")},
		{raw: `{"day": "2028-02-29"}`, want: `{"day":"2028-02-29"}`},
		{raw: `{"day": "2026-02-29"}`, faults: fault("day", form.BadFormat, "date")},
		{raw: `{"day": "29.02.2028"}`, faults: fault("day", form.BadFormat, "date")},
		{raw: `{"at": "2026-07-02T10:15:00.5+02:00"}`, want: `{"at":"2026-07-02T10:15:00.5+02:00"}`},
		{raw: `{"at": "2026-07-02T10:15:00"}`, faults: fault("at", form.BadFormat, "date-time")},
		{raw: `{"at": "2026-07-02T10:15:00,5Z"}`, faults: fault("at", form.BadFormat, "date-time")},
		{raw: `{"limit": 1}`, want: `{"limit":1}`},
		{raw: `{"limit": 5000.50}`, want: `{"limit":5000.5}`},
		{raw: `{"limit": 0.999}`, faults: fault("limit", form.TooSmall, "1")},
		{raw: `{"limit": 5000.51}`, faults: fault("limit", form.TooGreat, "5000.5")},
		{raw: `{"limit": "5"}`, faults: fault("limit", form.WrongType, "number")},
		{raw: `{"limit": 1.23456789012345}`, want: `{"limit":1.23456789012345}`},
		{raw: `{"limit": 1.234567890123456}`, faults: fault("limit", form.Imprecise, "")},
		{raw: `{"limit": 1e400}`, faults: fault("limit", form.Imprecise, "")},
		{raw: `{"count": 5.0}`, want: `{"count":5}`},
		{raw: `{"count": -0}`, want: `{"count":0}`},
		{raw: `{"count": 1e3}`, want: `{"count":1000}`},
		{raw: `{"count": 5.5}`, faults: fault("count", form.WrongType, "integer")},
		{raw: `{"count": 9007199254740991}`, want: `{"count":9007199254740991}`},
		{raw: `{"count": 9007199254740992}`, faults: fault("count", form.Imprecise, "")},
		{raw: `{"count": 1e16}`, faults: fault("count", form.Imprecise, "")},
		{raw: `{"agreed": false}`, want: `{"agreed":false}`},
		{raw: `{"agreed": "true"}`, faults: fault("agreed", form.WrongType, "boolean")},
		{raw: `{"color": "red"}`, want: `{"color":"red"}`},
		{raw: `{"color": "Red"}`, faults: fault("color", form.NoOption, "")},
		{raw: `{"color": ["red"]}`, faults: fault("color", form.WrongType, "one")},
		{raw: `{"tags": ["b", "a"]}`, want: `{"tags":["a","b"]}`},
		{raw: `{"tags": []}`, faults: fault("tags", form.TooFew, "1")},
		{raw: `{"tags": ["a", "b", "c"]}`, faults: fault("tags", form.TooMany, "2")},
		{raw: `{"tags": ["a", "a"]}`, faults: fault("tags", form.Repeated, "")},
		{raw: `{"tags": ["a", "d"]}`, faults: fault("tags", form.NoOption, "")},
		{raw: `{"tags": "a"}`, faults: fault("tags", form.WrongType, "many")},
		{raw: `{"text": "ab", "text": "cd"}`, faults: fault("text", form.Repeated, "")},
		{raw: `{"other": 1}`, faults: fault("other", form.Unknown, "")},
		{raw: `{"o\u0007ther": 1}`, faults: fault("o\ufffdther", form.Unknown, "")},
		{raw: `{"text": "\ud800b"}`, faults: fault("", form.WrongType, "object")},
		{raw: `[]`, faults: fault("", form.WrongType, "object")},
		{raw: `null`, faults: fault("", form.WrongType, "object")},
		{raw: `{"text": "ab"`, faults: fault("", form.WrongType, "object")},
		{raw: `{"tags": [], "count": "a", "x": 1, "text": ""}`, faults: []form.Fault{
			{Field: "text", Code: form.TooShort, Want: "2"},
			{Field: "count", Code: form.WrongType, Want: "integer"},
			{Field: "tags", Code: form.TooFew, Want: "1"},
			{Field: "x", Code: form.Unknown},
		}},
	} {
		values, faults := f.CheckValues(all, []byte(tt.raw))
		assert.Equal(t, tt.faults, faults, tt.raw)
		assert.Equal(t, tt.want, string(values), tt.raw)
	}
}

func TestOnlyTheFieldsOfTheChoiceCount(t *testing.T) {
	t.Parallel()

	f := parse(t, `{"properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a", "b"]}`)
	values, faults := f.CheckValues([]string{"a"}, []byte(`{"a": "x"}`))
	assert.Empty(t, faults, "b is required, but it is not of this choice")
	assert.Equal(t, form.Values(`{"a":"x"}`), values)

	_, faults = f.CheckValues([]string{"a"}, []byte(`{"a": "x", "b": "y"}`))
	assert.Equal(t, []form.Fault{{Field: "b", Code: form.Unknown}}, faults)
	_, faults = f.CheckValues(nil, []byte(`{"a": "x"}`))
	assert.Equal(t, []form.Fault{{Field: "a", Code: form.Unknown}}, faults)
	_, faults = f.CheckValues([]string{"c"}, []byte(`{"c": "x"}`))
	assert.Equal(t, []form.Fault{{Field: "c", Code: form.Unknown}}, faults, "the form has no such field")
}

func TestARequiredValueIsNotEmpty(t *testing.T) {
	t.Parallel()

	f := parse(t, `{"properties": {
		"text": {"type": "string"},
		"agreed": {"type": "boolean"},
		"tags": {"type": "array", "items": {"enum": ["a"]}}
	}, "required": ["text", "agreed", "tags"]}`)
	fields := []string{"text", "agreed", "tags"}
	missing := func(name string) form.Fault { return form.Fault{Field: name, Code: form.Missing} }

	_, faults := f.CheckValues(fields, nil)
	assert.Equal(t, []form.Fault{missing("text"), missing("agreed"), missing("tags")}, faults)
	_, faults = f.CheckValues(fields, []byte(`{"text": " \n", "agreed": false, "tags": []}`))
	assert.Equal(t, []form.Fault{missing("text"), missing("tags")}, faults, "false is a value")
}

func TestAllValuesTogetherAreLimited(t *testing.T) {
	t.Parallel()

	f := parse(t, `{"properties": {"text": {"type": "string"}}}`)
	rest := form.MaxValues - len(`{"text":""}`)
	raw := fmt.Sprintf(`{"text":   %q}`, strings.Repeat("x", rest))
	values, faults := f.CheckValues([]string{"text"}, []byte(raw))
	assert.Empty(t, faults, "the canonical form counts")
	assert.Len(t, values, form.MaxValues)
	for _, length := range []int{rest + 1, 1 << 20} {
		_, faults = f.CheckValues([]string{"text"}, fmt.Appendf(nil, `{"text":%q}`, strings.Repeat("x", length)))
		assert.Equal(t, []form.Fault{{Code: form.TooLarge, Want: "32 KiB"}}, faults)
	}
}

func TestARefusalOfManyUnknownValuesIsShort(t *testing.T) {
	t.Parallel()

	f := parse(t, `{"properties": {"text": {"type": "string"}}}`)
	var raw strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&raw, `,"%s%d":1`, strings.Repeat("n", 20), i)
	}
	_, faults := f.CheckValues([]string{"text"}, []byte("{"+raw.String()[1:]+"}"))
	assert.Len(t, faults, form.MaxFields)
}

func TestFaultsHaveATextInEveryLanguage(t *testing.T) {
	t.Parallel()

	seen := map[string]bool{}
	for _, tag := range language.Languages() {
		words := language.For(tag)
		for _, code := range form.AllFaults() {
			text := form.Fault{Field: "limit", Code: code, Want: "5000"}.Text(words)
			assert.NotContains(t, text, "form.", "%s in %s", code, tag)
			assert.NotContains(t, text, "{", "%s in %s", code, tag)
			assert.False(t, seen[text], "%s in %s has the text of another fault or language", code, tag)
			seen[text] = true
		}
	}
	english := language.For("en")
	for fault, want := range map[form.Fault]string{
		{Code: form.TooShort, Want: "1"}:                                     "Please write at least one character.",
		{Code: form.TooShort, Want: "3"}:                                     "Please write at least 3 characters.",
		{Code: form.BadFormat, Want: "email"}:                                "Please give an e-mail address, such as name@example.com.",
		{Field: "choice", Code: form.Missing, Want: "approve, reject"}:       "Please choose one of these: approve, reject.",
		{Field: "limit", Code: form.WrongType, Want: string(form.Number)}:    "Please give a number, such as 1234.5.",
		{Field: "comment", Code: form.Missing}:                               "Please fill this in.",
		{Field: "", Code: form.TooLarge, Want: "32 KiB"}:                     "This is too long: all values together may have at most 32 KiB.",
		{Field: "choice", Code: form.NotOffered, Want: "approve, send_back"}: "Please choose one of these: approve, send_back.",
	} {
		assert.Equal(t, want, fault.Text(english))
	}
	assert.Equal(t, "limit: Please fill this in.", form.Fault{Field: "limit", Code: form.Missing}.Error())
}
