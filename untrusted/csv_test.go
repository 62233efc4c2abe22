package untrusted

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCSVCell(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                          "",
		"A-1001":                    "A-1001",
		"=HYPERLINK(\"https://x\")": "'=HYPERLINK(\"https://x\")",
		"+1":                        "'+1",
		"-1":                        "'-1",
		"@SUM(A1)":                  "'@SUM(A1)",
		"|cmd":                      "'|cmd",
		"%0A":                       "'%0A",
		" =1":                       "'=1",
		"\"=1":                      "'\"=1",
		"x;=1":                      "x;'=1",
		"\u00a0=1":                  "'=1",
		"\uff1d1":                   "'\uff1d1",
		"\t=1":                      "'=1",
		"\r\n=1":                    "'=1",
		"two\nlines":                "two lines",
		"a\u202eb":                  "a\ufffdb",
	} {
		require.Equal(t, want, CSVCell(in), "%q", in)
	}
}

func TestInertCell(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                     "",
		"Pay 480 EUR":          "Pay 480 EUR",
		"2026-03-01T09:00:00Z": "2026-03-01T09:00:00Z",
		"a-b@example.com":      "a-b@example.com",
		"=1+1":                 "'=1+1",
		"+49 30":               "'+49 30",
		"-1":                   "'-1",
		"@SUM(A1)":             "'@SUM(A1)",
		"|cmd":                 "'|cmd",
		"%0A=1":                "'%0A=1",
		" =1":                  "' =1",
		"\t=1":                 "\t'=1",
		"\r=1":                 "\r'=1",
		"\ufeff=1":             "'\ufeff=1",
		`"=1`:                  `'"=1`,
		"'=1":                  "''=1",
		"＝1":                   "'＝1",
		"x;=HYPERLINK(\"u\")":  "x;'=HYPERLINK(\"u\")",
		"x\n=1":                "x\n'=1",
		"x\r\n=1":              "x\r\n'=1",
		"x\n\n \t=1":           "x\n\n \t'=1",
		"\u3000=1":             "'\u3000=1",
		"ann; -bob":            "ann;' -bob",
		"a = b":                "a = b",
	} {
		require.Equal(t, want, InertCell(text), "%q", text)
	}
}
