package expression

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// numbers returns a JSON list of n consecutive numbers.
func numbers(from, n int) string {
	out := make([]int, n)
	for i := range out {
		out[i] = from + i
	}
	b, _ := json.Marshal(out)
	return string(b)
}

// A loop with expensive steps ends by the size of the values that it reads and makes, not by CEL's own cost for a call
// on a value of unknown type. It does not end by the time limit either, because the race detector is slow.
func TestCostIsBounded(t *testing.T) {
	t.Parallel()
	long := numbers(0, 2000)
	text := strings.Repeat("x", 100_000)
	names := map[string]int{}
	for i := range 2000 {
		names[fmt.Sprint("k", i)] = i
	}
	object, _ := json.Marshal(names)
	in := fmt.Sprintf(`{"l": %s, "m": %s, "s": %q, "o": %s, "ll": [%s], "t": %q}`,
		long, numbers(10_000, 2000), text, object, long, text[:10_000])
	for name, source := range map[string]string{
		"loop in a loop":     "body.l.all(x, body.l.all(y, x == x))",
		"in a list":          "body.l.exists(x, x in body.m)",
		"in a list, in full": "body.l.filter(x, x < 100).exists(x, x in body.m)",
		"in a list, inside":  "body.l.all(x, body.l.all(y, y in body.l))",
		"in a list made":     "body.l.exists(x, x in body.m.map(y, y))",
		"list and list":      "body.l.all(x, body.l == body.l + [])",
		"lists made":         "size(body.l.map(x, body.l + body.m)) > 0",
		"texts made":         "size(body.l.map(x, body.s + body.s)) > 0",
		"texts compared":     "body.l.all(x, body.s == body.s)",
		"texts ordered":      "body.l.all(x, body.s <= body.s)",
		"texts split":        "size(body.s.split('')) > 0",
		"expression matched": "body.l.all(x, !body.s.matches('y+$'))",
		"text contained":     "body.l.all(x, !body.s.contains('y'))",
		"text replaced":      "body.l.all(x, body.s.replace('x', 'yy') != '')",
		"text in capitals":   "body.l.all(x, body.s.upperAscii() != '')",
		"begins":             "body.l.all(x, body.s.startsWith(body.s))",
		"bytes":              "body.l.all(x, size(bytes(body.s)) > 0)",
		"objects":            "body.l.all(x, body.o == body.o)",
		"list in a list":     "body.l.all(x, body.l in body.ll)",
		"filter in a filter": "body.l.filter(x, body.l.filter(y, y == x) == [x]) != []",
		"exists_one":         "body.l.exists_one(x, body.l.exists_one(y, y == x))",
	} {
		_, _, err := findWithin(t, time.Hour, in, source)
		if err == nil || !strings.HasSuffix(err.Error(), "operation cancelled: actual cost limit exceeded") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, source := range []string{
		"1999 in body.l", "body.l.exists(x, x == 1999)", "body.s.contains('xx')",
		"body.t.replace('x', 'yy') != ''", "'k1999' in body.o", "body.l == body.l",
		"body.l.map(x, string(x)).join(', ') != ''",
	} {
		if v, _, err := findWithin(t, time.Hour, in, source); v != true || err != nil {
			t.Errorf("%s: %v, %v", source, v, err)
		}
	}
}

// A loop ends by the time limit if its steps take longer than their cost suggests: nested lists are compared at every
// level.
func TestTimeIsBounded(t *testing.T) {
	t.Parallel()
	in := fmt.Sprintf(`{"l": %s, "d": [[%s]]}`, numbers(0, 20_000), numbers(0, 100_000))
	_, _, err := findWithin(t, 10*time.Millisecond, in, "body.l.all(x, body.d == body.d)")
	if want := `expression "body.l.all(x, body.d == body.d)": takes longer than 10ms`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	c, _ := NewCompiler()
	if f, err := c.Compile("body.l.all(x, x)"); err != nil || f.alternatives[0].limit != timeLimit {
		t.Error("no limit")
	}
}

// findWithin evaluates an expression under a different time limit.
func findWithin(t *testing.T, limit time.Duration, in, source string) (any, bool, error) {
	t.Helper()
	c, _ := NewCompiler()
	f, err := c.Compile(source)
	if err != nil {
		t.Fatal(err)
	}
	v, err := DecodeJSON([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	f.alternatives[0].limit = limit
	return f.Find(Input{Body: v})
}

// A loop cannot return the same part of a body so often that the result no longer fits into memory.
func TestValueIsBounded(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("x", 3000)
	in := fmt.Sprintf(`{"l": %s, "s": %q, "o": {%q: 1}}`, numbers(0, 3000), text, text)
	for source, good := range map[string]bool{
		"[body]":               true,
		"body.l.map(x, x + 1)": true,
		"body.l.filter(x, x < 500).map(x, {'line': x})": true,
		"[body.l, body.l, body.s, body.s, body.o]":      true,
		"body.l.map(x, body.l)":                         false,
		"body.l.map(x, body.s)":                         false,
		"body.l.map(x, body.o)":                         false,
		"body.l.map(x, bytes(body.s + string(x)))":      false,
		"[1].map(x, body.l.map(y, body))":               false,
		"[bytes(body.s)].map(b, body.l.map(x, b))":      false,
	} {
		v, found, err := findWithin(t, time.Hour, in, source)
		if found != good || (v != nil) != good || (err == nil) != good {
			t.Errorf("%s: %v", source, err)
		}
		if err != nil && !endsWith(err, "results in more than 4 MiB", "cost limit exceeded") {
			t.Errorf("%s: %v", source, err)
		}
	}
}

// A body cannot produce a text as long as the product of two of its texts. Such a call would end the process before a
// limit could stop it.
func TestInsertedTextIsLiteral(t *testing.T) {
	t.Parallel()
	c, _ := NewCompiler()
	for source, good := range map[string]bool{
		"body.a.replace('x', body.b)":                   false,
		"body.a.replace('x', body.b, 2)":                false,
		"body.a.replace('', body.a + 'x')":              false,
		"body.l.join(body.s)":                           false,
		"[body.l.map(x, x.replace('x', x))]":            false,
		"{'a': body.?l.orValue([]).join(headers['x'])}": false,
		"body.a.replace(body.b, 'x')":                   true,
		"body.a.replace('x', '', 1)":                    true,
		"body.l.join()":                                 true,
		"body.l.join(', ')":                             true,
	} {
		_, err := c.Compile(source)
		if (err == nil) != good || (err != nil && !strings.Contains(err.Error(), "must be a literal")) {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestLoops(t *testing.T) {
	t.Parallel()
	c, _ := NewCompiler()
	for source, want := range map[string]bool{
		"body.a":                                 false,
		"body.a + body.b":                        false,
		"body.l.all(x, x > 1)":                   true,
		"[body.l.map(x, x)]":                     true,
		"{'a': {'b': body.l.exists(x, x)}}":      true,
		"body.t ? 1 : size(body.l.filter(x, x))": true,
		"has(body.a.b)":                          false,
		"body.?a.orValue('x')":                   false,
		"headers.exists_one(k, k == 'x')":        true,
		"size(body.l.map(x, x)) > 1 && true":     true,
	} {
		f, err := c.Compile(source)
		if err != nil || f.alternatives[0].hasLoop != want {
			t.Errorf("%s: %v, %v", source, err, !want)
		}
	}
}

// endsWith reports whether the text of an error has one of the endings.
func endsWith(err error, endings ...string) bool {
	return slices.ContainsFunc(endings, func(ending string) bool { return strings.HasSuffix(err.Error(), ending) })
}
