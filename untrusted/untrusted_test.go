package untrusted_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/untrusted"
)

// Each row gives the three forms of a text. An empty form is equal to the input.
func TestForms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, multi, single, terminal string }{
		"plain":     {in: "plain"},
		"empty":     {in: ""},
		"line ends": {"a\r\nb\rc\u2028d\u2029e\nf", "a\nb\nc\nd\ne\nf", "a b c d e f", "a��b�c�d�e�f"},
		"header": {"a\r\nBcc: b@example.com", "a\nBcc: b@example.com", "a Bcc: b@example.com",
			"a��Bcc: b@example.com"},
		"tab":               {"a\tb", "a\tb", "a b", "a�b"},
		"spaces":            {" many  spaces ", " many  spaces ", "many spaces", " many  spaces "},
		"no-break space":    {"a\u00a0b", "a\u00a0b", "a b", "a�b"},
		"escape sequence":   {"\x1b[31mred\x1b[0m", "�[31mred�[0m", "�[31mred�[0m", "�[31mred�[0m"},
		"NUL and DEL":       {"a\x00b\x7fc", "a�b�c", "a�b�c", "a�b�c"},
		"C1: next line":     {"a\u0085b", "a�b", "a�b", "a�b"},
		"C1: CSI":           {"\u009b2J", "�2J", "�2J", "�2J"},
		"invalid UTF-8":     {"half \xc3", "half �", "half �", "half �"},
		"raw C1 byte":       {"\x9b2J", "�2J", "�2J", "�2J"},
		"surrogate":         {"\xed\xa0\x80", "�", "�", "�"},
		"override":          {"pay \u202e001\u202c EUR", "pay �001� EUR", "pay �001� EUR", "pay �001� EUR"},
		"embedding":         {"\u202aa\u202bb\u202dc", "�a�b�c", "�a�b�c", "�a�b�c"},
		"isolates":          {"\u2066a\u2067b\u2068c\u2069", "�a�b�c�", "�a�b�c�", "�a�b�c�"},
		"directional marks": {"a\u200eb\u200fc\u061cd", "a\u200eb\u200fc\u061cd", "a\u200eb\u200fc\u061cd", "a�b�c�d"},
		"zero width space":  {"A\u200b1", "A\u200b1", "A\u200b1", "A�1"},
		"joiners":           {"a\u200cb\u200dc", "a\u200cb\u200dc", "a\u200cb\u200dc", "a�b�c"},
		"word joiner":       {"a\u2060b\u2064c", "a�b�c", "a�b�c", "a�b�c"},
		"deprecated":        {"a\u206ab\u206fc", "a�b�c", "a�b�c", "a�b�c"},
		"annotation":        {"a\ufff9b\ufffbc", "a�b�c", "a�b�c", "a�b�c"},
		"BOM at the start":  {"\ufeffa", "a", "a", "�a"},
		"BOM in the middle": {"a\ufeffb", "a�b", "a�b", "a�b"},
		"tags":              {"a\U000e0041\U000e0001b", "a��b", "a��b", "a��b"},
		"scripts":           {in: "العربية עברית ünïcode e\u0301 Ω 日本語 👍"},
		"emoji family":      {"👩\u200d👧", "👩\u200d👧", "👩\u200d👧", "👩�👧"},
		"replacement":       {in: "a�b"},
	} {
		for form, got := range map[string][2]string{
			"MultiLine":    {untrusted.MultiLine(c.in), c.multi},
			"SingleLine":   {untrusted.SingleLine(c.in), c.single},
			"TerminalLine": {untrusted.TerminalLine(c.in), c.terminal},
		} {
			want := got[1]
			if want == "" {
				want = c.in
			}
			if got[0] != want {
				t.Errorf("%s: %s(%q) = %q, want %q", name, form, c.in, got[0], want)
			}
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in        string
		limit     int
		head      string
		removed   int
		shortened string
	}{
		{"", 0, "", 0, ""},
		{"abc", 3, "abc", 0, "abc"},
		{"abcd", 3, "abc", 1, "ab…"},
		{"äöü", 2, "äö", 1, "ä…"},
		{"abc", 1, "a", 2, "…"},
		{"abc", 0, "", 3, "…"},
		{"👍👍", 1, "👍", 1, "…"},
	} {
		if head, removed := untrusted.Cut(c.in, c.limit); head != c.head || removed != c.removed {
			t.Errorf("Cut(%q, %d) = %q, %d, want %q, %d", c.in, c.limit, head, removed, c.head, c.removed)
		}
		if got := untrusted.Shorten(c.in, c.limit); got != c.shortened {
			t.Errorf("Shorten(%q, %d) = %q, want %q", c.in, c.limit, got, c.shortened)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	in := "{\n\t\"id\": \"A\u202e1\u009b2J\u200b\x7f\U000e0041 ü👍\"\n}"
	want := "{\n\t\"id\": \"A\\u202e1\\u009b2J\\u200b\\u007f\\udb40\\udc41 ü👍\"\n}"
	if got := string(untrusted.JSON([]byte(in))); got != want {
		t.Errorf("JSON = %s, want %s", got, want)
	}
}

func FuzzForms(f *testing.F) {
	for _, seed := range []string{"", "a\r\n\r\nb", "\xff\xfe", "\u202e", "\x1b]8;;http://x\x07", "\ufeff\ufeff",
		"\U000e0041"} {
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		line := untrusted.SingleLine(s)
		if !utf8.ValidString(line) || strings.ContainsAny(line, "\r\n\x00\x1b\x7f\u0085\u009b\u2028\u2029\u202e\u2066") {
			t.Errorf("SingleLine(%q) = %q", s, line)
		}
		if text := untrusted.MultiLine(s); untrusted.MultiLine("x"+text) != "x"+text {
			t.Errorf("MultiLine(%q) = %q, which it changes again", s, text)
		}
		if text := untrusted.TerminalLine(s); strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("TerminalLine(%q) = %q", s, text)
		}
		limit = max(limit%100, 0)
		head, removed := untrusted.Cut(line, limit)
		if utf8.RuneCountInString(head)+removed != utf8.RuneCountInString(line) || !strings.HasPrefix(line, head) {
			t.Errorf("Cut(%q, %d) = %q, %d", line, limit, head, removed)
		}
		document, err := json.Marshal(map[string]string{"": s})
		if err != nil {
			t.Fatal(err)
		}
		var before, after map[string]string
		if json.Unmarshal(document, &before) != nil || json.Unmarshal(untrusted.JSON(document), &after) != nil ||
			before[""] != after[""] {
			t.Errorf("JSON changes %q to %q", before, after)
		}
	})
}

// A text of several lines is one line on a terminal, in which the lines can be told apart.
func TestTerminalText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"one line":              "one line",
		"sku: a\nsku: b":        "sku: a ⏎ sku: b",
		"sku: a\r\nsku: b":      "sku: a ⏎ sku: b",
		"a\rb\tc\u2028d\x1b[2J": "a\uFFFDb\uFFFDc\uFFFDd\uFFFD[2J",
	} {
		if got := untrusted.TerminalText(in); got != want {
			t.Errorf("TerminalText(%q) = %q, want %q", in, got, want)
		}
	}
}
