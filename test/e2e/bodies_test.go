package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// badBody is a body that is malformed, or valid with hostile content.
type badBody struct {
	what  string
	body  string
	order string // the order under which it must be recorded; empty if it must be refused
}

// bodyForm describes the bodies of a way in.
type bodyForm struct {
	order, other string           // names of the two required fields
	value        any              // a good value of the field other
	rest         map[string]any   // more fields of a good body
	inPath       bool             // the path contains the order, too
	wrong        []any            // values of the field other that must be refused
	optional     map[string][]any // wrong values of optional fields
	shown        map[string][]any // odd values of fields that are only for showing: they are cut or written as JSON
}

// makeBodies returns the bodies. Order IDs begin with the prefix, so that the ways in do not share orders.
func (f bodyForm) makeBodies(prefix string) []badBody {
	var out []badBody
	good := func(order string, more map[string]any) string {
		m := map[string]any{f.order: order, f.other: f.value}
		maps.Copy(m, f.rest)
		maps.Copy(m, more)
		b, _ := json.Marshal(m)
		return string(b)
	}
	refuse := func(what, body string) { out = append(out, badBody{what: what, body: body}) }
	for i, s := range brokenJSON(good(prefix+"syntax", nil)) {
		refuse(fmt.Sprintf("syntax %d", i), s)
	}
	whole := good(prefix+"cut", nil)
	for i := 1; i < len(whole); i++ {
		refuse(fmt.Sprintf("cut at %d", i), whole[:i])
	}
	for i, v := range []any{nil, "", map[string]any{}, []any{}, []any{[]any{}}, map[string]any{"id": 1}} {
		what := fmt.Sprintf("wrong value %d", i)
		refuse(what+" of "+f.other, good(prefix+"wrong", map[string]any{f.other: v}))
		if empty := v == nil || v == ""; !f.inPath || !empty {
			refuse(what+" of "+f.order, good("", map[string]any{f.order: v}))
		}
	}
	for i, v := range f.wrong {
		refuse(fmt.Sprintf("bad %s %d", f.other, i), good(prefix+"wrong", map[string]any{f.other: v}))
	}
	refuse("long order", good(prefix+strings.Repeat("x", 257), nil))
	for name, values := range f.optional {
		for i, v := range values {
			refuse(fmt.Sprintf("bad %s %d", name, i), good(prefix+"optional", map[string]any{name: v}))
		}
	}
	accept := func(what, order string, more map[string]any) {
		out = append(out, badBody{what: what, body: good(order, more), order: order})
	}
	for name, values := range f.shown {
		for i, v := range values {
			accept(fmt.Sprintf("odd %s %d", name, i), fmt.Sprintf("%s%s-%d", prefix, name, i), map[string]any{name: v})
		}
	}
	half := strings.TrimSuffix(good(prefix+"half", nil), "}") + `,"a":"\ud800"}`
	out = append(out,
		badBody{what: "byte order mark", body: "\ufeff" + good(prefix+"mark", nil), order: prefix + "mark"},
		badBody{what: "list of one", body: "[" + good(prefix+"list", nil) + "]", order: prefix + "list"},
		badBody{what: "half of an emoji", body: half, order: prefix + "half"},
	)
	for i, s := range hostileTexts() {
		id := fmt.Sprintf("%s%d-%s", prefix, i, s)
		out = append(out, badBody{what: "hostile order", body: good(id, nil), order: id})
		id = fmt.Sprintf("%smore-%d", prefix, i)
		rest := map[string]any{"title": s, "comment": s, s: map[string]any{s: s}}
		out = append(out, badBody{what: "hostile rest", body: good(id, rest), order: id})
	}
	large := good(prefix+"large", map[string]any{"ballast": strings.Repeat("x", 200_000)})
	return append(out, badBody{what: "large", body: large, order: prefix + "large"})
}

// brokenJSON returns texts that are not JSON objects, or that JSON readers interpret differently.
func brokenJSON(good string) []string {
	inner := strings.Trim(good, "{}")
	return []string{
		" ", "\n", "null", "true", "0", "-", `"x"`, "[]", "[{}]", "[" + good + "," + good + "]", "{", "}", "}{", "{}",
		"{}{}", good + good, good + ",", good + "x", "x" + good, good + "\n" + good, "{" + inner + ",}",
		"{," + inner + "}", "{" + inner + ",,\"a\":1}", strings.ReplaceAll(good, `"`, "'"),
		strings.ReplaceAll(good, ":", "="), strings.ReplaceAll(good, `"`, ""), "/*c*/" + good, "//c\n" + good,
		"\ufeff\ufeff" + good, ")]}'\n" + good, "callback(" + good + ")", "{" + inner + `,"a":NaN}`,
		"{" + inner + `,"a":Infinity}`, "{" + inner + `,"a":01}`, "{" + inner + `,"a":+1}`,
		"{" + inner + `,"a":.5}`, "{" + inner + `,"a":1e999}`, "{" + inner + `,"a":0x10}`,
		"{" + inner + `,"a":tru}`, "{" + inner + `,"a":undefined}`, "{" + inner + `,"a":"\x"}`,
		"{" + inner + `,"a":"\u12"}`, "{" + inner + `,"a":"\ud8"}`,
		"{" + inner + ",\"a\":\"\n\"}", "{" + inner + `,"a":1,"a":2}`, "{" + inner + "," + inner + "}",
		"{" + inner + `,"a":{"b":1,"b":2}}`,
		"{" + inner + `,"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}",
		strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000),
		"{" + inner + `,"a":` + strings.Repeat("9", 400) + "e9999}", "orderId=1&decision=approve",
		"orderId: 1\ndecision: approve\n", "<order><id>1</id></order>",
		"<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><x>&e;</x>",
		"POST / HTTP/1.1\r\nHost: x\r\n\r\n", "%7B%22orderId%22%3A1%7D", "eyJvcmRlcklkIjoxfQ==", "a,b\n1,2\n",
		"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--", `{"Type":"Notification","Message":`,
		"' OR 1=1 --", "${jndi:ldap://127.0.0.1/a}", "{{7*7}}", "../../etc/passwd", "\u202e" + good,
		"\u2028" + good,
	}
}

// hostileTexts returns texts that do harm if they are interpreted.
func hostileTexts() []string {
	return []string{
		"'; DROP TABLE orders; --", `" OR ""="`, "../../etc/passwd", "a/b/c", "?x=1&y=2#z", "%2e%2e%2f",
		"%s%n%d", "{{7*7}}", "${7*7}", "${jndi:ldap://127.0.0.1/a}", "<script>alert(1)</script>",
		"\"><img src=x onerror=alert(1)>", "a\r\nBcc: all@example.com", "a\r\n\r\n<html>", "a\tb",
		"\u202egnp.exe", "Ω≈ç√∫", "👩‍👩‍👧", "e\u0301", "__proto__", "constructor",
		"; rm -rf /", "$(id)", "`id`", "|id", "-rf", "*", "\\", "\\\\host\\share", "C:\\x", "null", "0", "-1",
		"1e9", "true", "𝕏", "\u200b", "ﷺ", "=cmd|' /C calc'!A0", "javascript:alert(1)", "data:text/html,x",
		"http://169.254.169.254/latest/meta-data/", strings.Repeat("ä", 60),
	}
}
