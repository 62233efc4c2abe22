package expression

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// secret is a token in a body.
const secret = "s3cr3tT0k3n"

// leaks reports whether a text contains the token, in any form that an expression can give it.
func leaks(text string) bool {
	text = strings.ToLower(text)
	turned := []rune(secret)
	for i, j := 0, len(turned)-1; i < j; i, j = i+1, j-1 {
		turned[i], turned[j] = turned[j], turned[i]
	}
	for _, form := range []string{secret, string(turned), hex.EncodeToString([]byte(secret))} {
		if strings.Contains(text, strings.ToLower(form)) {
			return true
		}
	}
	return false
}

// inputWithSecret returns an input with the token at every place that can have it.
func inputWithSecret(t testing.TB) Input {
	t.Helper()
	text := `{"s": "T", "l": ["T", "a"], "m": {"T": "T"}, "mm": {"a": {"T": ["T"]}}, "q": "\"T\"", "k": "no such key: T",
		"line": "a\nT", "tick": "` + "`T`" + `", "quote": "'T", "i": 7, "big": 9223372036854775807, "f": 1.5, "n": null,
		"t": true}`
	v, err := DecodeJSON([]byte(strings.ReplaceAll(text, "T", secret)))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{"a": secret, secret: "a"}
	return Input{Body: v, Headers: texts, Meta: texts}
}

// failingExpressions are expressions that fail, by their use of TEXT, which stands for each text of the input.
var failingExpressions = map[string][]string{
	"conversions": {
		"int(TEXT)", "uint(TEXT)", "double(TEXT)", "bool(TEXT)", "timestamp(TEXT)", "duration(TEXT)",
		"timestamp('2026-01-01T' + TEXT)",
		"duration('1' + TEXT)", "string(body.m)", "bytes(body.l)", "int(body.m)",
		"timestamp(dyn(bytes(TEXT)))", "timestamp(TEXT + '\"')", "string(dyn({TEXT: TEXT}))",
	},
	"indexes": {
		"body.l[TEXT]", "[TEXT][TEXT]", "body.l[body.f]", "body.m[body.l]", "body.m[body.m]",
		"body.l[body.l]", "[1, 2][dyn({TEXT: 1})]", "{'a': 1}[dyn([TEXT])]",
	},
	"operators": {
		"TEXT + 1", "1 + TEXT", "TEXT - TEXT", "-TEXT", "!TEXT", "TEXT && true", "TEXT || false",
		"TEXT ? 1 : 2", "TEXT < 1", "TEXT >= body.l", "TEXT in TEXT",
		"TEXT * 2", "TEXT % 2", "body.m + body.m", "body.l + TEXT", "dyn({TEXT: 1}) + [TEXT]",
		"body.i / (size(TEXT) - size(TEXT))", "body.big + size(TEXT)", "duration('1s') + TEXT",
	},
	"functions": {
		"size(body.i)", "TEXT.charAt(99)", "TEXT.substring(5, 2)", "json(TEXT)", "json('{\"a\": ' + TEXT)",
		"json(TEXT + '{}')", "json(dyn([TEXT]))", "json('{\"' + TEXT + '\": 1e999}')",
		"TEXT.substring(99)",
		"TEXT.indexOf('a', -1)", "'%d'.format([TEXT])", "'%x'.format([body.m])", "'%f'.format([TEXT])",
		"'%e'.format([body.l])", "(TEXT + '%d').format([TEXT])",
		"('%.' + TEXT + 'f').format([1.0])", "('%' + TEXT + '%y').format([1])", "(TEXT + '%s').format([])",
		"'%b'.format([TEXT])", "[1, TEXT].join()", "body.m.join()", "TEXT.split(dyn(1))",
		"TEXT.replace(dyn(1), 'a')", "TEXT.getHours()",
	},
	"times": {
		"timestamp('2026-01-01T00:00:00Z').getHours(TEXT)",
		"timestamp('2026-01-01T00:00:00Z').getHours('99:' + TEXT)",
		"timestamp('2026-01-01T00:00:00Z').getHours(TEXT + ':10')",
		"timestamp('9999-12-31T23:59:59Z') + duration(string(size(TEXT)) + 'h')",
	},
	"loops": {
		"body.l.all(x, x > 1)", "body.m.all(k, k > 1)", "body.l.map(x, int(x))",
		"body.l.exists(x, duration(x) > duration('1s'))", "body.l.filter(x, x)",
		"body.l.exists_one(x, x + 1 > 0)", "TEXT.all(x, x)", "TEXT.map(x, x)", "body.i.filter(x, x)",
		"body.l.map(x, timestamp(x + TEXT))", "[TEXT].map(x, x.map(y, y))",
	},
	"optional": {
		"[?dyn(TEXT)]", "{?'a': dyn(TEXT)}", "[?body.m]", "{?'a': body.m}", "dyn(optional.of(TEXT)) + 1",
		"body.?s.value() + 1", "optional.of(dyn(TEXT)).orValue(1) + 1",
	},
	"messages": {
		"google.protobuf.StringValue{value: size(TEXT) > 0 ? dyn(1) : dyn('')}",
		"google.protobuf.Int64Value{value: dyn(TEXT)}", "google.protobuf.Any{type_url: TEXT}",
		"google.protobuf.Struct{fields: dyn(TEXT)}", "google.protobuf.Timestamp{seconds: dyn(TEXT)}",
		"google.protobuf.Any{type_url: TEXT, value: bytes(TEXT)}",
		"google.protobuf.Value{bool_value: dyn(TEXT)}", "google.protobuf.ListValue{values: dyn(body.m)}",
		"google.protobuf.Duration{seconds: dyn(TEXT)}",
	},
	"values": {
		"{1: TEXT}", "{body.l: 1}", "[TEXT, 0.0 / 0.0]", "{TEXT: {1: TEXT}}", "type(TEXT)", "{TEXT: type(TEXT)}",
	},
}

// secretTexts are the places of the token in the input.
var secretTexts = []string{
	"body.s", "body.l[0]", "body.m[body.s]", "body.mm.a[body.s][0]", "body.q", "body.k", "body.line",
	"body.tick", "body.quote", "headers.a", "meta.a",
	"(body.s + body.s)", "body.s.upperAscii()", "body.s.reverse()", "strings.quote(body.s)",
	"string(bytes(body.s))", "'%x'.format([body.s])", "body.l.join(' ')", "'%s'.format([body.m])",
}

// The error of a failing expression never quotes the body: a token is a bearer capability, and errors are logged and
// returned to senders.
func TestErrorsQuoteNothing(t *testing.T) {
	t.Parallel()
	c, _ := NewCompiler()
	in := inputWithSecret(t)
	for kind, sources := range failingExpressions {
		for _, form := range sources {
			failed := 0
			for _, text := range secretTexts {
				source := strings.ReplaceAll(form, "TEXT", text)
				f, err := c.Compile(source)
				if err != nil {
					continue // the compiler knows that it is not a text
				}
				v, found, err := f.Find(in)
				if err == nil {
					continue
				}
				failed++
				printed := fmt.Sprintf("%v %+v %#v", err, err, errors.Unwrap(err))
				if v != nil || found || leaks(printed) || !strings.Contains(err.Error(), strconv.Quote(source)) {
					t.Errorf("%s: %v, %v", source, v, err)
				}
			}
			if failed == 0 {
				t.Errorf("%s: %s does not fail", kind, form)
			}
		}
	}
}

// Some failures mean that a value is missing. A body cannot cause such a failure by its texts.
func TestMissing(t *testing.T) {
	t.Parallel()
	in := inputWithSecret(t)
	c, _ := NewCompiler()
	for source, want := range map[string]bool{
		"body['none']":            true,
		"body.m['none']":          true,
		"body.l[2]":               true,
		"body.l[-1]":              true,
		"body.mm.a.b.c":           true,
		"headers['x']":            true,
		"optional.none().value()": true,
		"body.?none.value()":      true,
		"body.n.a":                true,
		"body.n[0]":               true,
		"{'a': 1}[body.s]":        true,
		"string(body.n)":          true,
		"body.n.startsWith('a')":  false,
		"body.n + 1":              false, // CEL does not report the null
		"body.s + 1":              false,
		"int(body.k)":             false,
		"timestamp(body.k)":       false,
		"json(body.k)":            false,
		"json(body.none).a":       true,
		"json('{}').a":            true,
		"[?body.k]":               false,
		"timestamp('2026-01-01T00:00:00Z').getHours(body.k)":        false,
		"timestamp('2026-01-01T00:00:00Z').getHours(body.k + ':x')": false,
	} {
		f, err := c.Compile(source, "'next'")
		if err != nil {
			t.Fatal(err)
		}
		if v, found, err := f.Find(in); found != want || (v == "next") != want || (err == nil) != want {
			t.Errorf("%s: %v, %v, %v", source, v, found, err)
		}
	}
}

// An operator gets the harmless part of an error. Every other part is cut.
func TestSafeError(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"division by zero":                                           "division by zero",
		"no such overload: size(int)":                                "no such overload: size(int)",
		`invalid RFC 3339 timestamp "` + secret + `" at "1"`:         "invalid RFC 3339 timestamp",
		`type conversion error from 'string' to 'int' of "` + secret: "type conversion error from 'string' to 'int' of",
		secret:                          "cannot be evaluated",
		"unknown time zone " + secret:   "cannot be evaluated",
		"":                              "cannot be evaluated",
		"x: division by zero " + secret: "cannot be evaluated",
	} {
		if got := safeError(errors.New(text), 0); got.Error() != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
