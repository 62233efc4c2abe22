package expression

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestDecodeIsStrict(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                    "not JSON",
		"{":                   "not JSON",
		"[1]":                 "is not a JSON object",
		"[]":                  "is not a JSON object",
		`[{"a":1},{"a":2}]`:   "is a list of several values",
		`"x"`:                 "not a JSON object",
		"{} {}":               "more than one",
		`{"a":1,"a":2}`:       "twice",
		`{"o":{"a":1,"a":2}}`: "twice",
		`{"a":1e999}`:         "too large",
		"{}x":                 "more than one",
		`{"a" 1}`:             "not JSON",
		"null":                "not a JSON object",
		strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100): "deeper",
		`{"secret": tru`: "not JSON",
	} {
		_, err := DecodeJSON([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}

// escapeCases are texts in the form in which JSON contains them.
var escapeCases = map[string]struct {
	text   string
	want   string // "" is refused
	offset int    // the byte
}{
	"two bytes":             {"ü", "ü", 0},
	"four bytes":            {"😀", "😀", 0},
	"U+FFFD itself":         {"�", "�", 0},
	"U+FFFD escaped":        {`\ufffd`, "�", 0},
	"pair":                  {`\ud83d\ude00`, "😀", 0},
	"pair in capitals":      {`\uD83D\uDE00x`, "😀x", 0},
	"two pairs":             {`\ud83d\ude00\ud83d\ude00`, "😀😀", 0},
	"not a surrogate":       {`\u00fc`, "ü", 0},
	"beside the surrogates": {`\ud7ff\ue000`, "\ud7ff\ue000", 0},
	"NUL":                   {`\u0000`, "\x00", 0},
	"not an escape":         {`\\ud800`, `\ud800`, 0},
	"quote and backslash":   {`\"\\`, `"\`, 0},
	"stray byte":            {"\xff", "", 6},
	"first byte alone":      {"\xc3", "", 6},
	"rest alone":            {"a\xbc", "", 7},
	"cut":                   {"\xe2\x82", "", 6},
	"overlong":              {"\xc0\x80", "", 6},
	"surrogate in bytes":    {"\xed\xa0\x80", "", 6},
	"beyond Unicode":        {"\xf4\x90\x80\x80", "", 6},
	"first half":            {`\ud83d`, "�", 0},
	"first half, then text": {`\ud83dx\ude00`, "�x�", 0},
	"first half, escape":    {`\ud83d\n`, "�\n", 0},
	"first half twice":      {`\ud83d\ud83d`, "��", 0},
	"first half, letter":    {`\ud83d\u0041`, "�A", 0},
	"second half":           {`a\ude00`, "a�", 0},
	"halves in wrong order": {`\ude00\ud83d`, "��", 0},
	"after a pair":          {`\ud83d\ude00\ude00`, "😀�", 0},
	"after a backslash":     {`\\\ud800`, "\\�", 0},
	"in capitals":           {`\uDBFF`, "�", 0},
}

// Decode names the place of invalid text, which is of another encoding as a whole. Half of a character is an accident of
// its sender, and becomes U+FFFD.
func TestDecodeReadsOrRefusesText(t *testing.T) {
	t.Parallel()
	for name, c := range escapeCases {
		for place, body := range map[string]string{
			"value": `{"a":"` + c.text + `"}`,
			"name":  `{"` + c.text + `":1}`,
			"list":  `{"a":["` + c.text + `"]}`,
		} {
			at := c.offset + map[string]int{"value": 0, "name": -4, "list": 1}[place]
			v, err := DecodeJSON([]byte(body))
			if c.want == "" {
				if want := fmt.Sprintf("is not UTF-8 (byte %d)", at); err == nil || err.Error() != want {
					t.Errorf("%s as a %s: %v, %v, want %s", name, place, v, err, want)
				}
				continue
			}
			want := map[string]any{
				"value": map[string]any{"a": c.want},
				"name":  map[string]any{c.want: int64(1)},
				"list":  map[string]any{"a": []any{c.want}},
			}[place]
			if err != nil || !reflect.DeepEqual(v, want) {
				t.Errorf("%s as a %s: %q, %v", name, place, v, err)
			}
		}
	}
}

// A truncated or invalid escape is refused by the JSON reader, with its own error.
func TestInvalidEscape(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"a":"\`, `{"a":"\u`, `{"a":"\ud83`, `{"a":"\ud83g"}`, `{"a":"\x"}`, `{"a":"\ud83d\ude00`, `\`,
		`\u12`, `{"a":"\u+123"}`,
	} {
		if _, err := DecodeJSON([]byte(body)); err == nil || !strings.HasPrefix(err.Error(), "is not JSON") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		"0":                      int64(0),
		"-0":                     json.Number("-0"),
		"9223372036854775807":    int64(math.MaxInt64),
		"-9223372036854775808":   int64(math.MinInt64),
		"9223372036854775808":    uint64(math.MaxInt64 + 1),
		"18446744073709551615":   uint64(math.MaxUint64),
		"18446744073709551616":   json.Number("18446744073709551616"),
		"-9223372036854775809":   json.Number("-9223372036854775809"),
		"1.0":                    json.Number("1.0"),
		"19.90":                  json.Number("19.90"),
		"1e2":                    json.Number("1e2"),
		"1E-2":                   json.Number("1E-2"),
		"1.7976931348623157e308": json.Number("1.7976931348623157e308"),
		"1e-999":                 json.Number("1e-999"),
	} {
		v, err := DecodeJSON([]byte(`{"a":` + text + `}`))
		if err != nil || !reflect.DeepEqual(v, map[string]any{"a": want}) {
			t.Errorf("%s: %#v, %v", text, v, err)
		}
	}
	for _, text := range []string{"1.8e308", "-1e309", "01", "+1", ".5", "1.", "NaN", "Infinity", "0x1", "1_000"} {
		if v, err := DecodeJSON([]byte(`{"a":` + text + `}`)); err == nil {
			t.Errorf("%s: %#v", text, v)
		}
	}
}

func TestDepth(t *testing.T) {
	t.Parallel()
	for depth, good := range map[int]bool{1: true, 64: true, 65: false, 1_000_000: false} {
		for _, ends := range [][2]string{{`{"a":`, "}"}, {"[", "]"}} {
			body := `{"a":` + strings.Repeat(ends[0], depth-1) + "1" + strings.Repeat(ends[1], depth-1) + "}"
			if _, err := DecodeJSON([]byte(body)); (err == nil) != good {
				t.Errorf("%d of %s: %v", depth, ends[0], err)
			}
		}
	}
}
