package web

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// visible makes a text from outside fit to be shown: without control characters
// and overrides of direction, which could make it read as something else. What
// it takes out leaves the replacement character.
func visible(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r' || r == '\u2028' || r == '\u2029':
			return '\n'
		case unicode.IsControl(r), r >= '\u202A' && r <= '\u202E', r >= '\u2066' && r <= '\u2069':
			return '\uFFFD'
		}
		return r
	}, s)
}

// relative says how far a time is from now, rounded down to one unit.
func relative(d time.Duration) string {
	form := "in %s"
	if d <= 0 {
		form, d = "%s ago", -d
	}
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		switch n := int(d / unit.size); {
		case n == 1:
			return fmt.Sprintf(form, "1 "+unit.name)
		case n > 1:
			return fmt.Sprintf(form, fmt.Sprintf("%d %ss", n, unit.name))
		}
	}
	return fmt.Sprintf(form, "less than a minute")
}
