package language

import (
	"encoding/json"
	"strings"
	"unicode"

	xlanguage "golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
)

// Separators are the separators of numbers in a language.
type Separators struct {
	Decimal string
	Group   string
	// primary and secondary are the numbers of digits in the last group and in the groups before it: 3 and 3, or 3 and 2
	// in India.
	primary, secondary int
}

// Separators returns the separators of the language, from CLDR.
func (w Words) Separators() Separators {
	sample := message.NewPrinter(xlanguage.Make(string(w.Tag()))).Sprint(number.Decimal(123456789.5))
	s := Separators{Decimal: ".", primary: 3, secondary: 3}
	var lengths []int
	digits := 0
	for _, r := range sample {
		if unicode.IsDigit(r) {
			digits++
			continue
		}
		lengths = append(lengths, digits)
		digits = 0
		if len(lengths) == 1 {
			s.Group = string(r)
		}
		s.Decimal = string(r) // the last separator stays
	}
	switch last := len(lengths) - 1; {
	case last < 1: // a language without groups
		s.Group = ""
	default:
		s.primary, s.secondary = lengths[last], lengths[last]
		if last >= 2 {
			s.secondary = lengths[last-1]
		}
	}
	return s
}

// Number returns a number with the separators of the language. Its digits stay as they are written: 19.90 keeps its zero.
// It is for quantities and amounts; the digits of a year or an ID are not grouped. A text that is not a plain decimal
// number, such as 1e9, stays as it is.
func (w Words) Number(n json.Number) string {
	sign, digits := "", string(n)
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	whole, fraction, hasFraction := strings.Cut(digits, ".")
	if whole == "" || strings.Trim(whole+fraction, "0123456789") != "" || (hasFraction && fraction == "") {
		return string(n)
	}
	s := w.Separators()
	out := sign + s.group(whole)
	if hasFraction {
		out += s.Decimal + fraction
	}
	return out
}

// group puts separators between the groups of digits.
func (s Separators) group(digits string) string {
	if s.Group == "" || len(digits) <= s.primary {
		return digits
	}
	cut := len(digits) - s.primary
	out := digits[cut:]
	for digits = digits[:cut]; len(digits) > s.secondary; digits = digits[:len(digits)-s.secondary] {
		out = digits[len(digits)-s.secondary:] + s.Group + out
	}
	return digits + s.Group + out
}
