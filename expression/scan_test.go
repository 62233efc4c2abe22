package expression

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// scannedTexts are bodies, with and without faults, at the edges of the grammar.
var scannedTexts = []string{
	``, ` `, `{}`, ` { } `, `[]`, `[ ]`, `{"a":1}`, `{"a":1,}`, `{"a" 1}`, `{"a":1 "b":2}`, `{,}`, `[,]`, `[1,]`, `[1 2]`, `{a:1}`,
	`{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"a":{"a":[{}]}}`, `{"":""}`, "\t\r\n{\"a\"\n:\t1\r}", "\v{}", "{\"a\":\"\n\"}", "{\"a\":\"\x7f\"}",
	`"a`, `"\`, `"\"`, `"\\"`, `"\/\b\f\n\r\t"`, `"\x"`, `"\u12"`, `"\ud83d\ude00"`, `"\ud83d"`, `"é"`,
	`0`, `-0`, `-`, `00`, `01`, `-01`, `1.`, `.1`, `1.5`, `1e5`, `1E+5`, `1e`, `1e+`, `1e-5`, `1.0`, `19.90`, `+1`, `0x1`, `1e999`, `-1e999`, `1_0`,
	`9223372036854775807`, `9223372036854775808`, `-9223372036854775808`, `-9223372036854775809`, `18446744073709551615`, `18446744073709551616`,
	`true`, `tru`, `truex`, `false`, `null`, `nul`, `NaN`, `{}{}`, `{} 1`, `{}x`, "\ufeff{}",
	strings.Repeat("[", 64) + strings.Repeat("]", 64), strings.Repeat("[", 65) + strings.Repeat("]", 65), strings.Repeat("[", 66),
	strings.Repeat("1", 1000), strings.Repeat("1", 1001), `[` + strings.Repeat("[],", 50) + `{}]`,
}

// requireSameScan requires that scanJSON reads exactly the bodies that decodeJSON reads, with the same value.
func requireSameScan(t *testing.T, b []byte) {
	t.Helper()
	if !utf8.Valid(b) {
		return
	}
	want, err := decodeJSON(b)
	got, ok := scanJSON(b)
	if ok != (err == nil) || ok && !reflect.DeepEqual(want, got) {
		t.Errorf("%q: %#v, %v; decodeJSON: %#v, %v", b, got, ok, want, err)
	}
}

func TestScanReadsWhatJSONReads(t *testing.T) {
	t.Parallel()
	for _, text := range scannedTexts {
		requireSameScan(t, []byte(text))
		requireSameScan(t, []byte(`{"in": `+text+`}`))
		requireSameScan(t, []byte(`[`+text+`, `+text+`]`))
	}
}

// A text of the metadata or of the headers is found without CEL as with it.
func TestPlainTextsAreFoundAsCELFindsThem(t *testing.T) {
	t.Parallel()
	c, err := NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	in := Input{
		Meta:    map[string]string{"attribute.orderId": "A-1", "empty": "", "x": "it's"},
		Headers: map[string]string{"x-order": "B-1"},
	}
	for source, isPlain := range map[string]bool{
		`meta["attribute.orderId"]`:    true,
		`meta['attribute.orderId']`:    true,
		`meta["attribute.none"]`:       true,
		`meta["empty"]`:                true,
		`meta["it's"]`:                 true,
		`headers["x-order"]`:           true,
		`headers["attribute.none"]`:    true,
		`meta["\x78"]`:                 false,
		`meta["x"] + meta["x"]`:        false,
		`meta["x"][0]`:                 false,
		`meta.x`:                       false,
		`meta[""]`:                     false,
		`headers[meta["x"]]`:           false,
		`meta.exists(k, k == "x")`:     false,
		`"a" in meta ? meta["x"] : ""`: false,
	} {
		f, err := c.Compile(source)
		if err != nil {
			if isPlain {
				t.Errorf("%s: %v", source, err)
			}
			continue
		}
		a := f.alternatives[0]
		if (a.text.of != "") != isPlain {
			t.Errorf("%s: plain is %v", source, !isPlain)
		}
		got, gotErr := a.evaluate(in)
		a.text = plainText{}
		want, wantErr := a.evaluate(in)
		if !reflect.DeepEqual(want, got) || (gotErr == nil) != (wantErr == nil) {
			t.Errorf("%s: %#v, %v; CEL: %#v, %v", source, got, gotErr, want, wantErr)
		}
	}
}
