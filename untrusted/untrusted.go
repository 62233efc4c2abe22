// Package untrusted makes text from outside the program fit to be shown to people.
//
// An order ID, a title, a comment or an error text of another service may contain characters that a reader cannot
// see but that a terminal, a mail program or a browser obeys: control characters move the cursor or begin a header,
// and overrides of the writing direction make a text read as something else. Every text from outside passes a
// function of this package before it is shown:
//
//   - MultiLine: a text of several lines, in a page or a message;
//   - SingleLine: a title, a name or an ID, also in a header;
//   - TerminalLine: a text on a terminal; only printable characters are safe there;
//   - TerminalText: a text of several lines in one line of a terminal;
//   - JSON: a JSON document on a terminal; its meaning does not change;
//   - InertCell, CSVCell: a cell of a CSV file, which a spreadsheet must not take for a formula.
//
// Characters that are taken out leave U+FFFD, the replacement character, so that the reader sees the difference.
// The functions do not escape anything: HTML, Markdown and the like need an escape of their own afterwards.
package untrusted

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const replacement = '\uFFFD'

// MultiLine returns s as valid UTF-8 with "\n" as the only line end, without control characters (tabs stay) and
// without hidden characters. A byte order mark at the start is an encoding detail and is removed.
func MultiLine(s string) string {
	s = strings.TrimPrefix(strings.ToValidUTF8(s, string(replacement)), "\uFEFF")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r' || r == '\u2028' || r == '\u2029':
			return '\n'
		case unicode.IsControl(r) || isHidden(r):
			return replacement
		}
		return r
	}, strings.ReplaceAll(s, "\r\n", "\n"))
}

// SingleLine returns s as MultiLine does, on one line: every run of white space becomes one space. The result can
// begin neither a line nor a header of its own.
func SingleLine(s string) string { return strings.Join(strings.Fields(MultiLine(s)), " ") }

// TerminalLine returns s with every character replaced that is not printable, line ends, tabs and invisible
// characters included. Spaces are kept as they are, because "A  1" and "A 1" are different order IDs.
func TerminalLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return replacement
	}, strings.ToValidUTF8(s, string(replacement)))
}

// TerminalText returns s as TerminalLine does, with a visible mark in the place of every line end. The rows of a table and
// the lines of a comment stay apart on the one line that a value has.
func TerminalText(s string) string {
	return TerminalLine(strings.NewReplacer("\r\n", lineMark, "\n", lineMark).Replace(s))
}

const lineMark = " ⏎ "

// JSON returns a valid JSON document with every character that is not printable written as an escape (\u202e),
// except for the line ends and tabs between its values. The document's meaning does not change, because such
// characters stand only in strings.
func JSON(document []byte) []byte {
	var b bytes.Buffer
	for _, r := range string(document) {
		switch {
		case r == '\n' || r == '\t' || r == '\r' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xFFFF: // JSON escapes UTF-16 code units
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes()
}

// isHidden reports whether r is an invisible character that changes how the text around it reads, or that can hide
// text from people and not from programs.
//
// Three groups of invisible characters are kept, because text of some languages is wrong without them: the joiners
// U+200C and U+200D (Persian, Indic scripts, emoji), the zero width space U+200B (Khmer, Thai), and the directional
// marks U+200E, U+200F and U+061C (Arabic, Hebrew), which affect only the punctuation beside them.
func isHidden(r rune) bool {
	switch {
	case r >= '\u202A' && r <= '\u202E': // directional embeddings and overrides
	case r >= '\u2066' && r <= '\u2069': // directional isolates
	case r >= '\u2060' && r <= '\u2064': // word joiner and invisible operators
	case r >= '\u206A' && r <= '\u206F': // deprecated format characters
	case r >= '\uFFF9' && r <= '\uFFFB': // interlinear annotations
	case r == '\uFEFF': // a byte order mark in the middle of a text
	case r >= 0xE0000 && r <= 0xE007F: // tags: ASCII that no font shows
	default:
		return false
	}
	return true
}

// Cut shortens s to at most limit characters. It returns how many characters it removed from the end, for the note
// that tells the reader.
func Cut(s string, limit int) (head string, removed int) {
	removed = utf8.RuneCountInString(s) - limit
	if removed <= 0 {
		return s, 0
	}
	for i := range s {
		if limit <= 0 {
			return s[:i], removed
		}
		limit--
	}
	return s, 0
}

// Shorten returns s cut to at most limit characters, the last of which is an ellipsis if anything was removed.
func Shorten(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	head, _ := Cut(s, limit-1)
	return head + "…"
}
