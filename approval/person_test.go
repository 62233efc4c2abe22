package approval

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestSamePerson(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b string
		same bool
	}{
		{"equal", "ann@example.com", "ann@example.com", true},
		{"mixed case", "Ann@Example.COM", "aNN@eXAMPLE.com", true},
		{"spaces around", " ann@example.com\t", "\u00a0ann@example.com\n", true},
		{"a space inside", "ann smith", "annsmith", false},
		{"two persons", "ann@example.com", "anna@example.com", false},
		{"empty and white space", "", " ", true},
		{"empty and a person", "", "ann", false},
		{"accented letters in two cases", "RENÉ", "rené", true},
		{"Greek sigma in its three forms", "ΣΟΦΟΣ", "σοφος", true},
		{"final sigma", "σοφοσ", "σοφος", true},
		{"sharp s in two cases", "STRAẞE", "straße", true},
		{"sharp s and ss", "straße", "strasse", false},
		{"Ångström sign and Å", "\u212bsa", "\u00e5sa", true},
		{"one character and a combining accent", "ren\u00e9", "rene\u0301", false},
		{"dotless i", "ılse@example.com", "ilse@example.com", false},
		{"dotless i in upper case", "ılse@example.com", "ILSE@example.com", false},
		{"dotted I", "İlse@example.com", "ilse@example.com", false},
		{"dotted and dotless", "İlse@example.com", "ılse@example.com", false},
		{"long s", "ſam@example.com", "sam@example.com", false},
		{"long s and upper case", "ſam@example.com", "SAM@example.com", false},
		{"Kelvin sign", "\u212aim@example.com", "kim@example.com", false},
		{"Kelvin sign and upper case", "\u212aim@example.com", "KIM@example.com", false},
		{"Cyrillic and Latin a", "аnn", "ann", false},
		{"a zero-width space", "an\u200bn", "ann", true},
		{"a byte order mark before a space", "\ufeff ann", "ann", true},
		{"a soft hyphen and a joiner", "an\u00adn\u2060", "ann", true},
		{"a variation selector", "ann\ufe0f", "ann", true},
		{"a Hangul filler", "\u3164ann", "ann", true},
		{"a visible format character", "\u0600ann", "ann", false},
		{"only invisible characters", "\u200b", "", true},
		{"two invalid bytes", "a\xff", "a\xfe", false},
		{"an invalid byte and its replacement", "a\xff", "a\ufffd", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if SamePerson(c.a, c.b) != c.same || SamePerson(c.b, c.a) != c.same {
				t.Errorf("SamePerson(%q, %q) is not %t", c.a, c.b, c.same)
			}
			if id := NewPersonID(c.a); NewPersonID(string(id)) != id {
				t.Errorf("the normal form %q of %q has another normal form", id, c.a)
			}
		})
	}
}

// For every letter of Unicode: folding it twice is folding it once, two letters outside ASCII are equal exactly if
// strings.EqualFold makes them equal, and ASCII stays separate.
func TestFoldCaseOfEveryLetter(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		folded := foldCase(r)
		switch {
		case foldCase(folded) != folded:
			t.Errorf("%U becomes %U, which becomes %U", r, folded, foldCase(folded))
		case (r < utf8.RuneSelf) != (folded < utf8.RuneSelf):
			t.Errorf("%U becomes %U: ASCII is not closed", r, folded)
		case utf8.ValidRune(r) && !strings.EqualFold(string(r), string(folded)):
			t.Errorf("%U becomes %U, a different letter", r, folded)
		}
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			if (f < utf8.RuneSelf) == (r < utf8.RuneSelf) && foldCase(f) != folded {
				t.Errorf("%U becomes %U, but its other case %U becomes %U", r, folded, f, foldCase(f))
			}
		}
	}
}
