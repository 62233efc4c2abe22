package approval

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// PersonID is the ID of a person in its normal form: two IDs name the same person if and only if their normal forms are
// equal. NewPersonID makes it. Records and messages keep an ID as it was written; the normal form is for comparisons
// and for the keys of maps.
//
// In the normal form
//   - white space (as Unicode defines it) around the ID is removed;
//   - upper-case and lower-case letters are equal: the ASCII letters among themselves, and all other letters by
//     Unicode's simple case folding, always in their lower-case form;
//   - a letter outside ASCII never equals a letter of ASCII: the dotless ı and the dotted İ are not i, the long ſ is not
//     s, the Kelvin sign K is not k. Mail servers deliver "ſam@example.com" to a different mailbox than
//     "sam@example.com", so these are two persons;
//   - characters that nobody can see, such as the zero-width space, are removed: two names that look the same would be
//     two voters;
//   - all else stays as it is. A letter that is written as a single character differs from the same letter written as a
//     base letter with a combining accent, and invalid UTF-8 stays invalid.
type PersonID string

// NewPersonID returns the normal form of an ID.
func NewPersonID(id string) PersonID {
	if !utf8.ValidString(id) { // strings.Map would make all invalid bytes equal
		return PersonID(strings.TrimSpace(id))
	}
	visible := func(r rune) rune {
		if isInvisible(r) {
			return -1
		}
		return foldCase(r)
	}
	return PersonID(strings.TrimSpace(strings.Map(visible, id)))
}

// isInvisible reports whether Unicode lets a font leave the character out.
func isInvisible(r rune) bool {
	if r < utf8.RuneSelf || unicode.Is(unicode.Prepended_Concatenation_Mark, r) {
		return false
	}
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// SamePerson reports whether two IDs name the same person.
func SamePerson(a, b string) bool {
	return a == b || NewPersonID(a) == NewPersonID(b)
}

// foldCase returns the letter that stands for r and for its upper-case and lower-case forms. It never maps a
// letter outside ASCII to one in ASCII, or the other way round.
func foldCase(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}
	first := r // the smallest of the equivalent letters, usually the upper-case letter
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		if f >= utf8.RuneSelf {
			first = min(first, f)
		}
	}
	if lower := unicode.ToLower(first); lower >= utf8.RuneSelf {
		return lower
	}
	return first
}
