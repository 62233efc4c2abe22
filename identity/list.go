package identity

import (
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// listNames begin the names in lists of approvers that are no people, and that no e-mail address begins with.
var listNames = []string{"group:", "source:", "api:"}

// splitAddresses returns the people of a text with several e-mail addresses: separated by commas, semicolons, new lines
// or white space. The result is false if a part is not an address.
func splitAddresses(text string) ([]string, bool) {
	if people, ok := readParts(splitOutsideQuotes(text)); ok {
		return people, true
	}
	return readParts(strings.FieldsFunc(text, isInvisibleSpace))
}

// readParts returns the people of the parts of a list. Empty parts, such as after the last comma, are left out.
func readParts(parts []string) ([]string, bool) {
	var people []string
	for _, part := range parts {
		part = Clean(part)
		if part == "" {
			continue
		}
		person, ok := readPerson(part)
		if !ok && isListName(part) {
			person, ok = part, true
		}
		if !ok {
			return nil, false
		}
		people = append(people, person)
	}
	return people, len(people) > 0
}

// isListName reports whether a part of a list is the name of a group or of a source.
func isListName(part string) bool {
	for _, prefix := range listNames {
		if rest, ok := strings.CutPrefix(part, prefix); ok {
			return rest != "" && !strings.ContainsFunc(rest, isSeparator)
		}
	}
	return false
}

// addressLike matches a text in which an "@" follows a part of an address, its quotes, its comment or a space before a
// domain. An "@" that begins a name, such as @mia or <@U0123>, is none of them.
var addressLike = regexp.MustCompile(`[^\s<(\[{,;|@]@|\s@\s*[^\s@]+\.|=\?[^?]+\?[bqBQ]\?`)

// containsAddress reports whether a part of a text is, or could be, an e-mail address: also one that is written with
// characters of full width, or escaped as in a URL or in the header of a mail.
func containsAddress(text string) bool {
	return addressLike.MatchString(strings.ReplaceAll(norm.NFKC.String(text), "%40", "@"))
}

// countParts returns the number of parts of a list that are not empty.
func countParts(text string) int {
	n := 0
	for _, part := range splitOutsideQuotes(text) {
		if Clean(part) != "" {
			n++
		}
	}
	return n
}

// splitOutsideQuotes splits a text at commas, semicolons and new lines. A comma within quotes or angle brackets is part
// of a name.
func splitOutsideQuotes(text string) []string {
	var parts []string
	var quoted, inAngles bool
	start := 0
	for i, r := range text {
		switch r {
		case '"':
			quoted = !quoted
		case '<':
			inAngles = true
		case '>':
			inAngles = false
		case ',', ';', '\n', '\r':
			if !quoted && !inAngles {
				parts = append(parts, text[start:i])
				start = i + 1
			}
		}
	}
	return append(parts, text[start:])
}
