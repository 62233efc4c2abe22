// Package notify holds what the channels in its folders share: how text from
// outside is made fit to be shown, and cut so that the reader sees that it was.
package notify

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text makes a text fit to be shown: valid UTF-8 with "\n" as line end and
// without control characters and overrides of direction, which could make it
// read as something else. What it takes out leaves the replacement character.
func Text(s string) string {
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

// Line is Text on one line: every run of white space is one space, so nothing
// can begin a line, or a header, of its own.
func Line(s string) string { return strings.Join(strings.Fields(Text(s)), " ") }

// Cut shortens s to at most n characters and returns how many it took off the
// end, for the note that must say so.
func Cut(s string, n int) (head string, cut int) {
	over := utf8.RuneCountInString(s) - n
	if over <= 0 {
		return s, 0
	}
	for i := range s {
		if n == 0 {
			return s[:i], over
		}
		n--
	}
	return s, 0
}
