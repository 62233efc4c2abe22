package expression

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// decodeErrors matches every error of DecodeJSON.
var decodeErrors = regexp.MustCompile(`^(is not a JSON object|is a list of several values, .*|(` + strings.Join([]string{
	"is not UTF-8",
	"is not JSON",
	"has more than one value",
	"nests deeper than 64 levels",
	"has the same name twice in one object",
	"has a number that is too large",
	"has a number that is too long",
}, "|") + `) \(byte \d+\))$`)

// replacedEscape matches the escapes of U+FFFD and of halves of surrogate pairs.
var replacedEscape = regexp.MustCompile(`(?i)\\u(fffd|d[89a-f][0-9a-f]{2})`)

func FuzzDecode(f *testing.F) {
	for _, text := range []string{
		body, `{"a":1,"a":2}`, `{"a":"\ud83d\ude00"}`, `{"a":"\ud83d"}`, "{\"a\":\"\xff\"}",
		`{"\\\ud800":[null,{"":1e999}]}`, `{"a":"`, "[[[", "{}x",
	} {
		f.Add([]byte(text))
	}
	for _, text := range scannedTexts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		requireSameScan(t, b)
		v, err := DecodeJSON(b)
		if err != nil {
			if !decodeErrors.MatchString(err.Error()) {
				t.Errorf("%q", err)
			}
			return
		}
		if _, ok := v.(map[string]any); !ok {
			t.Errorf("decoded a %T", v)
		}
		// Only a U+FFFD and half of a character may be read as U+FFFD.
		written := strings.Contains(string(b), "\ufffd") || replacedEscape.Match(b)
		eachText(v, func(s string) {
			if !utf8.ValidString(s) || !written && strings.Contains(s, "\ufffd") {
				t.Errorf("%q of %q", s, b)
			}
		})
	})
}

// eachText calls f for every text and name in a value.
func eachText(v any, f func(string)) {
	switch x := v.(type) {
	case string:
		f(x)
	case []any:
		for _, item := range x {
			eachText(item, f)
		}
	case map[string]any:
		for name, item := range x {
			f(name)
			eachText(item, f)
		}
	}
}

// plantSecret adds the token into every text, list and object of a body.
func plantSecret(v any) any {
	switch x := v.(type) {
	case string:
		return x + secret
	case []any:
		out := []any{secret}
		for _, item := range x {
			out = append(out, plantSecret(item))
		}
		return out
	case map[string]any:
		out := map[string]any{secret: secret, "s": secret}
		for name, item := range x {
			out[name] = plantSecret(item)
		}
		return out
	}
	return v
}

// An expression never panics, never returns a value that JSON does not have, and never quotes the body in its error.
func FuzzFind(f *testing.F) {
	c, err := NewCompiler()
	if err != nil {
		f.Fatal(err)
	}
	f.Add("body.a", body)
	f.Add("body.o.list.map(x, x.k)", body)
	for _, kind := range slices.Sorted(maps.Keys(failingExpressions)) {
		for _, form := range failingExpressions[kind] {
			source := strings.ReplaceAll(form, "TEXT", "body.s")
			if _, err := c.Compile(source); err != nil { // it would test nothing
				f.Errorf("%s: %v", source, err)
			}
			f.Add(source, `{"l": ["a"], "m": {"a": "b"}, "i": 7, "f": 1.5, "n": null, "big": 9223372036854775807}`)
		}
	}
	f.Fuzz(func(t *testing.T, source, text string) {
		field, err := c.Compile(source)
		if err != nil || leaks(source) {
			return
		}
		v, err := DecodeJSON([]byte(text))
		if err != nil {
			return
		}
		texts := map[string]string{"a": secret, secret: "a"}
		got, found, err := field.Find(Input{Body: plantSecret(v), Headers: texts, Meta: texts})
		if err != nil && (found || got != nil || leaks(err.Error())) {
			t.Errorf("%v, %v, %v", got, found, err)
		}
		_, _ = AsText(got)
		_, _ = AsIDList(got)
		if at, err := AsTime(got); err == nil {
			if _, err := at.MarshalJSON(); err != nil {
				t.Errorf("%v cannot be written", at)
			}
		}
		_, _ = AsDuration(got)
	})
}
