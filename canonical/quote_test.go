package canonical_test

import (
	"fmt"
	"strings"
	"unicode/utf16"

	"pgregory.net/rapid"
)

// quote writes a string of JSON, with escapes where none are needed.
func quote(t *rapid.T, s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if r >= ' ' && r != '"' && r != '\\' && rapid.Bool().Draw(t, "plain") {
			b.WriteRune(r)
			continue
		}
		format := rapid.SampledFrom([]string{`\u%04x`, `\u%04X`}).Draw(t, "escape")
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, format, unit)
		}
	}
	b.WriteByte('"')
	return b.String()
}
