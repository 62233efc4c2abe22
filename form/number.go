package form

import (
	"cmp"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"github.com/approval-relay/approval-relay/language"
)

var (
	jsonNumber  = regexp.MustCompile(`^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$`)
	digits      = regexp.MustCompile(`^\d+$`)
	wholeGroups = regexp.MustCompile(`^\d{1,3}( \d{3})+$`)
	// otherGroup is a number with a single separator that could separate groups in another language: 1.234 is more than a
	// thousand to a German, and less than two to an American.
	otherGroup = regexp.MustCompile(`^[1-9]\d{0,2}\.\d{3}$`)
)

// ParseNumber returns a number that was typed in a language as JSON writes it. It refuses a decimal that people of
// another language would read as thousands, such as 1.234 in English: a wrong guess is wrong by a factor of a thousand.
func ParseNumber(typed string, tag language.Tag) (json.Number, bool) {
	if tag == Plain {
		return json.Number(typed), jsonNumber.MatchString(typed)
	}
	sign, unsigned := "", strings.TrimPrefix(typed, "+")
	for _, minus := range []string{"-", "−"} {
		if rest, negative := strings.CutPrefix(typed, minus); negative {
			sign, unsigned = "-", rest
		}
	}
	s := language.For(tag).Separators()
	whole, fraction, hasFraction := strings.Cut(unsigned, s.Decimal)
	whole = joinGroups(whole, s)
	if whole == "" && hasFraction {
		whole = "0"
	}
	if !digits.MatchString(whole) || hasFraction && !digits.MatchString(fraction) {
		return "", false
	}
	text := cmp.Or(strings.TrimLeft(whole, "0"), "0") // numbers of JSON have no zeros at the beginning
	if hasFraction {
		text += "." + fraction
	}
	if otherGroup.MatchString(text) {
		return "", false
	}
	return json.Number(sign + text), true
}

// joinGroups removes the separators of thousands if they are in their places. Beside the separator of the language, they
// can be spaces and apostrophes, and points where these are no decimal points.
func joinGroups(whole string, s language.Separators) string {
	separators := []string{s.Group, " ", "\u00a0", "\u202f", "'", "’"}
	if s.Decimal == "," {
		separators = append(separators, ".")
	}
	groups := whole
	for _, separator := range separators {
		if separator != "" {
			groups = strings.ReplaceAll(groups, separator, " ")
		}
	}
	if wholeGroups.MatchString(groups) {
		return strings.ReplaceAll(groups, " ", "")
	}
	return whole
}

// TypeNumber returns a number of JSON as a person would type it in a language, for an input that shows it at first. It is
// the inverse of ParseNumber: 1.085 becomes 1.0850 in English, and 1,0850 in German.
func TypeNumber(n json.Number, tag language.Tag) string {
	text := string(n)
	if tag == Plain {
		return text
	}
	if f, err := n.Float64(); err == nil && strings.ContainsAny(text, "eE") {
		text = strconv.FormatFloat(f, 'f', -1, 64)
	}
	if otherGroup.MatchString(strings.TrimPrefix(text, "-")) {
		text += "0"
	}
	return strings.Replace(text, ".", language.For(tag).Separators().Decimal, 1)
}
