package notify_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/notify"
)

func TestText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain":                    "plain",
		"a\r\nb\rc\u2028d\u2029e":  "a\nb\nc\nd\ne",
		"tab\tstays":               "tab\tstays",
		"\x1b[31mred\x1b[0m":       "\uFFFD[31mred\uFFFD[0m",
		"nul\x00 del\x7f c1\u0085": "nul\uFFFD del\uFFFD c1\uFFFD",
		"pay \u202e001\u202c EUR":  "pay \uFFFD001\uFFFD EUR",
		"iso \u2066late\u2069":     "iso \uFFFDlate\uFFFD",
		"half \xc3":                "half \uFFFD",
		"العربية עברית 👩‍👩‍👧 ünïcode": "العربية עברית 👩‍👩‍👧 ünïcode",
	} {
		if got := notify.Text(in); got != want {
			t.Errorf("Text(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                  "",
		" \r\n ":                            "",
		"a\r\nBcc: b@example.com":           "a Bcc: b@example.com",
		"  many \t\t spaces\u00a0here \n\n": "many spaces here",
	} {
		if got := notify.Line(in); got != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in, want string
		n, cut   int
	}{
		{"", "", 0, 0}, {"abc", "abc", 3, 0}, {"abcd", "abc", 3, 1}, {"äöü", "äö", 2, 1}, {"abc", "", 0, 3}, {"👍👍", "👍", 1, 1},
	} {
		if got, cut := notify.Cut(c.in, c.n); got != c.want || cut != c.cut {
			t.Errorf("Cut(%q, %d) = %q, %d, want %q, %d", c.in, c.n, got, cut, c.want, c.cut)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{"", "a\r\n\r\nb", "\xff\xfe", "\u202e", "\x1b]8;;http://x\x07"} {
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, s string, n int) {
		line := notify.Line(s)
		if !utf8.ValidString(line) || strings.ContainsAny(line, "\r\n\x00\x1b\x7f\u0085\u2028\u2029\u202e") {
			t.Errorf("Line(%q) = %q", s, line)
		}
		if notify.Text(notify.Text(s)) != notify.Text(s) {
			t.Errorf("Text is not idempotent for %q", s)
		}
		n = max(n%100, 0)
		if head, cut := notify.Cut(line, n); utf8.RuneCountInString(head)+cut != utf8.RuneCountInString(line) || !strings.HasPrefix(line, head) {
			t.Errorf("Cut(%q, %d) = %q, %d", line, n, head, cut)
		}
	})
}
