package expression

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

const numbersBody = `{"total": 19.90, "fee": 1250.10, "e": 1e2, "z": -0, "big": 12345678901234567890123, "i": 7,
	"limit": 12345678901234567.89, "items": [{"price": 0.10, "n": 2}, {"price": 100.00, "n": 1}], "l": [1.50, 2],
	"text": "{\"total\": 19.90, \"big\": 12345678901234567890123}", "o": {"p": 1.50}, "s": "x"}`

// A number stays as it was written through everything that passes it on.
func TestNumbersAsWritten(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]any{
		"body.total":                            "19.90",
		"body['total']":                         "19.90",
		"string(body.total)":                    "19.90",
		"'EUR ' + string(body.fee)":             "EUR 1250.10",
		"string(body.e) + string(body.z)":       "1e2-0",
		"string(body.big)":                      "12345678901234567890123",
		"body.limit":                            "12345678901234567.89",
		"has(body.total) ? body.total : 'none'": "19.90",
		"body.total > 10.0 ? body.total : 0":    "19.90",
		"body.?total.orValue(0)":                "19.90",
		"optional.of(body.total)":               "19.90",
		"dyn(body.total)":                       "19.90",
		"body.items[0].price":                   "0.10",
		"body.items.map(i, string(i.n) + ' x ' + string(i.price)).join('; ')": "2 x 0.10; 1 x 100.00",
		"body.items.filter(i, i.price > 1.0)[0].price":                        "100.00",
		"'%s of %s'.format([body.total, body.s])":                             "19.90 of x",
		"'%s (%d %%)'.format([body.s, body.i])":                               "x (7 %)",
		"json(body.text).total":                                               "19.90",
		"string(json(body.text).big)":                                         "12345678901234567890123",
		"string(json(json('\"{\\\\\"a\\\\\": 1.0}\"')).a)":                    "1.0",
	} {
		got, _, err := findInBody(t, numbersBody, source)
		text, textErr := AsText(got)
		if err != nil || textErr != nil || text != want {
			t.Errorf("%s: %q, %v, %v; want %q", source, text, err, textErr, want)
		}
	}
	for source, want := range map[string]string{
		"body.items":                         `[{"n":2,"price":0.10},{"n":1,"price":100.00}]`,
		"body.items.map(i, i.price)":         `[0.10,100.00]`,
		"{'a': body.total, 'b': [body.e]}":   `{"a":19.90,"b":[1e2]}`,
		"[body][0].l":                        `[1.50,2]`,
		"body.l + [body.z]":                  `[1.50,2,-0]`,
		"{'o': body.o}":                      `{"o":{"p":1.50}}`,
		"[json('[0.10, {\"a\": 1.0}]')]":     `[[0.10,{"a":1.0}]]`,
		"body.items.filter(i, i.price > 1)":  `[{"n":1,"price":100.00}]`,
		"optional.of(body.items).orValue(1)": `[{"n":2,"price":0.10},{"n":1,"price":100.00}]`,
	} {
		got, _, err := findInBody(t, numbersBody, source)
		b, _ := json.Marshal(got)
		if err != nil || string(b) != want {
			t.Errorf("%s: %s, %v; want %s", source, b, err, want)
		}
	}
}

// Expressions calculate with numbers and compare them as before, on both sides and in lists.
func TestNumbersCalculate(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		"body.total == 19.9", "19.9 == body.total", "body.total != 20.0", "body.total > 19", "19 < body.total",
		"20.0 > body.total", "body.total <= body.fee", "body.total * 2.0 == 39.8", "2.0 * body.total == 39.8",
		"body.fee - body.total > 1230.0", "-body.total < 0.0", "body.e == 100", "100 == body.e", "body.e in [1, 100]",
		"100.0 in [body.e]", "body.total in [19.9]", "1.5 in body.l", "body.l == [1.5, 2]", "[1.5, 2] == body.l",
		"body.o == {'p': 1.5}", "{'p': 1.5} == body.o", "{'p': body.o.p} == {'p': 1.5}", "{'p': 1.5} == {'p': body.o.p}",
		"[body.total] == [19.9]", "[19.9] == [body.total]", "body.l.exists(x, x == 1.5)", "body.l.all(x, 1 < x)",
		"body.l.map(x, x * 1.0) == [1.5, 2.0] || true", "body.items.exists_one(i, i.price == 0.1)",
		"int(body.e) == 100", "double(body.total) == 19.9", "type(body.total) == double", "body.z == 0",
		"body.big > 1.0", "body.total == body.total", "body.l == body.l", "body.items.map(i, i.price).exists(p, p > 99.0)",
		"(body.s == 'x' ? body.total : 1.0) < 20.0", "body.?total.orValue(0.0) + 0.1 == 20.0", "size(body.l) == 2",
		"body.l[1] == 2", "body.l[int(body.e) - 99] == 2", "'%.1f'.format([body.total]) == '19.9'",
		"json('1.50') == 1.5", "1.5 == json('1.50')", "json('[1.50]') == [1.5]", "json('null') == null",
		"body.items.map(i, i.price) == [0.1, 100.0]", "strings.quote(body.s) == '\"x\"'",
	} {
		if got, _, err := findInBody(t, numbersBody, source); got != true || err != nil {
			t.Errorf("%s: %v, %v", source, got, err)
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"42": "42", "-7": "-7", "18446744073709551615": "18446744073709551615", `"042"`: "042", `"4.2"`: "4.2",
		"12345678901234567890123": "12345678901234567890123", "0": "0", `"true"`: "true",
	} {
		v, err := decodeJSONValue([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := AsID(v); err != nil || got != want {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	for text, reason := range map[string]string{
		"42.0": "rounded", "1.5": "rounded", "1e21": "rounded", "1.2345678901234568e+22": "rounded", "-0": "rounded",
		"12345678901234567890.0": "rounded", "4E1": "rounded", "true": "is true or false", "false": "is true or false",
		"{}": "is an object", "[]": "is a list", "null": "is null",
	} {
		v, err := decodeJSONValue([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := AsID(v); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	for v, good := range map[float64]bool{7: true, 1 << 53: true, 1<<53 + 2: false, 1.5: false} { // calculated
		if _, err := AsID(v); (err == nil) != good {
			t.Errorf("%v: %v", v, err)
		}
	}
	if _, err := AsIDList([]any{"a", true}); err == nil || !strings.Contains(err.Error(), "number 2") {
		t.Errorf("list: %v", err)
	}
}

// A body cannot make an expression run long or make much of a little.
func TestLiteralArguments(t *testing.T) {
	t.Parallel()
	c, _ := NewCompiler()
	for _, source := range []string{
		"body.s.matches(body.re)", "matches(body.s, body.re)", "body.s.matches('a' + body.re)", "'a'.matches(headers.re)",
		"['(a*)*'].exists(re, body.s.matches(re))", "body.s.matches(string(body.re))", "body.s.matches('(')",
		"body.s.indexOf(body.t)", "body.s.lastIndexOf(body.t, 1)", "body.s.replace('a', body.t)", "body.l.join(body.s)",
	} {
		if _, err := c.Compile(source); err == nil {
			t.Errorf("%s compiles", source)
		}
	}
	for _, source := range []string{
		"body.s.matches('^[a-z]+$')", "matches(body.s, 'x')", "body.s.indexOf('x') == 0", "body.s.replace(body.s, 'y') == 'y'",
	} {
		if got, _, err := findInBody(t, numbersBody, source); got != true || err != nil {
			t.Errorf("%s: %v, %v", source, got, err)
		}
	}
}

func TestJSONText(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	long, _ := json.Marshal(map[string]any{"t": `"` + strings.Repeat("x", 100_000) + `"`, "deep": deep})
	for source, want := range map[string]string{
		"json('{')":                          "json: the text is not JSON",
		"json('')":                           "json: the text is not JSON",
		"json('{} {}')":                      "json: the text has more than one value",
		"json(body.t).a":                     "",
		"json(body.deep) + body.l.map(x, 1)": "nests deeper",
		"[1,2,3,4,5,6,7,8,9].map(x, json(body.t)) == []":                 "",
		"[1,2,3,4,5,6,7,8,9].map(x, [1,2,3].map(y, json(body.t))) == []": "cost limit",
		"json(1)":               "no matching overload",
		"json(dyn(1))":          "no such overload",
		"json('[1,2]')[0] == 1": "",
	} {
		c, _ := NewCompiler()
		f, err := c.Compile(source)
		if err == nil {
			v, decodeErr := DecodeJSON(long)
			if decodeErr != nil {
				t.Fatal(decodeErr)
			}
			f.alternatives[0].limit = time.Hour
			_, _, err = f.Find(Input{Body: v})
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", source, err, want)
		}
	}
	if _, err := decodeJSONText(strings.Repeat(" ", 1<<20+1)); err == nil || err.Error() != "is longer than 1 MiB" {
		t.Errorf("long: %v", err)
	}
	if v, err := decodeJSONText(`"x"`); err != nil || !reflect.DeepEqual(v, "x") {
		t.Errorf("text: %v, %v", v, err)
	}
}
