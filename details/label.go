package details

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/untrusted"
)

// pathSeparator stands between the names of a path in a label.
const pathSeparator = " › "

// Label returns the name of a detail for readers of a language, without line breaks.
func Label(f *approval.Field, tag language.Tag) string {
	name := f.Label.In(tag)
	switch {
	case name != "":
	case f.IsPath:
		name = readablePath(f)
	default:
		name = f.Name
	}
	return untrusted.SingleLine(name)
}

// readablePath returns the words of the path of a value: "Customer › Zip code" for "/customer/zipCode".
func readablePath(f *approval.Field) string {
	if f.Path == "" {
		return readableName(f.Name)
	}
	names := strings.Split(f.Path[1:], "/")
	for i, name := range names {
		names[i] = readableName(cutName(pointerNames.Replace(name)))
	}
	return strings.Join(names, pathSeparator)
}

var pointerNames = strings.NewReplacer("~1", "/", "~0", "~")

// readableName returns the words of a name: "Order total" for "orderTotal", "order_total" and "order-total". A name
// that is not made of Latin letters, digits and these marks stays as it is.
func readableName(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !isNameRune(r) }) || name == "" {
		return name
	}
	words := splitWords(name)
	if len(words) == 0 {
		return name
	}
	for i, w := range words {
		if !isAcronym(w) {
			words[i] = strings.ToLower(w)
		}
	}
	first, size := utf8.DecodeRuneInString(words[0])
	words[0] = string(unicode.ToUpper(first)) + words[0][size:]
	return strings.Join(words, " ")
}

func isNameRune(r rune) bool {
	return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '-')
}

func isAcronym(word string) bool { return len(word) > 1 && strings.ToUpper(word) == word }

// splitWords splits a name at its marks, and where a capital letter begins a word.
func splitWords(name string) []string {
	var words []string
	start := 0
	end := func(i int) {
		if i > start {
			words = append(words, name[start:i])
		}
	}
	for i := range len(name) {
		switch {
		case name[i] == '_' || name[i] == '-':
			end(i)
			start = i + 1
		case i > start && beginsWord(name, i):
			end(i)
			start = i
		}
	}
	end(len(name))
	return words
}

// beginsWord reports whether a capital letter at i begins a word: after a small letter or a digit, or before a small
// letter in "HTTPServer".
func beginsWord(name string, i int) bool {
	isUpper := func(b byte) bool { return b >= 'A' && b <= 'Z' }
	isLower := func(b byte) bool { return b >= 'a' && b <= 'z' }
	if !isUpper(name[i]) {
		return false
	}
	return !isUpper(name[i-1]) || i+1 < len(name) && isLower(name[i+1])
}
